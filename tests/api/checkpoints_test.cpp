#include <millrace/api/checkpointing.hpp>

#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/core/log.hpp>
#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>
#include <millrace/testing/committed_sink.hpp>

#include "api/api_fixtures.hpp"
#include "api/simulation.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::int64_t kKeys = 7;
constexpr std::int64_t kLeft = 6000;
constexpr std::int64_t kRight = 2500;  // ends long before the other

struct Item {
    std::int64_t key = 0;
    std::int64_t value = 0;
    std::int64_t time = 0;
};
struct Totals {
    std::int64_t key = 0;
    std::int64_t count = 0;
    std::int64_t sum = 0;
};

/// What the sinks got, from whatever attempt. Without repetitions, since sinks without transactions write again after a
/// restart; of a running total only the greatest.
struct Output {
    std::mutex mutex;
    std::set<std::string> lines;
    std::map<std::int64_t, std::int64_t> counts;
    std::map<std::int64_t, std::int64_t> sums;

    void add(std::string line) {
        const std::lock_guard lock(mutex);
        lines.insert(std::move(line));
    }
    void keepGreatest(const Totals& totals) {
        const std::lock_guard lock(mutex);
        counts[totals.key] = std::max(counts[totals.key], totals.count);
        sums[totals.key] = std::max(sums[totals.key], totals.sum);
    }
    bool empty() {
        const std::lock_guard lock(mutex);
        return lines.empty() && counts.empty();
    }
    /// What differs from the other, for the message; empty: nothing.
    std::string against(const Output& other) const {
        std::string text;
        int shown = 0;
        const auto show = [&](std::string_view side, const std::string& line) {
            if (++shown <= 10) text.append(side).append(line).append("\n");
        };
        for (const std::string& line : lines) {
            if (!other.lines.contains(line)) show("too much: ", line);
        }
        for (const std::string& line : other.lines) {
            if (!lines.contains(line)) show("missing: ", line);
        }
        if (counts != other.counts) text += "other counts\n";
        if (sums != other.sums) text += "other sums\n";
        return text;
    }
};
std::string textOf(std::initializer_list<std::int64_t> numbers) {
    std::string text;
    for (const std::int64_t number : numbers) text += (text.empty() ? "" : " ") + std::to_string(number);
    return text;
}

const MapStateDescriptor<std::int64_t, std::int64_t>& rules() {
    static const MapStateDescriptor<std::int64_t, std::int64_t> descriptor{"rules"};
    return descriptor;
}
constexpr Timestamp kAfterAll{1h};

struct SumOfValues {
    using Accumulator = std::int64_t;
    std::int64_t createAccumulator() const { return 0; }
    void add(const Item& item, std::int64_t& sum) const { sum += item.value; }
    std::int64_t getResult(const std::int64_t& sum) const { return sum; }
    void merge(const std::int64_t& from, std::int64_t& into) const { into += from; }
};
/// Numbers the timers of each key as they fire.
struct NumberTimers {
    ValueState<std::int64_t> fired;
    void open(KeyedRuntimeContext& context) { fired = context.getState(ValueStateDescriptor<std::int64_t>{"fired"}); }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>& context, Collector<std::string>&) {
        context.timerService().registerEventTimeTimer(Timestamp(Duration{item.time + 50}));
    }
    void onTimer(Timestamp time, OnTimerContext<std::int64_t>& context, Collector<std::string>& out) {
        fired.update(fired.valueOr(0) + 1);
        out.collect("timer " + textOf({context.currentKey(), time.time_since_epoch().count(), *fired.value()}));
    }
};
/// Counts both inputs and tells at the end.
struct CountBoth {
    ValueState<std::int64_t> left;
    ValueState<std::int64_t> right;
    void open(KeyedRuntimeContext& context) {
        left = context.getState(ValueStateDescriptor<std::int64_t>{"left"});
        right = context.getState(ValueStateDescriptor<std::int64_t>{"right"});
    }
    void processElement1(const Item&, KeyedProcessContext<std::int64_t>& context, Collector<std::string>&) {
        left.update(left.valueOr(0) + 1);
        context.timerService().registerEventTimeTimer(kAfterAll);
    }
    void processElement2(const Item&, KeyedProcessContext<std::int64_t>&, Collector<std::string>&) {
        right.update(right.valueOr(0) + 1);
    }
    void onTimer(Timestamp, OnTimerContext<std::int64_t>& context, Collector<std::string>& out) {
        out.collect("both " + textOf({context.currentKey(), left.valueOr(0), right.valueOr(0)}));
    }
};
/// Adds up what was broadcast, and tells it at the end, for each key, with what came for the key.
struct SumOfRules {
    ValueState<std::int64_t> count;
    void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<std::int64_t>{"count"}); }
    void processElement(const Item&, KeyedReadOnlyContext<std::int64_t>& context, Collector<std::string>&) {
        count.update(count.valueOr(0) + 1);
        context.timerService().registerEventTimeTimer(kAfterAll);
    }
    void processBroadcastElement(const Item& rule, KeyedBroadcastContext<std::int64_t>& context,
                                 Collector<std::string>&) {
        auto&& state = context.getBroadcastState(rules());
        state.put(rule.key, state.getOr(rule.key, 0) + rule.value);
    }
    void onTimer(Timestamp, KeyedReadOnlyContext<std::int64_t>& context, Collector<std::string>& out) {
        std::int64_t sum = 0;
        for (std::int64_t key = 0; key < kKeys; ++key) sum += context.getBroadcastState(rules()).getOr(key, 0);
        out.collect("rules " + textOf({context.currentKey(), *count.value(), sum}));
    }
};

/// Everything that keeps state, over two inputs of which one ends early. The results do not depend on the order in which
/// records of the subtasks mix.
/// Comes by and by, so that much happens between the first and the last record: for simulations.
constexpr double kPerSecond = 20'000;
void build(StreamEnvironment& env, int parallelism, Output& output, std::vector<std::uint64_t> failures = {},
           RateLimiterStrategy rate = RateLimiterStrategy::perSecond(kPerSecond)) {
    env.setParallelism(parallelism);
    failures.resize(2, ~std::uint64_t{0});
    const auto strategy = WatermarkStrategy::forBoundedOutOfOrderness(10ns).withTimestampAssigner(
        [](const Item& item) { return Timestamp(Duration{item.time}); });
    const auto numbers = [&](std::int64_t count, std::string name) {
        const auto number = [](std::uint64_t i) { return static_cast<std::int64_t>(i); };
        return env
            .fromSource(DataGeneratorSource(number, static_cast<std::uint64_t>(count), rate),
                        WatermarkStrategy::noWatermarks(), name)
            .uid(name);
    };
    const auto toItem = [](std::int64_t i) { return Item{i % kKeys, i, i / 4}; };
    const auto left = numbers(kLeft, "left")
                          .map(testing::failingAt(failures[0], toItem))
                          .assignTimestampsAndWatermarks(strategy)
                          .uid("left times");
    const auto right = numbers(kRight, "right").map(toItem).assignTimestampsAndWatermarks(strategy).uid("right times");
    const auto keyed = left.keyBy(&Item::key);
    const auto addLine = [&output](const std::string& line) { output.add(line); };

    keyed.map([](const Item& item) {
             return Totals{item.key, 1, item.value};
         })
        .keyBy(&Totals::key)
        .reduce([](const Totals& a, const Totals& b) {
            return Totals{a.key, a.count + b.count, a.sum + b.sum};
        })
        .uid("totals")
        .map(testing::failingAt(failures[1], [](const Totals& totals) { return totals; }))
        .addSink([&output](const Totals& totals) { output.keepGreatest(totals); });
    keyed.window(TumblingEventTimeWindows::of(100ns))
        .aggregate(SumOfValues{},
                   [](std::int64_t key, const TimeWindow& window, std::int64_t sum) {
                       return "window " + textOf({key, window.start.time_since_epoch().count(), sum});
                   })
        .uid("windows")
        .addSink(addLine);
    keyed.intervalJoin(right.keyBy(&Item::key))
        .between(-3ns, 3ns)
        .process([](const Item& a, const Item& b) {
            return "pair " + textOf({a.value, b.value});
        })
        .uid("join")
        .addSink(addLine);
    keyed.process(NumberTimers{}).uid("timers").addSink(addLine);
    keyed.connect(right.keyBy(&Item::key)).process(CountBoth{}).uid("both").addSink(addLine);
    keyed.connect(right.broadcast(rules())).process(SumOfRules{}).uid("rules").addSink(addLine);
}

