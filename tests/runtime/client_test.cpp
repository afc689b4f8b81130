#include <millrace/runtime/sigint_guard.hpp>

#include <runtime/fake_job.hpp>
#include <runtime/runtimes.hpp>
#include <support/catch.hpp>

#include <millrace/core/log.hpp>
#include <millrace/runtime/asio_executor.hpp>
#include <millrace/runtime/job.hpp>

#include <atomic>
#include <csignal>
#include <deque>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include <unistd.h>

using namespace millrace;
using namespace millrace::fake;
using namespace std::chrono_literals;

namespace {

std::size_t threadsOfProcess() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
}
/// After a first thread: with that a sanitizer starts one of its own.
std::size_t threadsAtRest() {
    std::string listed;
    std::thread([&] { listed = "/proc/self/task/" + std::to_string(::gettid()); }).join();
    while (std::filesystem::exists(listed)) std::this_thread::yield();
    return threadsOfProcess();
}
/// A thread that has been joined is listed until the system has removed it.
bool threadsComeDownTo(std::size_t count) {
    for (int i = 0; i < 1'000'000 && threadsOfProcess() != count; ++i) std::this_thread::yield();
    return threadsOfProcess() == count;
}

/// A source that is fed from outside.
struct Inbox {
    std::mutex mutex;
    std::vector<std::int64_t> values;
    bool closed = false;
    std::function<void()> wake;
    void push(std::int64_t value) {
        std::function<void()> wakeReader;
        {
            const std::lock_guard lock(mutex);
            values.push_back(value);
            wakeReader = wake;
        }
        if (wakeReader) wakeReader();
    }
    void close() {
        std::function<void()> wakeReader;
        {
            const std::lock_guard lock(mutex);
            closed = true;
            wakeReader = wake;
        }
        if (wakeReader) wakeReader();
    }
};
class InboxSource : public CountingSource {
public:
    explicit InboxSource(std::shared_ptr<Inbox> inbox) : CountingSource(0), inbox_(std::move(inbox)) {}
    void open(StageContext& c) override {
        CountingSource::open(c);
        const std::lock_guard lock(inbox_->mutex);
        inbox_->wake = c.wakeUp();
    }
    PollStatus poll() override {
        std::vector<Tracked> values;
        {
            const std::lock_guard lock(inbox_->mutex);
            for (std::int64_t each : inbox_->values) values.emplace_back(each);
            inbox_->values.clear();
            if (values.empty()) return inbox_->closed ? PollStatus::EndOfInput : PollStatus::NothingAvailable;
        }
        emit({values.data(), nullptr, nullptr, values.size()});
        return PollStatus::MoreAvailable;
    }

private:
    std::shared_ptr<Inbox> inbox_;
};

}  // namespace

TEST_CASE("sources are woken from other threads, and waking one after the end does nothing",
          "[runtime][wake][threads]") {
    std::vector<AnyRuntime> runtimes;
    runtimes.push_back(anyRuntime("caller", CallerRuntime()));
    runtimes.push_back(anyRuntime("pool", ThreadPoolRuntime(2)));
    runtimes.push_back(anyRuntime("simulation", SimulatedRuntime(1)));
    for (const AnyRuntime& runtime : runtimes) {
        CAPTURE(runtime.name);
        auto inbox = std::make_shared<Inbox>();
        Received received;
        std::shared_ptr<JobClient> client;
        {
            FakeGraph graph;
            graph.source("inbox", 1, [inbox] { return std::make_unique<InboxSource>(inbox); });
            graph.sink(2, {graph.edge(0)}, received);
            client = runtime.submit(graph);
        }
        std::thread feeder([&] {
            for (std::int64_t i = 0; i < 1000; ++i) inbox->push(i);
            inbox->close();
        });
        if (runtime.name == "simulation") feeder.join();  // a simulation does not wait for other threads
        client->result();
        if (feeder.joinable()) feeder.join();
        CHECK(received.sorted() == upTo(1000));
        inbox->wake();
        client.reset();
        inbox->wake();
        CHECK(received.size() == 1000);
    }
}

