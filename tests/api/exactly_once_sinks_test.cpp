#include <millrace/connectors/row_file_sink.hpp>

#include <millrace/api/checkpointing.hpp>
#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/connectors/two_phase_commit_sink.hpp>
#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>

#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>
#include <support/rounds.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace millrace;
using namespace std::chrono_literals;

constexpr int kRecords = 60;

int numberAt(std::uint64_t index) {
    return static_cast<int>(index);
}
/// Ten milliseconds of virtual time for each record.
auto numbers() {
    return DataGeneratorSource(numberAt, kRecords, RateLimiterStrategy::perSecond(100));
}
CheckpointConfig everyFewRecords() {
    CheckpointConfig config;
    config.interval = 45ms;
    config.restart = RestartStrategy::fixedDelay(3, 10ms);
    return config;
}
std::vector<int> finishedNumbers(const std::string& directory) {
    std::vector<int> found;
    if (!std::filesystem::exists(directory)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
        std::ifstream file(entry.path());
        for (int number = 0; file >> number;) found.push_back(number);
    }
    std::sort(found.begin(), found.end());
    return found;
}
std::vector<int> allNumbers() {
    std::vector<int> numbers;
    for (int i = 0; i < kRecords; ++i) numbers.push_back(i);
    return numbers;
}

TEST_CASE("a job that fails writes every line once into finished files", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.enableCheckpointing(everyFewRecords());
        RollingPolicy policy = OnCheckpointRollingPolicy();
        if (seed % 2 == 0) policy = DefaultRollingPolicy().withMaxPartSize(20).withRolloverInterval(100ms);
        env.fromSource(numbers(), WatermarkStrategy::noWatermarks(), "numbers")
            .map(testing::failingAt(10 + seed, [](int number) { return std::to_string(number); }))
            .rebalance()
            .map(testing::failingAt(30 + seed, [](std::string text) { return text; }))
            .sinkTo(FileSink::forRowFormat(directory.path("out"), TextLineFormat{})
                        .withBucketAssigner([](const std::string& line) { return std::to_string(line.size()); })
                        .withRollingPolicy(policy)
                        .withBucketCheckInterval(50ms));
        env.execute();
        CHECK(finishedNumbers(directory.path("out")) == allNumbers());
    }
}

// Where a thread writes the files, a checkpoint may be complete only after a sink has begun to wait for its last one.
TEST_CASE("the last checkpoint comes, whichever one is under way when the input ends", "[api][checkpoint][threads]") {
    for (int run = 0; run < 5; ++run) {
        CAPTURE(run);
        const testing::TempDirectory directory;
        StreamExecutionEnvironment env(ThreadPoolRuntime(2));
        env.setParallelism(2);
        env.enableCheckpointing({.interval = 1ms, .directory = directory.path("checkpoints")});
        env.fromSource(DataGeneratorSource(numberAt, kRecords, RateLimiterStrategy::perSecond(5000)),
                       WatermarkStrategy::noWatermarks(), "numbers")
            .map([](int number) { return std::to_string(number); })
            .rebalance()
            .map([](std::string text) { return text; })
            .sinkTo(FileSink::forRowFormat(directory.path("out"), TextLineFormat{}));
        env.execute();
        CHECK(finishedNumbers(directory.path("out")) == allNumbers());
    }
}

/// A system with transactions, which survives the job.
struct Database {
    std::map<int, std::vector<int>> transactions;
    std::map<int, std::vector<int>> committed;
    int next = 1;
    int commits = 0;
    int failingCommit = 0;
};
struct WriteToDatabase {
    std::shared_ptr<Database> database;
    int beginTransaction() { return database->next++; }
    void invoke(int& transaction, int number) { database->transactions[transaction].push_back(number); }
    void preCommit(int&) {}
    void commit(const int& transaction) {
        if (++database->commits == database->failingCommit) throw testing::InjectedFailure("the database is away");
        database->committed.emplace(transaction, database->transactions[transaction]);
    }
    void abort(const int& transaction) { database->transactions.erase(transaction); }
};

TEST_CASE("a job that fails, also while it commits, makes every record visible once", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const auto database = std::make_shared<Database>();
        database->failingCommit = static_cast<int>(1 + seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.enableCheckpointing(everyFewRecords());
        env.fromSource(numbers(), WatermarkStrategy::noWatermarks(), "numbers")
            .map(testing::failingAt(20 + seed, [](int number) { return number; }))
            .sinkTo(TwoPhaseCommitSink(WriteToDatabase{database}));
        env.execute();
        std::vector<int> visible;
        for (const auto& [transaction, records] : database->committed) {
            visible.insert(visible.end(), records.begin(), records.end());
        }
        std::sort(visible.begin(), visible.end());
        CHECK(visible == allNumbers());
    }
}

/// Says at each commit which checkpoints there are to go back to.
struct LookWhenCommitting : WriteToDatabase {
    std::string directory;
    std::shared_ptr<std::vector<std::string>> seen;