const Output& undisturbed() {
    static Output output;
    static const bool ran = [] {
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        build(env, 2, output);
        env.execute();
        return true;
    }();
    (void)ran;
    return output;
}

int countOf(const JobClient& client, CheckpointStatus status) {
    int count = 0;
    for (const CheckpointStatistics& each : client.checkpoints()) count += each.status == status ? 1 : 0;
    return count;
}
/// Nothing of a run was kept: no directory of a checkpoint.
std::vector<std::string> checkpointsIn(const std::string& directory) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (std::filesystem::exists(entry.path() / "manifest.json")) found.push_back(entry.path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

TEST_CASE("every kind of state survives failures", "[api][checkpoint]") {
    constexpr auto kSeeds = roundsToTry<std::uint64_t>(20, 4);
    int completed = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        CAPTURE(seed);
        Simulation simulation(seed);
        Output output;
        build(simulation.env, 2, output, {1000 + 200 * seed, 5800 - 250 * seed});
        CheckpointConfig config;
        config.interval = 20ms;
        config.restart = RestartStrategy::fixedDelay(2, 10ms);
        if (seed % 4 == 1) {
            config.interval = 7ms;
            config.maxConcurrent = 2;
        } else if (seed % 4 != 0) {
            config.enableUnalignedCheckpoints();
            config.setAlignedCheckpointTimeout(seed % 4 == 2 ? Duration{0} : Duration(2ms));
        }
        simulation.env.enableCheckpointing(config);
        const auto client = simulation.env.executeAsync("states");
        CHECK(client->result().status == JobStatus::Finished);
        completed += countOf(*client, CheckpointStatus::Completed);
        CHECK(countOf(*client, CheckpointStatus::InProgress) == 0);
        CHECK(output.against(undisturbed()) == "");
    }
    CHECK(completed > static_cast<int>(3 * kSeeds));
}

TEST_CASE("every kind of state survives failures on threads", "[api][checkpoint][threads]") {
    for (std::uint64_t run = 0; run < 6; ++run) {
        CAPTURE(run);
        StreamExecutionEnvironment env(ThreadPoolRuntime(1 + static_cast<int>(run % 3)));
        Output output;
        build(env, 2, output, {1000 + 800 * run, 5800 - 900 * run}, RateLimiterStrategy::noOp());
        env.enableCheckpointing(
            {.interval = 1ms, .unaligned = run % 2 == 1, .restart = RestartStrategy::fixedDelay(2, 1ms)});
        const auto client = env.executeAsync("states");
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(output.against(undisturbed()) == "");
    }
}

namespace {

// tables so large that they are written while their tasks go on
constexpr std::int64_t kManyKeys = 20'000;
constexpr std::int64_t kItemsOfManyKeys = 5 * kManyKeys;

struct CountItems {
    ValueState<std::int64_t> count;
    void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<std::int64_t>{"count"}); }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>&, Collector<Totals>& out) {
        count.mutate([](std::int64_t& counted) { ++counted; });
        out.collect(Totals{item.key, 0, *count.value()});
    }
};

void buildLarge(StreamEnvironment& env, Output& output, std::uint64_t failure, RateLimiterStrategy rate) {
    env.setParallelism(2);
    const auto number = [](std::uint64_t i) { return static_cast<std::int64_t>(i); };
    const auto items =
        env.fromSource(DataGeneratorSource(number, kItemsOfManyKeys, rate), WatermarkStrategy::noWatermarks(),
                       "numbers")
            .map(testing::failingAt(failure,
                                    [](std::int64_t i) {
                                        return Item{i * 7919 % kManyKeys, i, i};
                                    }))
            .assignTimestampsAndWatermarks(WatermarkStrategy::forBoundedOutOfOrderness(100ns).withTimestampAssigner(
                [](const Item& item) { return Timestamp(Duration{item.time}); }));
    const auto keyed = items.keyBy(&Item::key);
    keyed.process(CountItems{}).addSink([&output](const Totals& totals) { output.keepGreatest(totals); });
    keyed.map([](const Item& item) {
             return Totals{item.key, item.value + 1, 0};
         })
        .keyBy(&Totals::key)
        .sum(&Totals::count)
        .addSink([&output](const Totals& totals) { output.keepGreatest(totals); });
    keyed.window(TumblingEventTimeWindows::of(std::chrono::nanoseconds(2 * kManyKeys)))
        .aggregate(SumOfValues{},
                   [](std::int64_t key, const TimeWindow& window, std::int64_t sum) {
                       return "window " + textOf({key, window.start.time_since_epoch().count(), sum});
                   })
        .addSink([&output](const std::string& line) { output.add(line); });
}
const Output& undisturbedLarge() {
    static Output output;
    static const bool ran = [] {
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        buildLarge(env, output, ~std::uint64_t{0}, RateLimiterStrategy::noOp());
        env.execute();
        return true;
    }();
    (void)ran;
    return output;
}

}  // namespace

TEST_CASE("large tables of plain entries survive failures", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(4); ++seed) {
        CAPTURE(seed);
        Simulation simulation(seed, 50us);
        Output output;
        buildLarge(simulation.env, output, 30'000 + 20'000 * seed, RateLimiterStrategy::perSecond(1e6));
        simulation.env.enableCheckpointing({.interval = 10ms, .restart = RestartStrategy::fixedDelay(2, 10ms)});
        const auto client = simulation.env.executeAsync("large");
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(countOf(*client, CheckpointStatus::Completed) > 3);
        CHECK(output.against(undisturbedLarge()) == "");
    }
}