TEST_CASE("CallerRuntime runs everything on the caller's thread and creates none", "[runtime][caller][threads]") {
    struct SameThread : FakeStage {
        void onBlock(int, BlockRef) override {
            if (std::this_thread::get_id() != thread) throw std::logic_error("another thread");
        }
        std::thread::id thread = std::this_thread::get_id();
    };
    const std::size_t before = threadsAtRest();
    CallerRuntime runtime;
    FakeGraph graph;
    graph.numbers(3, 1000);
    graph.node("same thread", 2, {graph.edge(0, ExchangeKind::Hash)}, [] { return std::make_unique<SameThread>(); });
    const auto first = runtime.submit(graph);
    const auto second = runtime.submit(graph);
    CHECK(first->status() == JobStatus::Running);
    CHECK(runtime.runFor(3) == 3);
    CHECK(threadsComeDownTo(before));
    while (first->step()) continue;  // both: a runtime's jobs take turns
    CHECK(first->isDone());
    CHECK(second->isDone());
    CHECK(second->result().status == JobStatus::Finished);
    CHECK(threadsComeDownTo(before));
    CHECK_FALSE(runtime.step());
}

TEST_CASE("jobs share a pool, and end each for itself", "[runtime][pool][threads]") {
    const ThreadPoolRuntime pool(2);
    Received received[3];
    std::vector<std::shared_ptr<JobClient>> clients;
    for (Received& each : received) {
        FakeGraph graph;
        graph.numbers(2, 2000);
        graph.sink(2, {graph.edge(0, ExchangeKind::Hash)}, each);
        ThreadPoolRuntime copy = pool;
        clients.push_back(copy.submit(graph));
    }
    FakeGraph silent;
    silent.source("silent", 1, [] { return std::make_unique<SilentSource>(); });
    const auto waiting = ThreadPoolRuntime(pool).submit(silent);
    for (auto& client : clients) client->result();
    for (Received& each : received) CHECK(each.sorted() == upTo(2000));
    CHECK(waiting->status() == JobStatus::Running);
    CHECK_FALSE(waiting->waitFor(0ms));
    waiting->stop();
    CHECK(waiting->waitFor(1h));
}

TEST_CASE("a pool ends with its last job, and leaves no thread", "[runtime][pool][threads]") {
    const std::size_t before = threadsAtRest();
    for (int i = 0; i < 20; ++i) {
        Received received;
        FakeGraph graph;
        graph.numbers(2, 500);
        graph.sink(2, {graph.edge(0, ExchangeKind::Hash)}, received);
        const auto client = ThreadPoolRuntime(2).submit(graph);  // the runtime is gone before the job
        client->result();
        CHECK(received.size() == 500);
    }
    CHECK(threadsComeDownTo(before));
}

TEST_CASE("jobs run on the caller's own io_context, which stays busy until their end", "[runtime][pool][threads]") {
    boost::asio::io_context context;
    ThreadPoolRuntime runtime(onExecutor(context));
    auto inbox = std::make_shared<Inbox>();
    Received received;
    FakeGraph graph;
    graph.source("inbox", 1, [inbox] { return std::make_unique<InboxSource>(inbox); });
    graph.sink(2, {graph.edge(0)}, received);
    const auto client = runtime.submit(graph);
    std::thread feeder([&] {
        for (std::int64_t i = 0; i < 100; ++i) inbox->push(i);
        inbox->close();
    });
    context.run();  // returns when the job has ended: nobody else keeps it
    CHECK(client->isDone());
    feeder.join();
    CHECK(received.sorted() == upTo(100));
    CHECK_THROWS_AS(ThreadPoolRuntime(ExternalExecutor{}), ConfigurationException);
}

TEST_CASE("each job holds a token of the caller's executor until it has ended", "[runtime][pool][threads]") {
    std::deque<std::function<void()>> ready;
    int held = 0;
    const auto hold = [&held] {
        ++held;
        return std::shared_ptr<void>(nullptr, [&held](void*) { --held; });
    };
    ThreadPoolRuntime runtime(
        ExternalExecutor{[&ready](std::function<void()> run) { ready.push_back(std::move(run)); }, hold});
    Received received;
    FakeGraph first;
    first.numbers(1, 10);
    first.sink(1, {first.edge(0, ExchangeKind::Hash)}, received);
    FakeGraph second;
    second.numbers(1, 10);
    second.sink(1, {second.edge(0, ExchangeKind::Hash)}, received);
    const auto client = runtime.submit(first);
    CHECK(held == 1);
    const auto other = runtime.submit(second);
    CHECK(held == 2);
    bool seenOne = false;
    while (!ready.empty()) {
        const auto run = std::move(ready.front());
        ready.pop_front();
        run();
        seenOne = seenOne || held == 1;
    }
    CHECK(seenOne);
    CHECK(held == 0);
    CHECK(client->isDone());
    CHECK(other->isDone());
    CHECK(received.size() == 20);
}

