#include <millrace/checkpointing.hpp>

#include <millrace/api/check_restore.hpp>
#include <millrace/checkpoint/checkpoint_summary.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>

#include "api/api_fixtures.hpp"
#include "api/simulation.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

// Barriers that overtake what waits in full channels.

using namespace millrace;
using millrace::testing::TempDirectory;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Item {
    std::int64_t key = 0;
    std::int64_t value = 0;
    Timestamp time;
    std::int64_t one() const { return 1; }
};
/// The same in the next version of a program.
struct LaterItem {
    std::int64_t key = 0;
    std::optional<Timestamp> time;
    std::int64_t value = 0;
    std::string note = "added";
    std::int64_t one() const { return note == "added" && *time == Timestamp(Duration{value}) ? 1 : 1000; }
};
/// And in one that has lost its mind.
struct OtherItem {
    std::string key;
    std::int64_t value = 0;
    Timestamp time;
};
struct Total {
    std::int64_t key = 0;
    std::int64_t count = 0;
};

/// A sink that takes one block, and the next one only when the test lets it. What it has got outlives the job; it has no
/// transactions, so of the running totals only the greatest counts.
struct Gate {
    std::int64_t credit = 0;
    bool open = false;
    std::int64_t written = 0;
    std::map<std::int64_t, std::int64_t> totals;
    std::vector<std::function<void()>> waiting;

    void let(std::int64_t blocks) {
        credit += blocks;
        for (const auto& wake : std::exchange(waiting, {})) wake();
    }
    void letAll() {
        open = true;
        let(0);
    }
};
class GateSink {
public:
    explicit GateSink(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
    class Writer {
    public:
        Writer(std::shared_ptr<Gate> gate, std::function<void()> wakeUp)
            : gate_(std::move(gate)), wakeUp_(std::move(wakeUp)) {}
        void write(const Total& total, const SinkContext&) {
            ++gate_->written;
            gate_->totals[total.key] = std::max(gate_->totals[total.key], total.count);
            hasWritten_ = true;
        }
        bool afterBlock() {
            if (!hasWritten_ || gate_->open) return true;
            if (gate_->credit == 0) {
                gate_->waiting.push_back(wakeUp_);
                return false;
            }
            --gate_->credit;
            hasWritten_ = false;
            return true;
        }
        void flush(bool) {}
        void close() noexcept {}

    private:
        std::shared_ptr<Gate> gate_;
        std::function<void()> wakeUp_;
        bool hasWritten_ = false;
    };
    Writer createWriter(const WriterInitContext& context) const { return Writer(gate_, context.wakeUp); }

private:
    std::shared_ptr<Gate> gate_;
};

constexpr std::int64_t kItems = 60'000;
constexpr std::int64_t kKeys = 11;

template <class Record = Item>
Record itemOf(std::uint64_t i) {
    const auto number = static_cast<std::int64_t>(i);
    Record record;
    record.key = number % kKeys;
    record.value = number;
    record.time = Timestamp(Duration{number});
    return record;
}

/// Running totals of keys, into a slow sink: the exchange by key and the one behind it are full.
template <class Record = Item>
void build(StreamEnvironment& env, const std::shared_ptr<Gate>& gate, int parallelism) {
    env.setParallelism(parallelism);
    env.fromSource(DataGeneratorSource(itemOf<Record>, kItems), WatermarkStrategy::noWatermarks(), "items")
        .uid("items")
        .keyBy(&Record::key)
        .process([](const Record& item, KeyedProcessContext<std::int64_t>&, Collector<Total>& out) {
            out.collect({item.key, item.one()});
        })
        .uid("ones")
        .keyBy(&Total::key)
        .sum(&Total::count)
        .uid("totals")
        .rebalance()
        .sinkTo(GateSink(gate))
        .uid("sink");
}

std::map<std::int64_t, std::int64_t> expectedTotals() {
    std::map<std::int64_t, std::int64_t> totals;
    for (std::int64_t i = 0; i < kItems; ++i) ++totals[i % kKeys];
    return totals;
}

struct SlowSimulation : testsupport::Simulation {
    explicit SlowSimulation(std::uint64_t seed) : testsupport::Simulation(seed, 1ms) {}
};

/// The first checkpoint that has come to an end.
CheckpointStatistics firstCheckpoint(SlowSimulation& simulation, JobClient& client, Gate& gate) {
    for (int block = 0; block < 10'000; ++block) {
        gate.let(1);
        simulation.runtime.advance(20ms);
        for (const CheckpointStatistics& each : client.checkpoints()) {
            if (each.status != CheckpointStatus::InProgress) return each;
        }
    }
    FAIL("no checkpoint came to its end");
    return {};
}

std::vector<std::string> checkpointsIn(const std::string& directory) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (std::filesystem::exists(entry.path() / "manifest.json")) found.push_back(entry.path().string());
    }
    return found;
}