TEST_CASE("large tables of plain entries survive failures on threads", "[api][checkpoint][threads]") {
    for (int run = 0; run < (kSanitized ? 2 : 4); ++run) {
        CAPTURE(run);
        StreamExecutionEnvironment env(ThreadPoolRuntime(1 + run % 2));
        Output output;
        buildLarge(env, output, 30'000 + 20'000 * static_cast<std::uint64_t>(run), RateLimiterStrategy::noOp());
        env.enableCheckpointing({.interval = 1ms, .restart = RestartStrategy::fixedDelay(2, 1ms)});
        const auto client = env.executeAsync("large");
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(output.against(undisturbedLarge()) == "");
    }
}

TEST_CASE("with at-least-once nothing is lost", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(20); ++seed) {
        CAPTURE(seed);
        Simulation simulation(seed);
        Output output;
        build(simulation.env, 2, output, {1000 + 200 * seed});
        simulation.env.enableCheckpointing({.interval = 15ms,
                                            .mode = CheckpointingMode::AtLeastOnce,
                                            .restart = RestartStrategy::fixedDelay(1, 10ms)});
        CHECK(simulation.env.execute().status == JobStatus::Finished);
        const Output& expected = undisturbed();
        for (std::int64_t key = 0; key < kKeys; ++key) {
            CHECK(output.counts[key] >= expected.counts.at(key));
            CHECK(output.sums[key] >= expected.sums.at(key));
        }
        const auto pairs = [](const Output& of) {
            std::vector<std::string> found;
            for (const std::string& line : of.lines) {
                if (line.starts_with("pair")) found.push_back(line);
            }
            return found;
        };
        CHECK(pairs(output) == pairs(expected));
    }
}

TEST_CASE("a job is suspended and goes on at other parallelisms", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(20); ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        Output output;
        JobStatus status{};
        std::size_t suspensions = 0;
        for (const int parallelism : {2, 3, 4, 2}) {
            Simulation simulation(seed);
            build(simulation.env, parallelism, output);
            simulation.env.enableCheckpointing({.interval = 30ms, .directory = directory.path("kept")});
            const auto client = simulation.env.executeAsync("moving");
            if (suspensions < 3) {
                simulation.runtime.advance(60ms + seed * 2ms);
                client->stop(false);
                ++suspensions;
            }
            status = client->result().status;
            CHECK(countOf(*client, CheckpointStatus::Failed) == 0);
            if (status == JobStatus::Finished && output.against(undisturbed()).empty()) break;
        }
        CHECK(status == JobStatus::Finished);
        CHECK(output.against(undisturbed()) == "");
        CHECK(checkpointsIn(directory.path("kept")).empty());  // it has come to its end
    }
}

TEST_CASE("a savepoint is what another job at another parallelism begins with", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(10); ++seed) {
        for (const bool stops : {false, true}) {
            CAPTURE(seed, stops);
            const testing::TempDirectory directory(testing::inMemoryDirectory());
            Output output;
            CheckpointInfo saved;
            {
                Simulation simulation(seed);
                build(simulation.env, 2, output);
                simulation.env.enableCheckpointing({.interval = 30ms});
                const auto client = simulation.env.executeAsync("saved");
                simulation.runtime.advance(60ms + seed * 15ms);
                saved = stops ? client->stopWithSavepoint(directory.path("here"), false)
                              : client->triggerSavepoint(directory.path("here"));
                CHECK(saved.kind == CheckpointKind::Savepoint);
                CHECK(saved.bytes > 0);
                CHECK(client->isDone() == false);
                if (!stops) client->cancel();
                if (stops) CHECK(client->result().status == JobStatus::Finished);
                if (!stops) CHECK_THROWS_AS(client->result(), JobCancelledException);
            }
            Simulation simulation(seed + 100);
            build(simulation.env, 3, output);
            simulation.env.enableCheckpointing({.interval = 30ms, .restoreFrom = saved.path});
            CHECK(simulation.env.execute().status == JobStatus::Finished);
            if (stops) {
                CHECK(output.against(undisturbed()) == "");
            } else {
                CHECK(output.counts == undisturbed().counts);
                CHECK(output.lines == undisturbed().lines);
            }
            CHECK(std::filesystem::exists(saved.path + "/manifest.json"));
        }
    }
}

TEST_CASE("draining into a savepoint fires everything first", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(10); ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        Simulation simulation(seed);
        Output output;
        build(simulation.env, 2, output);
        simulation.env.enableCheckpointing({});
        const auto client = simulation.env.executeAsync("drained");
        simulation.runtime.advance(60ms + seed * 15ms);
        const CheckpointInfo saved = client->stopWithSavepoint(directory.path("here"), true);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(std::filesystem::exists(saved.path + "/manifest.json"));
        // what was counted so far was told, by every operator that tells at the end
        std::int64_t counted = 0;
        for (const auto& [key, count] : output.counts) counted += count;
        std::int64_t told = 0;
        for (const std::string& line : output.lines) {
            std::int64_t key = 0;
            std::int64_t count = 0;
            if (std::sscanf(line.c_str(), "both %ld %ld", &key, &count) == 2) told += count;
        }
        CHECK(told == counted);
        CHECK(counted > 0);
    }
}

TEST_CASE("a job that fails while it drains into a savepoint drains again after its restart", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        Simulation simulation(seed);
        StreamEnvironment& env = simulation.env;
        env.setParallelism(2);
        const auto failures = std::make_shared<int>(1);
        testing::CommittedSink<std::int64_t> committed;
        // nothing comes out before the input has ended, and that fails once
        env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 1'000'000,
                                           RateLimiterStrategy::perSecond(10'000)),
                       WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                           [](std::int64_t i, Timestamp) { return Timestamp(Duration{i}); }),
                       "numbers")
            .uid("numbers")
            .keyBy([](std::int64_t i) { return i % 7; })
            .window(TumblingEventTimeWindows::of(24h))
            .sum()
            .uid("sums")
            .rebalance()
            .map([failures](std::int64_t sum) {
                if ((*failures)-- > 0) throw std::runtime_error("it fails once");
                return sum;
            })
            .uid("fails")
            .sinkTo(committed)
            .uid("sink");
        env.enableCheckpointing({.interval = 10ms, .restart = RestartStrategy::fixedDelay(1, 5ms)});
        const auto client = simulation.env.executeAsync("drained");
        simulation.runtime.advance(50ms);
        const CheckpointInfo saved = client->stopWithSavepoint(directory.path("here"), true);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(std::filesystem::exists(saved.path + "/manifest.json"));
        CHECK(*failures < 0);
        CHECK(committed.committed().size() == 7);
    }
}

TEST_CASE("on threads a job stops with a savepoint, and another goes on", "[api][checkpoint][threads]") {
    for (int run = 0; run < 4; ++run) {
        CAPTURE(run);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        Output output;
        bool stopped = false;
        {
            StreamExecutionEnvironment env(ThreadPoolRuntime(2));
            build(env, 2, output, {}, RateLimiterStrategy::noOp());
            env.enableCheckpointing({.interval = 1ms});
            const auto client = env.executeAsync("saved");
            while (output.empty() && !client->isDone()) std::this_thread::yield();
            try {
                client->stopWithSavepoint(directory.path("here"), false);
                stopped = true;
            } catch (const CheckpointException&) {
                // it was at its end already
            }
            CHECK(client->result().status == JobStatus::Finished);
        }
        if (stopped) {
            StreamExecutionEnvironment env(ThreadPoolRuntime(2));
            build(env, 3, output, {}, RateLimiterStrategy::noOp());
            env.enableCheckpointing({.interval = 1ms, .restoreFrom = directory.path("here")});
            env.execute();
        }
        CHECK(output.against(undisturbed()) == "");
    }
}