TEST_CASE("the shared io_context runs on a thread of its own", "[runtime][asio][threads]") {
    std::atomic<bool> ran{false};
    std::thread::id thread;
    boost::asio::post(detail::sharedIoContext(), [&] {
        thread = std::this_thread::get_id();
        ran = true;
        ran.notify_all();
    });
    ran.wait(false);
    CHECK(thread != std::this_thread::get_id());
    CHECK(&detail::sharedIoContext() == &detail::sharedIoContext());
}

TEST_CASE("metrics have a row per operator chain and subtask, with rates by the runtime's clock",
          "[runtime][metrics]") {
    struct Paced : CountingSource {
        Paced() : CountingSource(1000) {}
        PollStatus poll() override {
            // a block per second of virtual time
            if (context->currentProcessingTime() < due) return PollStatus::NothingAvailable;
            due = context->currentProcessingTime() + 1s;
            context->registerProcessingTimer(due);
            return CountingSource::poll();
        }
        Timestamp due = Timestamp{} + 1s;
        void open(StageContext& c) override {
            CountingSource::open(c);
            c.registerProcessingTimer(due);
        }
    };
    Received received;
    FakeGraph graph;
    graph.source("paced", 1, [] { return std::make_unique<Paced>(); });
    graph.sink(2, {graph.edge(0)}, received);
    SimulatedRuntime runtime(5);
    const auto client = runtime.submit(graph);
    runtime.advance(4s);
    auto rows = client->metrics();
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].name == "paced");
    CHECK(rows[0].uid == "uid-paced");
    CHECK(rows[0].recordsOut == 40);
    CHECK(rows[0].recordsOutPerSecond == Catch::Approx(10));
    CHECK(rows[0].watermark == at(39));
    CHECK(rows[1].name == "sink");
    CHECK(rows[1].subtask == 0);
    CHECK(rows[2].subtask == 1);
    CHECK(rows[2].parallelism == 2);
    CHECK(rows[1].recordsIn + rows[2].recordsIn == 40);
    CHECK(rows[1].queueFill == 0);
    runtime.advance(10s);
    CHECK(client->metrics()[0].recordsOutPerSecond == Catch::Approx(10));
    runtime.advance(0s);
    CHECK(client->metrics()[0].recordsOutPerSecond == 0);  // no time has passed since
    client->result();
    rows = client->metrics();
    CHECK(rows[0].recordsOut == 1000);
    CHECK(rows[0].recordsOutPerSecond == Catch::Approx(10).epsilon(0.05));
}

TEST_CASE("a full channel shows in the metrics of its consumer", "[runtime][metrics]") {
    struct Shut : FakeStage {
        void open(StageContext& c) override {
            FakeStage::open(c);
            c.addSinkCheck([] { return false; });
            c.outputBlocked = true;  // takes nothing: in which order the tasks run does not matter
        }
    };
    FakeGraph graph;
    graph.numbers(1, std::int64_t{1} << 60).chainable = false;
    graph.node("shut", 1, {graph.edge(0)}, [] { return std::make_unique<Shut>(); });
    graph.bufferTimeout = Duration{-1};  // batches go when they are full, not when the machine is slow
    CallerRuntime runtime;
    const auto client = runtime.submit(graph);
    while (runtime.step()) continue;
    CHECK(client->metrics()[0].queueFill == 0);
    CHECK(client->metrics()[1].queueFill == 1);
    CHECK(client->channelBytes() > 0);
}