    void commit(const int& transaction) {
        std::string names;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (std::filesystem::exists(entry.path() / "manifest.json")) names += entry.path().filename().string();
        }
        seen->push_back(names);
        WriteToDatabase::commit(transaction);
    }
};

TEST_CASE("what a sink commits for the last savepoint is behind every checkpoint that is left", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        const auto database = std::make_shared<Database>();
        const auto seen = std::make_shared<std::vector<std::string>>();
        SimulatedRuntime runtime(seed);
        StreamExecutionEnvironment env(runtime);
        env.setParallelism(1);
        env.enableCheckpointing({.directory = directory.path("kept")});
        env.fromSource(numbers(), WatermarkStrategy::noWatermarks(), "numbers")
            .sinkTo(TwoPhaseCommitSink(LookWhenCommitting{{database}, directory.path("kept"), seen}));
        const auto client = env.executeAsync("last");
        runtime.advance(100ms);
        client->triggerCheckpoint();
        runtime.advance(100ms);
        client->stopWithSavepoint(directory.path("savepoint"));
        client->result();
        CHECK(*seen == std::vector<std::string>{"chk-1", ""});
    }
}

TEST_CASE("a job that fails while it commits its last savepoint commits it all the same, and ends",
          "[api][checkpoint]") {
    constexpr auto kSeeds = testsupport::roundsToTry<std::uint64_t>(30);
    std::uint64_t failures = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        for (const bool inMemory : {false, true}) {
            CAPTURE(seed, inMemory);
            const testing::TempDirectory directory(testing::inMemoryDirectory());
            const auto database = std::make_shared<Database>();
            const auto visible = [&] {
                std::vector<int> records;
                for (const auto& [transaction, each] : database->committed) {
                    records.insert(records.end(), each.begin(), each.end());
                }
                std::sort(records.begin(), records.end());
                return records;
            };
            const auto build = [&](StreamEnvironment& env, CheckpointConfig config) {
                env.setParallelism(3);
                if (!inMemory) config.directory = directory.path("kept");
                env.enableCheckpointing(config);
                env.fromSource(numbers(), WatermarkStrategy::noWatermarks(), "numbers")
                    .uid("numbers")
                    .rebalance()
                    .sinkTo(TwoPhaseCommitSink(WriteToDatabase{database}))
                    .uid("database");
            };
            {
                SimulatedRuntime runtime(seed);
                StreamExecutionEnvironment env(runtime);
                build(env, everyFewRecords());
                const auto client = env.executeAsync("last");
                runtime.advance(200ms);
                database->failingCommit = database->commits + 2;  // one of the three subtasks has committed
                client->stopWithSavepoint(directory.path("savepoint"));
                CHECK(client->result().status == JobStatus::Finished);
                failures += database->commits >= database->failingCommit ? 1 : 0;
            }
            const std::vector<int> before = visible();
            std::vector<int> expected = allNumbers();
            expected.resize(before.size());
            CHECK(before == expected);
            CHECK(before.size() < kRecords);

            StreamExecutionEnvironment env(SimulatedRuntime{seed});
            CheckpointConfig config = everyFewRecords();
            config.restoreFrom = directory.path("savepoint");
            build(env, config);
            env.execute();
            CHECK(visible() == allNumbers());
        }
    }
    CHECK(failures == 2 * kSeeds);
}

/// Counts what it has seen, in a list; the last subtask to end adds up all.
struct Counting {
    std::shared_ptr<std::map<int, int>> counts;
    std::shared_ptr<std::vector<std::string>> heard;
    OperatorListState<int> seen;
    int subtask = 0;

    void initializeState(FunctionInitializationContext& context) {
        seen = context.getOperatorStateStore().getListState(ListStateDescriptor<int>("seen"));
    }
    void open(RuntimeContext& context) { subtask = context.subtaskIndex(); }
    int operator()(int number) {
        seen.add(number);
        return number;
    }
    void notifyCheckpointComplete(std::int64_t id) { heard->push_back(std::to_string(id)); }
    void close() { (*counts)[subtask] = static_cast<int>(seen.get().size()); }
};

TEST_CASE("the lists of a function go on after a failure, and it hears of checkpoints", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto counts = std::make_shared<std::map<int, int>>();
        const auto heard = std::make_shared<std::vector<std::string>>();
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.enableCheckpointing(everyFewRecords());
        env.fromSource(numbers(), WatermarkStrategy::noWatermarks(), "numbers")
            .map(Counting{counts, heard, {}, 0})
            .map(testing::failingAt(35 + seed, [](int number) { return number; }))
            .addSink([](int) {});
        env.execute();
        int sum = 0;
        for (const auto& [subtask, count] : *counts) sum += count;
        CHECK(sum == kRecords);
        CHECK(heard->size() >= 4);
    }
}

}  // namespace