namespace {

/// Says when a savepoint is complete, before the job hears of it.
class TellingStore final : public detail::CheckpointStore {
public:
    TellingStore(std::shared_ptr<detail::CheckpointStore> behind, std::function<void()> saved)
        : behind_(std::move(behind)), saved_(std::move(saved)) {}

    void begin(const detail::CheckpointDescription& description) override { behind_->begin(description); }
    void writePart(std::int64_t id, int task, int subtask, const SnapshotPart& part) override {
        behind_->writePart(id, task, subtask, part);
    }
    CheckpointInfo complete(const detail::CheckpointDescription& description) override {
        const CheckpointInfo info = behind_->complete(description);
        if (description.kind == CheckpointKind::Savepoint) saved_();
        return info;
    }
    void discard(std::int64_t id) noexcept override { behind_->discard(id); }
    std::vector<CheckpointInfo> completed() const override { return behind_->completed(); }
    std::shared_ptr<const detail::StoredCheckpoint> load(std::int64_t id) const override { return behind_->load(id); }
    std::int64_t lastId() const override { return behind_->lastId(); }

private:
    std::shared_ptr<detail::CheckpointStore> behind_;
    std::function<void()> saved_;
};

struct TellingSink {
    std::shared_ptr<std::promise<void>> closed;
    void operator()(std::int64_t) {}
    void close() { closed->set_value(); }
};

}  // namespace

// The savepoint was removed, like the checkpoints before it: nothing was left to go on with.
TEST_CASE("a job that is cancelled while its last savepoint is being completed ends with that savepoint",
          "[api][checkpoint][threads]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    StreamExecutionEnvironment env(ThreadPoolRuntime(2));
    const auto closed = std::make_shared<std::promise<void>>();
    env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, UINT64_MAX,
                                       RateLimiterStrategy::perSecond(10'000)),
                   WatermarkStrategy::noWatermarks(), "numbers")
        .addSink(TellingSink{closed});
    std::shared_ptr<JobClient> client;
    CheckpointConfig config;
    config.directory = directory.path("checkpoints");
    config.interval = 1ms;
    detail::enableCheckpointing(
        env, config,
        [&](const CheckpointConfig& given) {
            const std::shared_ptr<detail::CheckpointStore> files(new detail::FileCheckpointStore(given.directory));
            return std::make_shared<TellingStore>(files, [&] {
                client->cancel();
                closed->get_future().wait();
            });
        },
        [](const std::string&) { return std::shared_ptr<const detail::StoredCheckpoint>(); });
    client = env.executeAsync("cancelled");
    const CheckpointInfo saved = client->stopWithSavepoint(directory.path("here"), false);
    CHECK_THROWS_WITH(client->result(), "job 'cancelled' was cancelled");
    CHECK(std::filesystem::exists(saved.path + "/manifest.json"));
    CHECK(std::filesystem::exists(directory.path("here") + "/manifest.json"));
}

// ---- what is refused --------------------------------------------------------------------------------------------------

/// Two operators with state after one source.
void buildSmall(StreamEnvironment& env, bool withSecond) {
    env.setParallelism(2);
    const auto numbers =
        env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 1000,
                                           RateLimiterStrategy::perSecond(5000)),
                       WatermarkStrategy::noWatermarks(), "numbers")
            .uid("numbers");
    const auto add = [](std::int64_t a, std::int64_t b) { return a + b; };
    const auto keyOf = [](std::int64_t i) { return i % 5; };
    numbers.keyBy(keyOf).reduce(add).uid("first").addSink([](std::int64_t) {});
    if (withSecond) numbers.keyBy(keyOf).reduce(add).uid("second").addSink([](std::int64_t) {});
}
std::string savepointOf(const std::string& path) {
    Simulation simulation(1);
    buildSmall(simulation.env, true);
    simulation.env.enableCheckpointing({});
    const auto client = simulation.env.executeAsync("small");
    simulation.runtime.advance(60ms);
    return client->stopWithSavepoint(path, false).path;
}

/// What the library logs while it lives.
class Log {
public:
    Log() {
        setLogCallback([text = text_](LogLevel, std::string_view message) {
            const std::lock_guard lock(text->mutex);
            text->value.append(message).append("\n");
        });
    }
    ~Log() { setLogCallback({}); }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    std::string take() {
        const std::lock_guard lock(text_->mutex);
        return std::exchange(text_->value, "");
    }

private:
    struct Text {
        std::mutex mutex;
        std::string value;
    };
    std::shared_ptr<Text> text_ = std::make_shared<Text>();
};

TEST_CASE("of a savepoint and the job's own checkpoints the newest is what it begins with", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string kept = directory.path("kept");
    Log log;
    /// Takes what `ids` says, "c" a checkpoint and "s" a savepoint, and ends without notice.
    const auto run = [&](const std::string& from, const std::string& steps) {
        Simulation simulation(1);
        buildSmall(simulation.env, true);
        simulation.env.enableCheckpointing({.directory = kept, .restoreFrom = from});
        const auto client = simulation.env.executeAsync("small");
        std::vector<std::string> paths;
        for (const char step : steps) {
            simulation.runtime.advance(10ms);
            paths.push_back(step == 'c'
                                ? client->triggerCheckpoint().path
                                : client->triggerSavepoint(directory.path("s" + std::to_string(paths.size()))).path);
        }
        client->cancel();
        CHECK_THROWS_AS(client->result(), JobCancelledException);
        return paths;
    };
    const std::vector<std::string> paths = run("", "cscs");
    CHECK(paths[2] == kept + "/chk-3");
    log.take();

    CHECK(run(paths[3], "").empty());
    CHECK_THAT(log.take(), ContainsSubstring("begins with checkpoint 4 (" + paths[3] + ")"));
    CHECK(run(paths[1], "").empty());
    const std::string passedOver = log.take();
    CHECK_THAT(passedOver, ContainsSubstring("job 'small' has checkpoint 3 (" + kept +
                                             "/chk-3) to go on with, which is newer"
                                             " than '" +
                                             paths[1] + "'. To go back to that one, remove the checkpoints"));
    CHECK_THAT(passedOver, ContainsSubstring("begins with checkpoint 3 "));
    CHECK_THAT(messageOf([&] { run(directory.path("gone"), ""); }),
               ContainsSubstring("is to begin with '" + directory.path("gone") + "', but ") &&
                   ContainsSubstring("Its directory has checkpoint 3 (" + kept +
                                     "/chk-3): to go on with that leave restoreFrom empty"));
    // a copy has the number of what it was made from: that which is named counts
    std::filesystem::copy(kept + "/chk-3", directory.path("corrected"));
    CHECK(run(directory.path("corrected"), "").empty());
    CHECK_THAT(log.take(), ContainsSubstring("begins with checkpoint 3 (" + directory.path("corrected") + ")"));

    // in another directory, too, the next one has the next number
    std::filesystem::remove_all(kept);
    CHECK(run(paths[3], "c") == std::vector<std::string>{kept + "/chk-5"});
    log.take();
    CHECK(run(paths[3], "c") == std::vector<std::string>{kept + "/chk-6"});
    CHECK_THAT(log.take(), ContainsSubstring("begins with checkpoint 5 "));
}