TEST_CASE("accumulators are read while the job runs and are part of its result", "[runtime][metrics]") {
    struct Adding : FakeStage {
        void open(StageContext& c) override {
            FakeStage::open(c);
            counter = &c.accumulators().create<LongCounter>("seen");
        }
        void onBlock(int, BlockRef block) override { counter->add(static_cast<std::int64_t>(block.size)); }
        LongCounter* counter = nullptr;
    };
    FakeGraph graph;
    graph.numbers(2, 100);
    graph.node("adding", 2, {graph.edge(0)}, [] { return std::make_unique<Adding>(); });
    const auto client = CallerRuntime().submit(graph);
    client->runFor(2);
    CHECK(client->accumulators().contains("seen"));
    const auto result = client->result();
    CHECK(result.accumulator("seen") == 100);
    CHECK_THROWS_AS(result.accumulator("unseen"), ConfigurationException);
    CHECK_THROWS_AS(result.accumulator<double>("seen"), ConfigurationException);
}

TEST_CASE("the watchdog names the operator that holds a thread, once per call", "[runtime][watchdog]") {
    static detail::Job* job;
    struct Slow : FakeStage {
        void onBlock(int, BlockRef) override {
            const Duration since = job->tasks()[0].runningSince();
            job->reportLongCalls(since + 999ms);
            job->reportLongCalls(since + 1001ms);
            job->reportLongCalls(since + 5s);
        }
    };
    struct Clocked : detail::TaskExecutor {
        void post(detail::Actor& actor) override { ready = &actor; }
        Timestamp now() const override { return Timestamp{}; }
        Duration monotonicNow() const override { return 5s; }
        void wakeAt(Timestamp, detail::Actor&) override {}
        bool waitFor(detail::Job&, Duration) override { return true; }
        detail::Actor* ready = nullptr;
    };
    std::vector<std::string> messages;
    setLogCallback([&](LogLevel level, std::string_view message) {
        messages.push_back(std::string(toString(level)) + " " + std::string(message));
    });
    FakeGraph graph;
    graph.numbers(1, 10);
    graph.node("slow", 1, {graph.edge(0)}, [] { return std::make_unique<Slow>(); });
    const detail::Shared<Clocked> executor(new Clocked);
    const detail::Shared<detail::Job> running(new detail::Job(graph, executor));
    job = running.get();
    running->start();
    executor->ready->run();
    setLogCallback(nullptr);
    CHECK(running->status() == JobStatus::Finished);
    REQUIRE(messages.size() == 1);
    CHECK_THAT(messages[0],
               Catch::Matchers::ContainsSubstring("WARNING job 'test job': 'numbers' (uid 'uid-numbers', subtask 0 of "
                                                  "1) and 1 called directly has held its thread"));
}

TEST_CASE("Ctrl-C stops a job, and the second time cancels it", "[runtime][sigint][threads]") {
    static std::atomic<int> others{0};
    others = 0;
    std::signal(SIGINT, [](int) { ++others; });
    {
        FakeGraph graph;
        Received received;
        graph.source("silent", 1, [] { return std::make_unique<SilentSource>(); });
        graph.sink(1, {graph.edge(0)}, received);
        const auto client = ThreadPoolRuntime(1).submit(graph);
        const SigintGuard guard(client);
        CHECK_THROWS_AS(SigintGuard(client), ConfigurationException);
        std::raise(SIGINT);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(received.trace.count("watermark max") == 1);
    }
    {
        struct IgnoresStop : SilentSource {
            Progress finishSource(bool) override { return Progress::Suspended; }
            Progress resume() override { return Progress::Suspended; }
        };
        FakeGraph graph;
        graph.source("ignores stop", 1, [] { return std::make_unique<IgnoresStop>(); });
        const auto client = ThreadPoolRuntime(1).submit(graph);
        const SigintGuard guard(client);
        std::raise(SIGINT);
        std::raise(SIGINT);
        CHECK_THROWS_AS(client->result(), JobCancelledException);
    }
    CHECK(others == 0);
    std::raise(SIGINT);
    CHECK(others == 1);
    std::signal(SIGINT, SIG_DFL);
}

TEST_CASE("statuses have Flink's names", "[runtime]") {
    CHECK(toString(JobStatus::Created) == "CREATED");
    CHECK(toString(JobStatus::Canceled) == "CANCELED");
    CHECK_FALSE(isTerminal(JobStatus::Failing));
    CHECK(isTerminal(JobStatus::Failed));
}
