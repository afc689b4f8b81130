#include <millrace/runtime/savepoint_signal_guard.hpp>

#include <millrace/api/checkpointing.hpp>
#include <millrace/core/log.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/sigint_guard.hpp>

#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace millrace;
using Catch::Matchers::ContainsSubstring;

namespace {

/// What the library logs while it lives; waits for what is to come.
class Log {
public:
    Log() {
        setLogCallback([state = state_](LogLevel level, std::string_view message) {
            const std::lock_guard lock(state->mutex);
            state->text.append(toString(level)).append(" ").append(message).append("\n");
            state->changed.notify_all();
        });
    }
    ~Log() { setLogCallback({}); }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Waits until something with this text was logged, and takes all that was logged up to now.
    std::string await(const std::string& part) {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait(lock, [&] { return state_->text.find(part) != std::string::npos; });
        return std::exchange(state_->text, "");
    }

private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::string text;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A job that adds up what is pushed into a channel, and runs until somebody ends it.
struct Sums {
    Channel<std::int64_t> numbers{100};
    Channel<std::int64_t> sums{100};
    StreamExecutionEnvironment<ThreadPoolRuntime> env{ThreadPoolRuntime(2)};

    std::shared_ptr<JobClient> start(const CheckpointConfig& config) {
        env.setParallelism(1);
        env.enableCheckpointing(config);
        env.fromChannel(numbers)
            .uid("numbers")
            .keyBy([](std::int64_t) { return 0; })
            .sum()
            .uid("sum")
            .sinkTo(ChannelSink(sums))
            .uid("sums");
        return env.executeAsync("sums");
    }
    /// The sum once the next number is in it.
    std::int64_t add(std::int64_t number) {
        REQUIRE(numbers.push(number));
        return sums.pop().value_or(-1);
    }
};

std::vector<std::string> namesIn(const std::string& directory) {
    std::vector<std::string> names;
    if (!std::filesystem::exists(directory)) return names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (std::filesystem::exists(entry.path() / "manifest.json")) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TEST_CASE("SIGUSR1 takes a savepoint, and SIGTERM ends the job with one", "[api][checkpoint][threads]") {
    static std::atomic<int> others{0};
    others = 0;
    std::signal(SIGTERM, [](int) { ++others; });
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string saved = directory.path("saved");
    Log log;
    std::string last;
    {
        Sums job;
        const auto client = job.start({.directory = directory.path("kept")});
        const SavepointSignalGuard guard(client, saved);
        const SigintGuard beside(client);
        CHECK(job.add(3) == 3);
        std::raise(SIGUSR1);
        CHECK_THAT(log.await("savepoint 1 of job 'sums'"),
                   ContainsSubstring("INFO savepoint 1 of job 'sums' is in '" + saved + "/savepoint-2"));
        CHECK(job.add(4) == 7);
        std::raise(SIGUSR1);
        log.await("savepoint 2 of job 'sums'");
        client->triggerCheckpoint();
        CHECK(job.add(5) == 12);
        CHECK(namesIn(saved).size() == 2);
        CHECK(guard.savepointPath().empty());
        CHECK(client->status() == JobStatus::Running);

        std::raise(SIGTERM);
        CHECK(client->result().status == JobStatus::Finished);
        last = guard.savepointPath();
        REQUIRE(std::filesystem::exists(last + "/manifest.json"));
        CHECK(namesIn(saved).size() == 3);
        CHECK(namesIn(directory.path("kept")).empty());
    }
    CHECK_THAT(log.await("the job ends"), ContainsSubstring("savepoint 4 of job 'sums' is in '" + last));
    {
        Sums job;
        const auto client = job.start({.directory = directory.path("kept"), .restoreFrom = last});
        CHECK(job.add(1) == 13);
        client->cancel();
        CHECK_THROWS_AS(client->result(), JobCancelledException);
    }
    CHECK(others == 0);
    std::raise(SIGTERM);
    CHECK(others == 1);
    std::signal(SIGTERM, SIG_DFL);
}

TEST_CASE("SIGTERM may suspend a job, which its next run goes on with by itself", "[api][checkpoint][threads]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const CheckpointConfig config{.directory = directory.path("kept")};
    {
        Sums job;
        const auto client = job.start(config);
        const SavepointSignalGuard guard(client, directory.path("saved"), OnTerminate::Suspend);
        CHECK(job.add(3) == 3);
        std::raise(SIGTERM);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(guard.savepointPath().empty());
        CHECK(namesIn(directory.path("kept")) == std::vector<std::string>{"chk-1"});
        CHECK(namesIn(directory.path("saved")).empty());
    }
    Sums job;
    const auto client = job.start(config);
    CHECK(job.add(1) == 4);
    client->cancel();
    CHECK_THROWS_AS(client->result(), JobCancelledException);
}

TEST_CASE("a savepoint by signal that fails says why, and the job runs on", "[api][checkpoint][threads]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    directory.write("saved", "in the way");
    Log log;
    Sums job;
    const auto client = job.start({.directory = directory.path("kept")});
    const SavepointSignalGuard guard(client, directory.path("saved"));
    for (const int signal : {SIGUSR1, SIGTERM}) {
        std::raise(signal);
        CHECK_THAT(log.await("was asked by a signal"),
                   ContainsSubstring("WARNING job 'sums' was asked by a signal: savepoint") &&
                       ContainsSubstring(directory.path("saved")));
        CHECK(guard.savepointPath().empty());
    }
    CHECK(job.add(3) == 3);
    std::filesystem::remove(directory.path("saved"));
    std::raise(SIGTERM);
    CHECK(client->result().status == JobStatus::Finished);
    CHECK_FALSE(guard.savepointPath().empty());
}

TEST_CASE("SIGTERM cancels a job that is about to end and does not get there", "[api][checkpoint][threads]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    std::atomic<bool> isHeld{true};
    std::atomic<bool> isThere{false};
    StreamExecutionEnvironment env(ThreadPoolRuntime(2));
    env.setParallelism(1);
    env.enableCheckpointing({.directory = directory.path("kept")});
    Channel<std::int64_t> numbers(100);
    env.fromChannel(numbers)
        .rebalance()
        .map([&](std::int64_t number) {
            isThere = true;
            while (isHeld) std::this_thread::yield();
            return number;
        })
        .addSink([](std::int64_t) {});
    const auto client = env.executeAsync("held");
    const SavepointSignalGuard guard(client, directory.path("saved"));
    REQUIRE(numbers.push(1));
    while (!isThere) std::this_thread::yield();
    std::raise(SIGTERM);
    std::raise(SIGTERM);
    while (client->status() == JobStatus::Running) std::this_thread::yield();
    isHeld = false;
    CHECK_THROWS_AS(client->result(), JobCancelledException);
    CHECK(guard.savepointPath().empty());
}

TEST_CASE("signals for savepoints need a job with checkpoints, a directory, and one guard",
          "[api][checkpoint][threads]") {
    Sums job;
    const auto client = job.start({});
    CHECK_THROWS_AS(SavepointSignalGuard(client, ""), ConfigurationException);
    {
        const SavepointSignalGuard guard(client, "saved");
        CHECK_THROWS_AS(SavepointSignalGuard(client, "saved"), ConfigurationException);
    }
    client->cancel();
    CHECK_THROWS_AS(client->result(), JobCancelledException);

    StreamExecutionEnvironment env(ThreadPoolRuntime(1));
    env.fromSequence(1, 3).addSink([](std::int64_t) {});
    const auto plain = env.executeAsync("plain");
    CHECK_THROWS_AS(SavepointSignalGuard(plain, "saved"), ConfigurationException);
    plain->result();
}