TEST_CASE("a damaged savepoint is refused before the job begins", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string saved = savepointOf(directory.path("here"));
    for (const auto& entry : std::filesystem::directory_iterator(saved)) {
        if (entry.path().extension() != ".state") continue;
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
        file.put('\x5a');
        REQUIRE(file.good());
    }
    Simulation simulation(2);
    buildSmall(simulation.env, true);
    simulation.env.enableCheckpointing({.restoreFrom = saved});
    CHECK_THAT(messageOf([&] { simulation.env.execute("damaged"); }),
               ContainsSubstring(saved) && ContainsSubstring("damaged"));
}

TEST_CASE("a job that has finished does not begin once more with one of its savepoints", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string kept = directory.path("kept");
    const auto finish = [&](const CheckpointConfig& config, bool withSavepoint) {
        Simulation simulation(1);
        buildSmall(simulation.env, true);
        simulation.env.enableCheckpointing(config);
        const auto client = simulation.env.executeAsync("small");
        std::string saved;
        if (withSavepoint) {
            simulation.runtime.advance(10ms);
            client->triggerCheckpoint();
            saved = client->triggerSavepoint(directory.path("saved")).path;
        }
        CHECK_FALSE(hasFinished(kept));
        client->result();
        CHECK(hasFinished(kept));
        return saved;
    };
    CHECK_FALSE(hasFinished(kept));
    const std::string saved = finish({.directory = kept}, true);
    CHECK(std::filesystem::exists(kept + "/finished-2"));

    CHECK_THAT(messageOf([&] { finish({.directory = kept, .restoreFrom = saved}, false); }),
               ContainsSubstring("cannot begin with '" + saved + "' (checkpoint 2): it has finished since") &&
                   ContainsSubstring("'finished-2'"));
    CHECK(hasFinished(kept));
    // that is what is wanted
    finish({.directory = kept, .resume = false, .restoreFrom = saved}, false);
    // so is running all of it once more
    finish({.directory = kept}, false);

    // stopped with a savepoint, it has not finished: that is to go on
    std::filesystem::remove_all(directory.path("saved"));
    std::string last;
    {
        Simulation simulation(1);
        buildSmall(simulation.env, true);
        simulation.env.enableCheckpointing({.directory = kept});
        const auto client = simulation.env.executeAsync("small");
        simulation.runtime.advance(10ms);
        last = client->stopWithSavepoint(directory.path("saved")).path;
        client->result();
    }
    CHECK_FALSE(hasFinished(kept));
    finish({.directory = kept, .restoreFrom = last}, false);
}

TEST_CASE("a savepoint that does not fit the pipeline is refused", "[api][checkpoint]") {
    const testing::TempDirectory directory;
    const std::string saved = savepointOf(directory.path("here"));
    const auto begin = [&](bool withSecond, auto change) {
        return messageOf([&] {
            Simulation simulation(2);
            buildSmall(simulation.env, withSecond);
            CheckpointConfig config{.restoreFrom = saved};
            change(simulation.env, config);
            simulation.env.enableCheckpointing(config);
            simulation.env.execute();
        });
    };
    CHECK(begin(true, [](auto&, auto&) {}).empty());
    const std::string missing = begin(false, [](auto&, auto&) {});
    CHECK_THAT(missing, ContainsSubstring("uid 'second'"));
    CHECK_THAT(missing, ContainsSubstring("allowNonRestoredState"));
    CHECK(begin(false, [](auto&, auto& config) { config.allowNonRestoredState = true; }).empty());
    CHECK_THAT(begin(true, [](auto& env, auto&) { env.setMaxParallelism(64); }),
               ContainsSubstring("maximum parallelism 128"));
    CHECK(begin(true, [](auto& env, auto&) { env.setMaxParallelism(128); }).empty());
    CHECK_THAT(begin(true, [&](auto&, auto& config) { config.restoreFrom = directory.path("nowhere"); }),
               ContainsSubstring("nowhere"));
}

TEST_CASE("a configuration that makes no sense is refused, and the message names the field",
          "[api][checkpoint][threads]") {
    const auto refused = [](auto change) {
        return messageOf([&] {
            StreamExecutionEnvironment env;
            CheckpointConfig config;
            change(config);
            env.enableCheckpointing(config);
        });
    };
    CHECK(refused([](auto&) {}).empty());
    CHECK_THAT(refused([](auto& c) { c.interval = 0s; }), ContainsSubstring("interval must be above 0"));
    CHECK_THAT(refused([](auto& c) { c.timeout = 0s; }), ContainsSubstring("timeout must be above 0"));
    CHECK_THAT(refused([](auto& c) { c.minPause = -1s; }), ContainsSubstring("minPause must not be negative"));
    CHECK_THAT(refused([](auto& c) { c.maxConcurrent = 0; }), ContainsSubstring("maxConcurrent must be at least 1"));
    CHECK_THAT(refused([](auto& c) {
                   c.maxConcurrent = 2;
                   c.minPause = 1s;
               }),
               ContainsSubstring("minPause needs maxConcurrent 1"));
    CHECK_THAT(refused([](auto& c) { c.tolerableFailures = -1; }), ContainsSubstring("tolerableFailures"));
    CHECK_THAT(refused([](auto& c) { c.retained = 0; }), ContainsSubstring("retained must be at least 1"));
    const std::string compression = refused([](auto& c) { c.compression = SnapshotCompression::Zstd; });
    if (isAvailable(SnapshotCompression::Zstd)) {
        CHECK(compression.empty());
    } else {
        CHECK_THAT(compression, ContainsSubstring("enableCheckpointing: compression by zstd was asked for"));
    }
}

TEST_CASE("asking for a checkpoint where there is none says why", "[api][checkpoint]") {
    {
        Simulation simulation(1);
        buildSmall(simulation.env, true);
        const auto client = simulation.env.executeAsync("without");
        CHECK_THAT(messageOf([&] { client->triggerCheckpoint(); }), ContainsSubstring("env.enableCheckpointing("));
        CHECK_THAT(messageOf([&] { client->triggerSavepoint("/nowhere"); }), ContainsSubstring("'without'"));
        CHECK_THAT(messageOf([&] { client->stopWithSavepoint("/nowhere"); }), ContainsSubstring("no checkpoints"));
        CHECK(client->checkpoints().empty());
    }
    {
        Simulation simulation(1);
        buildSmall(simulation.env, true);
        simulation.env.enableCheckpointing({});
        const auto client = simulation.env.executeAsync("over");
        client->result();
        CHECK_THAT(messageOf([&] { client->triggerCheckpoint(); }), ContainsSubstring("job 'over' has ended"));
        CHECK_THAT(messageOf([&] { client->stopWithSavepoint("/nowhere"); }), ContainsSubstring("has ended"));
        client->stop(false);  // too late for that, but no error
        CHECK(client->status() == JobStatus::Finished);
    }
}