/// Of the states of what was on its way.
std::set<std::string> inFlightIn(const std::string& checkpoint) {
    std::set<std::string> found;
    for (const OperatorSummary& each : summarizeCheckpoint(checkpoint).operators) {
        for (const StateSummary& state : each.states) {
            if (state.name.starts_with("in-flight/")) found.insert(each.uid + " " + state.name);
        }
    }
    return found;
}

CheckpointConfig configOf(const std::string& directory, bool unaligned) {
    CheckpointConfig config;
    config.interval = 300ms;
    config.directory = directory;
    config.enableUnalignedCheckpoints(unaligned);
    return config;
}

}  // namespace

TEST_CASE("an unaligned checkpoint does not wait for a slow sink, and another parallelism goes on from it",
          "[api][checkpoint][unaligned]") {
    for (std::uint64_t seed = 0; seed < testsupport::roundsToTry<std::uint64_t>(12, 3); ++seed) {
        const int parallelism = 2 + static_cast<int>(seed % 3);
        const int parallelismAfter = 4 - static_cast<int>(seed % 4);
        CAPTURE(seed, parallelism, parallelismAfter);
        Duration alignedDuration{0};
        for (const bool unaligned : {false, true}) {
            const TempDirectory directory;
            const auto gate = std::make_shared<Gate>();
            {
                SlowSimulation simulation(seed);
                build(simulation.env, gate, parallelism);
                simulation.env.enableCheckpointing(configOf(directory.path("c"), unaligned));
                const auto client = simulation.env.executeAsync("slow sink");
                const CheckpointStatistics first = firstCheckpoint(simulation, *client, *gate);
                CHECK(first.status == CheckpointStatus::Completed);
                if (!unaligned) {
                    CHECK(first.persistedInFlight == 0);
                    alignedDuration = first.duration;
                } else {
                    CHECK(first.persistedInFlight > 0);
                    CHECK(first.duration < alignedDuration / 2);
                    CHECK(first.bytes > first.persistedInFlight);
                }
                CHECK(gate->written < kItems);
                client->cancel();
                CHECK_THROWS_AS(client->result(), JobExecutionException);
            }
            const std::vector<std::string> checkpoints = checkpointsIn(directory.path("c"));
            REQUIRE(checkpoints.size() == 1);
            CHECK(inFlightIn(checkpoints.front()).empty() == !unaligned);

            SlowSimulation simulation(seed + 100);
            gate->letAll();
            build(simulation.env, gate, parallelismAfter);
            // what is restored does not depend on how the next ones are taken
            simulation.env.enableCheckpointing(configOf(directory.path("c"), unaligned == (seed % 2 == 0)));
            CHECK(simulation.env.execute().status == JobStatus::Finished);
            CHECK(gate->totals == expectedTotals());
        }
    }
}