TEST_CASE("a directory belongs to one job at a time", "[api][checkpoint]") {
    const testing::TempDirectory directory;
    const CheckpointConfig config{.directory = directory.path("shared")};
    Simulation first(1);
    buildSmall(first.env, true);
    first.env.enableCheckpointing(config);
    const auto client = first.env.executeAsync("first");
    Simulation second(2);
    buildSmall(second.env, true);
    second.env.enableCheckpointing(config);
    CHECK_THAT(messageOf([&] { second.env.execute("second"); }), ContainsSubstring(directory.path("shared")));
    CHECK(client->result().status == JobStatus::Finished);
}

// ---- failures -----------------------------------------------------------------------------------------------------------

TEST_CASE("a job that has used up its restarts fails with the cause", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        CAPTURE(seed);
        Simulation simulation(seed);
        const auto attempts = std::make_shared<int>(0);
        simulation.env.setParallelism(1);
        simulation.env.enableCheckpointing({.restart = RestartStrategy::fixedDelay(3, 10ms)});
        simulation.env.fromSequence(0, 99)
            .map([attempts](std::int64_t) -> std::int64_t {
                throw testing::InjectedFailure("attempt " + std::to_string(++*attempts));
            })
            .addSink([](std::int64_t) {});
        const auto client = simulation.env.executeAsync("hopeless");
        const std::string message = messageOf([&] { client->result(); });
        CHECK_THAT(message, ContainsSubstring("job 'hopeless' failed"));
        CHECK_THAT(message, ContainsSubstring("attempt 4"));
        CHECK(*attempts == 4);
        CHECK(client->status() == JobStatus::Failed);
    }
}

// Whoever sets nothing would otherwise wait for ever, and hear nothing, because of a directory that is not there.
TEST_CASE("an error that stays ends a job that says nothing of restarts", "[api][checkpoint]") {
    Simulation simulation(1);
    const auto attempts = std::make_shared<int>(0);
    simulation.env.setParallelism(1);
    simulation.env.enableCheckpointing({.interval = 10ms});
    simulation.env.fromSequence(0, 99)
        .map([attempts](std::int64_t) -> std::int64_t {
            throw testing::InjectedFailure("attempt " + std::to_string(++*attempts));
        })
        .addSink([](std::int64_t) {});
    const auto client = simulation.env.executeAsync("hopeless");
    CHECK_THAT(messageOf([&] { client->result(); }), ContainsSubstring("attempt 6"));
    CHECK(*attempts == 6);
}

// Its first attempt took nothing from an earlier run; the second one must not either.
TEST_CASE("a job that begins anew does so after a failure, too", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const auto run = [&](bool resume, bool fails, std::vector<std::int64_t>& seen) {
        Simulation simulation(3);
        simulation.env.setParallelism(1);
        simulation.env.enableCheckpointing(
            {.directory = directory.path("state"), .resume = resume, .restart = RestartStrategy::fixedDelay(1, 10ms)});
        const auto failed = std::make_shared<bool>(!fails);
        simulation.env
            .fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 100,
                                            RateLimiterStrategy::perSecond(100)),
                        WatermarkStrategy::noWatermarks(), "numbers")
            .map([failed](std::int64_t x) {
                if (!std::exchange(*failed, true)) throw testing::InjectedFailure("at once");
                return x;
            })
            .addSink([&](std::int64_t x) { seen.push_back(x); });
        const auto client = simulation.env.executeAsync("numbers");
        if (!fails) {
            simulation.runtime.advance(500ms);
            client->stop(false);
        }
        client->result();
    };
    std::vector<std::int64_t> first;
    run(true, false, first);
    CHECK(first.size() < 100);
    std::vector<std::int64_t> second;
    run(false, true, second);
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < 100; ++i) all.push_back(i);
    CHECK(second == all);
}

// Once in a while the cancel came between the restart and its line in the log, which then told of a failure that was gone.
TEST_CASE("a job that waits for its restart can be cancelled", "[api][checkpoint][threads]") {
    for (int round = 0; round < 100; ++round) {
        const bool onThreads = round > 0;
        CAPTURE(round, onThreads);
        const auto run = [](StreamEnvironment& env) {
            env.enableCheckpointing({.restart = RestartStrategy::fixedDelay(3, 10h)});
            env.fromSequence(0, 9999)
                .map(testing::failingAt(500, [](std::int64_t i) { return i; }))
                .addSink([](std::int64_t) {});
            const auto client = env.executeAsync("patient");
            while (client->status() != JobStatus::Restarting) {
                if (!client->step()) std::this_thread::yield();
            }
            client->cancel();
            CHECK_THROWS_AS(client->result(), JobCancelledException);
            CHECK(client->status() == JobStatus::Canceled);
        };
        if (onThreads) {
            StreamExecutionEnvironment env(ThreadPoolRuntime(2));
            run(env);
        } else {
            Simulation simulation(1);
            run(simulation.env);
        }
    }
}

// It had no effect: the job started again, and whoever dropped its client waited for the end of all that followed.
TEST_CASE("a job that is cancelled while it fails does not start again", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        for (const bool dropped : {false, true}) {
            CAPTURE(seed, dropped);
            Simulation simulation(seed);
            const auto attempts = std::make_shared<int>(0);
            simulation.env.setParallelism(2);
            simulation.env.enableCheckpointing({.restart = RestartStrategy::exponentialDelay()});
            simulation.env.fromSequence(0, 99)
                .rebalance()
                .map([attempts](std::int64_t) -> std::int64_t {
                    throw testing::InjectedFailure("attempt " + std::to_string(++*attempts));
                })
                .addSink([](std::int64_t) {});
            auto client = simulation.env.executeAsync("failing");
            while (client->status() != JobStatus::Failing) REQUIRE(client->step());
            const int before = *attempts;
            if (!dropped) {
                client->cancel();
                CHECK_THAT(messageOf([&] { client->result(); }), ContainsSubstring("attempt 1"));
                CHECK(client->status() == JobStatus::Failed);
            }
            client.reset();
            CHECK(*attempts == before);
        }
    }
}

/// Cannot be made again so many times after the first.
struct UncertainSource : testing::ScriptedSource<int> {
    static constexpr bool kSingleSplit = false;
    static constexpr int kFixedParallelism = 1;

    UncertainSource(testing::Script<int> script, int failures)
        : testing::ScriptedSource<int>(std::move(script)), left(std::make_shared<int>(failures + 1)) {}
    std::unique_ptr<SplitEnumerator<testing::ScriptPosition>> createEnumerator(int /*parallelism*/) const {
        const bool isFirst = !std::exchange(*made, true);
        if (!isFirst && --*left > 0) throw IoException("nobody is there");
        return std::make_unique<SplitListEnumerator<testing::ScriptPosition>>(std::vector<testing::ScriptPosition>(1));
    }
    std::shared_ptr<bool> made = std::make_shared<bool>(false);
    std::shared_ptr<int> left;
};

// The stages of the attempt before were gone when its metrics were read once more.
TEST_CASE("a restart that cannot even be wired is one more failure", "[api][checkpoint]") {
    for (const int failures : {1, 2, 3}) {
        CAPTURE(failures);
        Simulation simulation(1);
        simulation.env.setParallelism(1);
        simulation.env.enableCheckpointing({.restart = RestartStrategy::fixedDelay(3, 10ms)});
        testing::CollectSink<int> seen;
        simulation.env
            .fromSource(UncertainSource(testing::Script<int>().element(1).element(2), failures),
                        WatermarkStrategy::noWatermarks(), "uncertain")
            .map(testing::failingAt(1, [](int i) { return i; }))
            .sinkTo(seen);
        const auto client = simulation.env.executeAsync("uncertain");
        const std::string message = messageOf([&] { client->result(); });
        CHECK(client->metrics().size() == 3);
        if (failures < 3) {
            CHECK(message.empty());
            CHECK(seen.elements() == std::vector<int>{1, 2});
        } else {
            CHECK_THAT(message, ContainsSubstring("nobody is there"));
        }
    }
}

TEST_CASE("a savepoint asked for while the job waits for its restart is taken after it", "[api][checkpoint]") {
    const testing::TempDirectory directory;
    Simulation simulation(3);
    Output output;
    build(simulation.env, 2, output, {3000});
    simulation.env.enableCheckpointing({.interval = 20ms, .restart = RestartStrategy::fixedDelay(1, 50ms)});
    const auto client = simulation.env.executeAsync("patient");
    while (client->status() != JobStatus::Restarting) REQUIRE(client->step());
    CHECK(std::filesystem::exists(client->triggerSavepoint(directory.path("here")).path + "/manifest.json"));
    CHECK(client->result().status == JobStatus::Finished);
    CHECK(output.against(undisturbed()) == "");
}

/// Pairs of a checkpoint's status and what it says of its failure.
std::string outcomesOf(const JobClient& client) {
    std::string text;
    for (const CheckpointStatistics& each : client.checkpoints()) {
        text += each.status == CheckpointStatus::Completed ? '+' : each.status == CheckpointStatus::Failed ? '-' : '?';
    }
    return text;
}
/// Simulated records, one every ten milliseconds.
void buildSlow(StreamEnvironment& env) {
    env.setParallelism(1);
    env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<int>(i); }, 100,
                                       RateLimiterStrategy::perSecond(100)),
                   WatermarkStrategy::noWatermarks(), "numbers")
        .rebalance()
        .map([](int number) { return number; })
        .addSink([](int) {});
}

TEST_CASE("checkpoints that expire fail the job only when too many do in a row", "[api][checkpoint]") {
    int expired = 0;
    int failedJobs = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        for (const int tolerated : {0, 1, 1000}) {
            CAPTURE(seed, tolerated);
            Simulation simulation(seed, 5ms);
            // a step takes longer than a checkpoint may: whether it is complete first is up to the seed
            CheckpointConfig config;
            config.interval = 40ms;
            config.timeout = 2ms;
            config.tolerableFailures = tolerated;
            config.restart = RestartStrategy::noRestart();
            simulation.env.enableCheckpointing(config);
            buildSlow(simulation.env);
            const auto client = simulation.env.executeAsync("slow");
            const std::string message = messageOf([&] { client->result(); });
            const std::string outcomes = outcomesOf(*client);
            CAPTURE(outcomes);
            const std::string tooMany(static_cast<std::size_t>(tolerated) + 1, '-');
            expired += countOf(*client, CheckpointStatus::Failed);
            CHECK(outcomes.find('?') == std::string::npos);
            if (message.empty()) {
                CHECK(outcomes.find(tooMany) == std::string::npos);
            } else {
                ++failedJobs;
                CHECK_THAT(message, ContainsSubstring("timeout of 2 ms"));
                CHECK_THAT(message, ContainsSubstring("CheckpointConfig::tolerableFailures"));
                CHECK(outcomes.find(tooMany) == outcomes.size() - tooMany.size());
            }
        }
    }
    CHECK(expired > 20);
    CHECK(failedJobs > 5);
}

TEST_CASE("a store that fails is tolerated so many times in a row, and a success begins anew", "[api][checkpoint]") {
    const testing::TempDirectory directory;
    const std::string kept = directory.path("kept");
    const std::string aside = directory.path("aside");
    Simulation simulation(1);
    buildSmall(simulation.env, true);
    CheckpointConfig config{.directory = kept, .tolerableFailures = 2};
    config.restart = RestartStrategy::noRestart();
    simulation.env.enableCheckpointing(config);
    const auto client = simulation.env.executeAsync("store");
    const auto take = [&](bool works) {
        if (!works) {
            std::filesystem::rename(kept, aside);
            directory.write("kept", "in the way");
        }
        simulation.runtime.advance(5ms);
        const std::string message = messageOf([&] { client->triggerCheckpoint(); });
        if (!works) {
            std::filesystem::remove(kept);
            std::filesystem::rename(aside, kept);
        }
        return message;
    };
    CHECK(take(true).empty());
    CHECK_THAT(take(false), ContainsSubstring("checkpoint 2 of job 'store' was given up"));
    CHECK_THAT(take(false), ContainsSubstring(kept));
    CHECK(take(true).empty());
    CHECK_FALSE(take(false).empty());
    CHECK_FALSE(take(false).empty());
    CHECK(client->status() == JobStatus::Running);
    CHECK_FALSE(take(false).empty());
    CHECK_THAT(messageOf([&] { client->result(); }), ContainsSubstring("3 in a row, and 2 are tolerated"));
    CHECK(outcomesOf(*client) == "+--+---");
}

/// Keeps how many it has seen in a union list.
struct CountInUnion {
    OperatorListState<std::int64_t> counts;
    std::int64_t mine = 0;
    void initializeState(FunctionInitializationContext& context) {
        counts = context.getOperatorStateStore().getUnionListState(ListStateDescriptor<std::int64_t>("counts"));
    }
    void snapshotState(FunctionSnapshotContext&) { counts.update({mine}); }
    std::int64_t operator()(std::int64_t value) {
        ++mine;
        return value;
    }
};

TEST_CASE("a union list of which some subtasks have ended is in no checkpoint", "[api][checkpoint]") {
    Simulation simulation(1);
    simulation.env.setParallelism(2);
    // one subtask has one number, the other two, and the second of them comes after a second
    simulation.env
        .fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 3,
                                        RateLimiterStrategy::perSecond(2)),
                    WatermarkStrategy::noWatermarks(), "numbers")
        .map(CountInUnion{})
        .name("counting")
        .uid("counts")
        .addSink([](std::int64_t) {});
    simulation.env.enableCheckpointing({.interval = 50ms});
    const auto client = simulation.env.executeAsync("union");
    simulation.runtime.advance(200ms);
    CHECK_THAT(messageOf([&] { client->triggerCheckpoint(); }),
               ContainsSubstring("operator 'counting' (uid 'counts') has a union list, and 1 of its 2 subtasks have "
                                 "ended: what they had in it would be lost"));
    client->result();  // none of those that were given up counts as failed
    CHECK(countOf(*client, CheckpointStatus::Failed) > 3);
}