TEST_CASE("barriers overtake on threads", "[api][checkpoint][unaligned][threads]") {
    std::uint64_t overtaken = 0;
    for (int run = 0; run < 6; ++run) {
        CAPTURE(run);
        StreamExecutionEnvironment env(ThreadPoolRuntime(1 + run % 3));
        env.setParallelism(2);
        env.setChannelMemory(run % 2 == 0 ? 100'000 : 10'000'000);
        std::mutex mutex;
        std::map<std::int64_t, std::int64_t> totals;
        const auto one = testing::failingAt(15'000 + 10'000 * static_cast<std::uint64_t>(run), [](const Item& item) {
            return Total{item.key, 1};
        });
        env.fromSource(DataGeneratorSource(itemOf<>, kItems), WatermarkStrategy::noWatermarks(), "items")
            .keyBy(&Item::key)
            .process(
                [](const Item& item, KeyedProcessContext<std::int64_t>&, Collector<Item>& out) { out.collect(item); })
            .rebalance()
            .map(one)
            .keyBy(&Total::key)
            .sum(&Total::count)
            .rebalance()
            .addSink([&](const Total& total) {
                const std::lock_guard lock(mutex);
                totals[total.key] = std::max(totals[total.key], total.count);
            });
        CheckpointConfig config;
        config.interval = 1ms;
        config.enableUnalignedCheckpoints().setAlignedCheckpointTimeout(run < 4 ? Duration{0} : Duration(1ms));
        config.restart = RestartStrategy::fixedDelay(1, 1ms);
        env.enableCheckpointing(config);
        const auto client = env.executeAsync("threads");
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(totals == expectedTotals());
        for (const CheckpointStatistics& each : client->checkpoints()) overtaken += each.persistedInFlight;
    }
    CHECK(overtaken > 0);
}

TEST_CASE("a checkpoint that is aligned in time is aligned, and one that is not overtakes after the timeout",
          "[api][checkpoint][unaligned]") {
    for (std::uint64_t seed = 0; seed < testsupport::roundsToTry<std::uint64_t>(8); ++seed) {
        CAPTURE(seed);
        const auto first = [&](Duration timeout, bool isSlow) {
            const TempDirectory directory;
            const auto gate = std::make_shared<Gate>();
            if (!isSlow) gate->letAll();
            SlowSimulation simulation(seed);
            build(simulation.env, gate, 2);
            CheckpointConfig config = configOf(directory.path("c"), true);
            config.setAlignedCheckpointTimeout(timeout);
            if (!isSlow) config.interval = 20ms;
            simulation.env.enableCheckpointing(config);
            const auto client = simulation.env.executeAsync("timeout");
            const CheckpointStatistics statistics = firstCheckpoint(simulation, *client, *gate);
            CHECK(statistics.status == CheckpointStatus::Completed);
            client->cancel();
            return statistics;
        };
        const CheckpointStatistics atOnce = first(0ms, true);
        CHECK(atOnce.persistedInFlight > 0);
        const CheckpointStatistics late = first(500ms, true);
        CHECK(late.persistedInFlight > 0);
        CHECK(late.duration >= 500ms);
        CHECK(late.duration <= 500ms + atOnce.duration + 100ms);
        const CheckpointStatistics patient = first(1h, true);
        CHECK(patient.persistedInFlight == 0);
        CHECK(patient.duration > late.duration);
        CHECK(first(500ms, false).persistedInFlight == 0);
    }
}

TEST_CASE("savepoints are aligned where checkpoints are not", "[api][checkpoint][unaligned]") {
    const TempDirectory directory;
    const auto gate = std::make_shared<Gate>();
    CheckpointConfig config = configOf(directory.path("c"), true);
    config.interval = 1h;
    {
        SlowSimulation simulation(5);
        build(simulation.env, gate, 2);
        simulation.env.enableCheckpointing(config);
        const auto client = simulation.env.executeAsync("savepoint");
        for (int block = 0; block < 20; ++block) {
            gate->let(1);
            simulation.runtime.advance(20ms);
        }
        CHECK(gate->written < kItems / 2);
        gate->letAll();  // or it would wait for ever
        const CheckpointInfo saved = client->stopWithSavepoint(directory.path("s"));
        CHECK(inFlightIn(saved.path).empty());
        config.restoreFrom = saved.path;
        client->result();
    }
    SlowSimulation simulation(6);
    build(simulation.env, gate, 3);
    simulation.env.enableCheckpointing(config);
    CHECK(simulation.env.execute().status == JobStatus::Finished);
    CHECK(gate->totals == expectedTotals());
}

namespace {

/// What a sink has got, in order.
struct Lines {
    std::vector<std::string> lines;
};

/// Says of every record whether it is late for the watermark that its subtask has reached.
std::string lateness(const Item& item, Timestamp watermark) {
    return std::to_string(item.value) + (item.time <= watermark ? " late" : "");
}

/// Two records that come behind a watermark which has overtaken them already, in front of a gate.
void buildLate(StreamEnvironment& env, const std::shared_ptr<Gate>& gate, const std::shared_ptr<Lines>& lines) {
    env.setParallelism(2);
    testing::Script<Item> script;
    // much, so that the channels are full when the late ones come
    for (std::int64_t i = 0; i < 40'000; ++i) {
        script.element({i % kKeys, i, Timestamp(Duration{i})}, Timestamp(Duration{i}));
        if (i % 1000 == 0) script.watermark(Timestamp(Duration{i}));
    }
    script.watermark(Timestamp(Duration{50'000}));
    for (std::int64_t i = 40'000; i < 60'000; ++i) {
        script.element({i % kKeys, i, Timestamp(Duration{i})}, Timestamp(Duration{i}));
    }
    env.fromSource(testing::ScriptedSource<Item>(script), WatermarkStrategy::noWatermarks(), "items")
        .uid("items")
        .keyBy(&Item::key)
        .process([lines](const Item& item, KeyedProcessContext<std::int64_t>& context, Collector<Total>& out) {
            lines->lines.push_back(lateness(item, context.timerService().currentWatermark()));
            out.collect({item.key, 1});
        })
        .uid("late")
        .keyBy(&Total::key)
        .sum(&Total::count)
        .uid("totals")
        .rebalance()
        .sinkTo(GateSink(gate))
        .uid("sink");
}

}  // namespace

TEST_CASE("watermarks among what was overtaken come in their places, and what was late is late again",
          "[api][checkpoint][unaligned]") {
    std::set<std::string> expected;
    for (std::int64_t i = 0; i < 60'000; ++i) {
        expected.insert(std::to_string(i) + (i >= 40'000 && i <= 50'000 ? " late" : ""));
    }
    for (std::uint64_t seed = 0; seed < testsupport::roundsToTry<std::uint64_t>(6); ++seed) {
        CAPTURE(seed);
        const TempDirectory directory;
        const auto gate = std::make_shared<Gate>();
        const auto lines = std::make_shared<Lines>();
        {
            SlowSimulation simulation(seed);
            buildLate(simulation.env, gate, lines);
            simulation.env.enableCheckpointing(configOf(directory.path("c"), true));
            const auto client = simulation.env.executeAsync("late");
            const CheckpointStatistics first = firstCheckpoint(simulation, *client, *gate);
            CHECK(first.status == CheckpointStatus::Completed);
            CHECK(first.persistedInFlight > 0);
            client->cancel();
        }
        gate->letAll();
        SlowSimulation simulation(seed + 100);
        buildLate(simulation.env, gate, lines);
        simulation.env.enableCheckpointing(configOf(directory.path("c"), true));
        simulation.env.execute();
        CHECK((std::set<std::string>(lines->lines.begin(), lines->lines.end()) == expected));
    }
}

namespace {

/// Has no codec, so it could not be overtaken. As a broadcast it need not be.
struct Rule {
    const void* what = nullptr;
};

/// As `buildLate`, with a broadcast beside the records, whose event time holds that of the function back.
void buildLateBesideBroadcast(StreamEnvironment& env, const std::shared_ptr<Gate>& gate,
                              const std::shared_ptr<Lines>& lines) {
    env.setParallelism(2);
    testing::Script<Item> script;
    script.watermark(Timestamp(Duration{100'000}));
    for (std::int64_t i = 0; i < 60'000; ++i) {
        script.element({i % kKeys, i, Timestamp(Duration{i})}, Timestamp(Duration{i}));
    }
    testing::Script<std::int64_t> rules;
    rules.element(1, Timestamp(Duration{1})).watermark(Timestamp(Duration{50'000})).pause(1000h);
    const auto broadcast =
        env.fromSource(testing::ScriptedSource<std::int64_t>(rules), WatermarkStrategy::noWatermarks(), "rules")
            .uid("rules")
            .map([](std::int64_t) { return Rule{}; })
            .uid("make rules")
            .broadcast();
    struct Fn {
        std::shared_ptr<Lines> lines;
        void processElement1(const Item& item, ProcessContext& context, Collector<Total>& out) {
            lines->lines.push_back(lateness(item, context.currentWatermark()));
            out.collect({item.key, 1});
        }
        void processElement2(const Rule&, ProcessContext&, Collector<Total>&) {}
    };
    env.fromSource(testing::ScriptedSource<Item>(script), WatermarkStrategy::noWatermarks(), "items")
        .uid("items")
        .rebalance()
        .connect(broadcast)
        .process(Fn{lines})
        .uid("late")
        .rebalance()
        .sinkTo(GateSink(gate))
        .uid("sink");
}

}  // namespace

// Its barriers do not overtake, so its records need no codec; but where its event time was is wanted all the same.
TEST_CASE("the event time of a broadcast beside what was overtaken is where it was", "[api][checkpoint][unaligned]") {
    for (std::uint64_t seed = 0; seed < testsupport::roundsToTry<std::uint64_t>(4); ++seed) {
        CAPTURE(seed);
        const TempDirectory directory;
        const auto gate = std::make_shared<Gate>();
        const auto lines = std::make_shared<Lines>();
        const CheckpointConfig config = configOf(directory.path("c"), true);
        {
            SlowSimulation simulation(seed);
            buildLateBesideBroadcast(simulation.env, gate, lines);
            simulation.env.enableCheckpointing(config);
            const auto client = simulation.env.executeAsync("broadcast");
            const CheckpointStatistics first = firstCheckpoint(simulation, *client, *gate);
            CHECK(first.status == CheckpointStatus::Completed);
            CHECK(first.persistedInFlight > 0);
            client->cancel();
        }
        const std::string saved = checkpointsIn(directory.path("c")).at(0);
        CHECK(inFlightIn(saved).contains("late in-flight/1"));
        lines->lines.clear();
        gate->letAll();
        SlowSimulation simulation(seed + 100);
        buildLateBesideBroadcast(simulation.env, gate, lines);
        CHECK(checkRestore(saved, simulation.env).isRestorable());
        simulation.env.enableCheckpointing(config);
        const auto client = simulation.env.executeAsync("broadcast");
        simulation.runtime.advance(10s);
        client->cancel();
        CHECK(lines->lines.size() > 1000);
        for (const std::string& line : lines->lines) {
            const std::int64_t value = std::stoll(line);
            CAPTURE(line);
            REQUIRE(line.ends_with(" late") == (value <= 50'000));
        }
    }
}

TEST_CASE("settings of unaligned checkpoints that cannot be are named", "[api][checkpoint][unaligned]") {
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    const auto messageOf = [&](const CheckpointConfig& config) -> std::string {
        try {
            env.enableCheckpointing(config);
        } catch (const ConfigurationException& error) {
            return error.what();
        }
        return "";
    };
    CHECK(messageOf(CheckpointConfig{}.enableUnalignedCheckpoints()) == "");
    CHECK(messageOf(CheckpointConfig{}.enableUnalignedCheckpoints().setAlignedCheckpointTimeout(1s)) == "");
    CHECK(messageOf({.mode = CheckpointingMode::AtLeastOnce, .unaligned = true}) ==
          "enableCheckpointing: unaligned checkpoints need the mode ExactlyOnce: with AtLeastOnce barriers wait for"
          " nothing anyway");
    CHECK(messageOf({.unaligned = true, .maxConcurrent = 2}) ==
          "enableCheckpointing: unaligned checkpoints need maxConcurrent 1");
    CHECK(messageOf({.unaligned = true, .alignedCheckpointTimeout = -1s}) ==
          "enableCheckpointing: alignedCheckpointTimeout must not be negative");
    CHECK(
        messageOf({.alignedCheckpointTimeout = 1s}) ==
        "enableCheckpointing: alignedCheckpointTimeout is when barriers begin to overtake: it needs unaligned = true");
}

namespace {

/// Has no codec.
struct Handle {
    const void* what = nullptr;
    std::int64_t key = 0;
};

}  // namespace

TEST_CASE("an exchange whose records cannot be saved is named before the job starts", "[api][checkpoint][unaligned]") {
    const auto start = [](bool unaligned, bool exchanged) {
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        env.setParallelism(2);
        const auto handles = env.fromSequence(1, 10)
                                 .map([](std::int64_t i) {
                                     return Handle{nullptr, i};
                                 })
                                 .name("make");
        const auto spread = exchanged ? handles.rebalance() : handles.forward();
        spread.addSink([](const Handle&) {}).name("use");
        env.enableCheckpointing({.unaligned = unaligned});
        env.execute();
    };
    start(false, true);
    start(true, false);
    CHECK_THROWS_WITH(start(true, true),
                      ContainsSubstring("unaligned checkpoints save the records that are on their way from") &&
                          ContainsSubstring("make' to 'use' (REBALANCE), but their type") &&
                          ContainsSubstring("has no codec. Specialise millrace::Codec for it and let it have a default "
                                            "constructor, or leave CheckpointConfig::unaligned off"));
}

namespace {

/// A checkpoint of `build` in which barriers have overtaken records.
std::string overtakenIn(const std::string& directory, const std::shared_ptr<Gate>& gate) {
    SlowSimulation simulation(3);
    build(simulation.env, gate, 2);
    simulation.env.enableCheckpointing(configOf(directory, true));
    const auto client = simulation.env.executeAsync("before");
    CHECK(firstCheckpoint(simulation, *client, *gate).persistedInFlight > 0);
    client->cancel();
    const std::string checkpoint = checkpointsIn(directory).at(0);
    CHECK(inFlightIn(checkpoint).contains("ones in-flight/0"));
    return checkpoint;
}

}  // namespace

TEST_CASE("records that were overtaken get the form of today", "[api][checkpoint][unaligned]") {
    const TempDirectory directory;
    const auto gate = std::make_shared<Gate>();
    const std::string checkpoint = overtakenIn(directory.path("c"), gate);
    SlowSimulation simulation(4);
    build<LaterItem>(simulation.env, gate, 3);
    const RestoreReport report = checkRestore(checkpoint, simulation.env);
    CHECK(report.isRestorable());
    for (const StateChange& each : report.states) {
        if (each.uid == "ones" && each.state == "in-flight/0") CHECK(each.fate == StateFate::Converted);
        if (each.uid == "totals" && each.state == "in-flight/0") CHECK(each.fate == StateFate::Kept);
    }
    gate->letAll();
    simulation.env.enableCheckpointing(configOf(directory.path("c"), true));
    CHECK(simulation.env.execute().status == JobStatus::Finished);
    CHECK(gate->totals == expectedTotals());
}

TEST_CASE("records that were overtaken and fit no more are named", "[api][checkpoint][unaligned]") {
    const TempDirectory directory;
    const auto gate = std::make_shared<Gate>();
    const std::string checkpoint = overtakenIn(directory.path("c"), gate);
    SlowSimulation simulation(4);
    simulation.env.setParallelism(2);
    simulation.env
        .fromSource(DataGeneratorSource([](std::uint64_t) { return OtherItem{}; }, kItems),
                    WatermarkStrategy::noWatermarks(), "items")
        .uid("items")
        .keyBy(&OtherItem::key)
        .process(
            [](const OtherItem&, KeyedProcessContext<std::string>&, Collector<std::int64_t>& out) { out.collect(1); })
        .uid("ones")
        .addSink([](std::int64_t) {});
    CHECK(!checkRestore(checkpoint, simulation.env).isRestorable(true));
    CheckpointConfig config = configOf(directory.path("c"), true);
    config.allowNonRestoredState = true;
    simulation.env.enableCheckpointing(config);
    CHECK_THROWS_WITH(simulation.env.execute(), ContainsSubstring("state 'in-flight/0' of operator uid 'ones'") &&
                                                    ContainsSubstring("record.key"));
}

TEST_CASE("records that were overtaken are not dropped without a word", "[api][checkpoint][unaligned]") {
    const TempDirectory directory;
    const auto gate = std::make_shared<Gate>();
    const std::string checkpoint = overtakenIn(directory.path("c"), gate);
    SlowSimulation simulation(3);
    simulation.env.setParallelism(2);
    // where there was an operator there is a source
    simulation.env.fromSource(DataGeneratorSource(itemOf<>, kItems), WatermarkStrategy::noWatermarks(), "items")
        .uid("totals")
        .addSink([](const Item&) {})
        .uid("sink");
    CHECK(!checkRestore(checkpoint, simulation.env).isRestorable(true));
    CheckpointConfig config = configOf(directory.path("c"), true);
    config.allowNonRestoredState = true;
    simulation.env.enableCheckpointing(config);
    CHECK_THROWS_WITH(simulation.env.execute(), ContainsSubstring("was not aligned: it has records on their way") &&
                                                    ContainsSubstring("which has no such input any more") &&
                                                    ContainsSubstring("take a savepoint"));
}