TEST_CASE("two inputs of which one has ended before the checkpoint: nothing is read twice", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        Simulation simulation(seed);
        const auto shortOnes = std::make_shared<std::vector<int>>();
        const auto longOnes = std::make_shared<std::vector<int>>();
        const auto source = [](std::uint64_t count) {
            return DataGeneratorSource([](std::uint64_t i) { return static_cast<int>(i); }, count,
                                       RateLimiterStrategy::perSecond(100));
        };
        simulation.env.setParallelism(1);
        simulation.env.enableCheckpointing({.interval = 40ms, .restart = RestartStrategy::fixedDelay(1, 10ms)});
        const auto brief = simulation.env.fromSource(source(20), WatermarkStrategy::noWatermarks(), "brief")
                               .uid("brief")
                               .map([shortOnes](int i) {
                                   shortOnes->push_back(i);
                                   return i;
                               });
        const auto lasting = simulation.env.fromSource(source(80), WatermarkStrategy::noWatermarks(), "lasting")
                                 .uid("lasting")
                                 .map(testing::failingAt(60 + seed, [longOnes](int i) {
                                     longOnes->push_back(i);
                                     return i;
                                 }));
        const auto last = std::make_shared<int>(0);
        brief.unionWith(lasting)
            .keyBy([](int) { return 0; })
            .map([](int) { return 1; })
            .keyBy([](int) { return 0; })
            .reduce([](int a, int b) { return a + b; })
            .addSink([last](int count) { *last = count; });
        const auto client = simulation.env.executeAsync("unequal");
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(*last == 100);
        std::vector<int> once;
        for (int i = 0; i < 20; ++i) once.push_back(i);
        CHECK(*shortOnes == once);
        CHECK(longOnes->size() < 80 + 20);  // but not from the beginning
    }
}

TEST_CASE("a damaged checkpoint is passed over for the one before", "[api][checkpoint]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(5); ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        Output output;
        CheckpointConfig config{.directory = directory.path("kept"), .retained = 3};
        {
            Simulation simulation(seed);
            build(simulation.env, 2, output);
            simulation.env.enableCheckpointing(config);
            const auto client = simulation.env.executeAsync("damaged");
            for (int i = 0; i < 5; ++i) {
                simulation.runtime.advance(30ms);
                client->triggerCheckpoint();
            }
            client->cancel();
            CHECK_THROWS_AS(client->result(), JobCancelledException);
        }
        const std::vector<std::string> kept = checkpointsIn(directory.path("kept"));
        REQUIRE(kept.size() == 3);
        for (const auto& entry : std::filesystem::directory_iterator(kept.back())) {
            if (entry.path().filename() == "manifest.json") continue;
            std::filesystem::resize_file(entry.path(), std::filesystem::file_size(entry.path()) / 2);
        }
        Simulation simulation(seed);
        build(simulation.env, 2, output);
        simulation.env.enableCheckpointing(config);
        CHECK(simulation.env.execute().status == JobStatus::Finished);
        CHECK(output.against(undisturbed()) == "");
    }
}

TEST_CASE("an intact checkpoint stays while damaged ones are newer than all that were taken since",
          "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    Output output;
    CheckpointConfig config{.directory = directory.path("kept"), .retained = 2};
    const auto run = [&] {
        Simulation simulation(1);
        build(simulation.env, 2, output);
        simulation.env.enableCheckpointing(config);
        const auto client = simulation.env.executeAsync("damaged");
        simulation.runtime.advance(30ms);
        client->triggerCheckpoint();
        client->cancel();
        CHECK_THROWS_AS(client->result(), JobCancelledException);
        std::string names;
        for (const std::string& path : checkpointsIn(directory.path("kept"))) {
            names += path.substr(path.rfind('/') + 1) + " ";
        }
        return names;
    };
    CHECK(run() == "chk-1 ");
    CHECK(run() == "chk-1 chk-2 ");
    for (const auto& entry : std::filesystem::directory_iterator(checkpointsIn(directory.path("kept")).back())) {
        if (entry.path().filename() != "manifest.json") std::filesystem::resize_file(entry.path(), 10);
    }
    CHECK(run() == "chk-1 chk-2 chk-3 ");
    CHECK(run() == "chk-3 chk-4 ");
}

// It would begin anew, and its sinks would write everything once more.
TEST_CASE("a job of whose checkpoints none is intact is refused", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    Output output;
    {
        Simulation simulation(1);
        build(simulation.env, 2, output);
        simulation.env.enableCheckpointing({.directory = directory.path("kept")});
        const auto client = simulation.env.executeAsync("damaged");
        simulation.runtime.advance(30ms);
        client->triggerCheckpoint();
        client->cancel();
        CHECK_THROWS_AS(client->result(), JobCancelledException);
    }
    for (const auto& entry : std::filesystem::directory_iterator(checkpointsIn(directory.path("kept")).back())) {
        if (entry.path().filename() != "manifest.json") std::filesystem::resize_file(entry.path(), 10);
    }
    const auto runWith = [&](bool resume) {
        Simulation simulation(1);
        build(simulation.env, 2, output);
        simulation.env.enableCheckpointing({.directory = directory.path("kept"), .resume = resume});
        simulation.env.execute("damaged");
    };
    const std::string message = messageOf([&] { runWith(true); });
    CHECK_THAT(message, ContainsSubstring("none of the checkpoints of job 'damaged' can be used"));
    CHECK_THAT(message, ContainsSubstring("is damaged"));
    CHECK_THAT(message, ContainsSubstring("resume = false"));
    CHECK(messageOf([&] { runWith(false); }).empty());
}

TEST_CASE("what is kept of a job follows its end", "[api][checkpoint]") {
    struct Case {
        CheckpointRetention retention;
        bool afterCancel;
        bool afterFailure;
    };
    for (const Case& each : {Case{CheckpointRetention::RetainOnCancellation, true, true},
                             Case{CheckpointRetention::DeleteOnCancellation, false, true},
                             Case{CheckpointRetention::NoExternalized, false, false}}) {
        for (const bool fails : {false, true}) {
            CAPTURE(static_cast<int>(each.retention), fails);
            const testing::TempDirectory directory(testing::inMemoryDirectory());
            Simulation simulation(1);
            Output output;
            std::vector<std::uint64_t> failures;
            if (fails) failures.push_back(5000);
            build(simulation.env, 2, output, failures);
            simulation.env.enableCheckpointing({.directory = directory.path("kept"),
                                                .retention = each.retention,
                                                .restart = RestartStrategy::noRestart()});
            const auto client = simulation.env.executeAsync("kept");
            simulation.runtime.advance(50ms);
            client->triggerCheckpoint();
            CHECK(checkpointsIn(directory.path("kept")).size() == 1);
            if (!fails) client->cancel();
            CHECK_FALSE(messageOf([&] { client->result(); }).empty());
            CHECK(checkpointsIn(directory.path("kept")).empty() == !(fails ? each.afterFailure : each.afterCancel));
        }
    }
}

}  // namespace
