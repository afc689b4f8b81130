#include <millrace/graph/graph_scale.hpp>

#include <millrace/checkpointing.hpp>
#include <millrace/committing_sink.hpp>
#include <millrace/core/log.hpp>
#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>
#include <millrace/testing/committed_sink.hpp>

#include "api/api_fixtures.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

// JobClient::rescale: another parallelism while records flow, of which nothing shows in the output.

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::int64_t kKeys = 11;
constexpr std::int64_t kItems = 3000;

struct Item {
    std::int64_t key = 0;
    std::int64_t value = 0;
    std::int64_t time = 0;
};
struct Result {
    int kind = 0;
    std::int64_t key = 0;
    std::int64_t time = 0;
    std::int64_t value = 0;
    auto operator<=>(const Result&) const = default;
};

/// Numbers the records and timers of each key.
struct Numbering {
    ValueState<std::int64_t> seen;
    ValueState<std::int64_t> fired;
    void open(KeyedRuntimeContext& context) {
        seen = context.getState(ValueStateDescriptor<std::int64_t>{"seen"});
        fired = context.getState(ValueStateDescriptor<std::int64_t>{"fired"});
    }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>& context, Collector<Result>& out) {
        seen.update(seen.valueOr(0) + 1);
        if (item.value % 10 == 0) context.timerService().registerEventTimeTimer(Timestamp(Duration{item.time + 70}));
        out.collect({1, item.key, 0, *seen.value()});
    }
    void onTimer(Timestamp time, OnTimerContext<std::int64_t>& context, Collector<Result>& out) {
        fired.update(fired.valueOr(0) + 1);
        out.collect({2, context.currentKey(), time.time_since_epoch().count(), *fired.value()});
    }
};
struct SumOfValues {
    using Accumulator = std::int64_t;
    std::int64_t createAccumulator() const { return 0; }
    void add(const Item& item, std::int64_t& sum) const { sum += item.value; }
    std::int64_t getResult(const std::int64_t& sum) const { return sum; }
    void merge(std::int64_t& into, const std::int64_t& from) const { into += from; }
};
using Hook = std::function<void(std::string_view place)>;
/// Counts in an accumulator what it passes on; a list that belongs to no key keeps the count, too.
struct Prepare {
    OperatorListState<std::int64_t> saved{};
    std::int64_t count = 0;
    LongCounter* counter = nullptr;
    std::shared_ptr<Hook> hook{};

    void initializeState(FunctionInitializationContext& context) {
        saved = context.getOperatorStateStore().getListState(ListStateDescriptor<std::int64_t>("count"));
        for (const std::int64_t each : saved.get()) count += each;
    }
    void snapshotState(FunctionSnapshotContext&) {
        saved.update({count});
        at("snapshot");
    }
    void notifyCheckpointComplete(std::int64_t) { at("complete"); }
    void open(RuntimeContext& context) {
        counter = &context.counter("prepared");
        at("open");
    }
    void close() { at("close"); }
    void at(const char* place) {
        if (hook != nullptr && *hook) (*hook)(place);
    }
    Item operator()(std::int64_t i) {
        ++count;
        counter->add(1);
        return {i % kKeys, i, i / 3};
    }
};

/// Everything that a run has let the world see: by a sink that commits, and by one that does not.
struct Output {
    testing::CommittedSink<Result> committed;
    testing::CollectSink<Result> plain;
    std::shared_ptr<Hook> hook = std::make_shared<Hook>();

    std::vector<Result> all() const { return sorted(committed.committed()); }
    std::vector<Result> plainOnes() const { return sorted(plain.elements()); }
};

/// Source -> prepare -> windows, and numbering; both into both sinks. Comes by and by in simulated time.
void build(StreamEnvironment& env, Output& output, bool commits = true,
           RateLimiterStrategy rate = RateLimiterStrategy::perSecond(20'000)) {
    env.setParallelism(2);
    const auto strategy = WatermarkStrategy::forBoundedOutOfOrderness(10ns).withTimestampAssigner(
        [](std::int64_t i) { return Timestamp(Duration{i / 3}); });
    Prepare prepare;
    prepare.hook = output.hook;
    const auto items =
        env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, kItems, rate),
                       strategy, "numbers")
            .uid("numbers")
            .setParallelism(1)
            .map(prepare)
            .uid("prepare")
            .setParallelism(2);
    const DataStream<Result> windows =
        items.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(100ns))
            .aggregate(SumOfValues{},
                       [](std::int64_t key, const TimeWindow& window, std::int64_t sum) {
                           return Result{0, key, window.start.time_since_epoch().count(), sum};
                       })
            .uid("windows");
    const DataStream<Result> numbered = items.keyBy(&Item::key).process(Numbering{}).uid("numbering");
    if (commits) windows.unionWith(numbered).sinkTo(output.committed).uid("committed");
    windows.unionWith(numbered).sinkTo(output.plain).uid("plain");
}

const std::vector<Result>& undisturbed() {
    static const std::vector<Result> results = [] {
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        Output output;
        build(env, output);
        env.execute();
        return output.all();
    }();
    return results;
}

std::map<std::string, int> parallelismsOf(const JobClient& client) {
    std::map<std::string, int> found;
    for (const OperatorMetrics& row : client.metrics()) found[row.uid] = row.parallelism;
    return found;
}

TEST_CASE("operators get other parallelisms while records flow, and nothing of it shows in the output",
          "[api][rescale]") {
    REQUIRE(undisturbed().size() > 3000);
    int rescaled = 0;
    constexpr int kSeeds = roundsToTry(60);
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        CAPTURE(seed);
        testing::Random random(seed);
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(100us);
        StreamExecutionEnvironment env(runtime);
        Output output;
        build(env, output);
        CheckpointConfig config;
        if (random.chance(70)) config.interval = std::chrono::milliseconds(random.between(3, 40));
        if (random.chance(30)) config.maxConcurrent = 2;
        env.enableCheckpointing(config);
        const auto client = env.executeAsync("moving");
        while (!client->isDone()) {
            runtime.runFor(static_cast<std::size_t>(random.below(random.chance(30) ? 10 : 600)));
            const std::string uid =
                random.oneOf<const char*>({"prepare", "windows", "numbering", "committed", "plain"});
            const int n = static_cast<int>(random.between(1, 5));
            try {
                client->rescale(uid, n);
                ++rescaled;
                CHECK((client->isDone() || parallelismsOf(*client)[uid] == n));
                if (random.chance(20)) client->triggerCheckpoint();
            } catch (const CheckpointException& error) {
                CHECK_THAT(error.what(), ContainsSubstring("ended"));
                break;
            }
        }
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(output.all() == undisturbed());
        CHECK(output.plainOnes() == undisturbed());  // one without transactions, too: nothing is done twice
        CHECK(client->result().accumulator("prepared") == kItems);
        for (const CheckpointStatistics& each : client->checkpoints()) {
            CHECK(each.status != CheckpointStatus::InProgress);
        }
    }
    CHECK(rescaled > 10 * kSeeds / 3);
}

TEST_CASE("a rescale in files, and failures behind it: the job goes on at its new parallelism", "[api][rescale]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(10); ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(100us);
        StreamExecutionEnvironment env(runtime);
        Output output;
        build(env, output);
        CheckpointConfig config;
        config.directory = directory.path("kept");
        config.interval = 15ms;
        config.restart = RestartStrategy::fixedDelay(2, 1ms);
        env.enableCheckpointing(config);
        const auto client = env.executeAsync("moving");
        runtime.advance(20ms + std::chrono::milliseconds(seed));
        client->rescale("windows", 4);
        client->rescale("prepare", 3);
        runtime.advance(std::chrono::milliseconds(5 * seed));
        std::vector<std::string> warnings;
        setLogCallback([&](LogLevel level, std::string_view text) {
            if (level >= LogLevel::Warning) warnings.emplace_back(text);
        });
        *output.hook = [&](std::string_view place) {
            if (place == "snapshot" && warnings.empty()) throw std::runtime_error("no snapshot");
        };
        runtime.advance(20ms);
        setLogCallback(nullptr);
        CHECK(!warnings.empty());
        CHECK(parallelismsOf(*client)["windows"] == 4);
        CHECK(parallelismsOf(*client)["prepare"] == 3);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(output.all() == undisturbed());
    }
}

// The accumulators would count what is repeated twice.
TEST_CASE("a rescale whose checkpoint is damaged goes on from the one before, with accumulators that begin anew",
          "[api][rescale]") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(100us);
        StreamExecutionEnvironment env(runtime);
        Output output;
        build(env, output, false);
        env.enableCheckpointing({.directory = directory.path("kept"), .retained = 2});
        const auto client = env.executeAsync("moving");
        runtime.advance(20ms);
        client->triggerCheckpoint();
        const std::int64_t before = std::get<std::int64_t>(client->accumulators().at("prepared"));
        runtime.advance(20ms);
        std::size_t damaged = 0;
        *output.hook = [&](std::string_view place) {
            if (place != "close" || damaged > 0) return;
            for (const auto& entry : std::filesystem::directory_iterator(directory.path("kept") + "/chk-2")) {
                if (entry.path().filename() == "manifest.json") continue;
                std::filesystem::resize_file(entry.path(), 10);
                ++damaged;
            }
        };
        std::vector<std::string> warnings;
        setLogCallback([&](LogLevel level, std::string_view text) {
            if (level >= LogLevel::Warning) warnings.emplace_back(text);
        });
        client->rescale("windows", 4);
        setLogCallback(nullptr);
        CHECK(damaged > 0);
        REQUIRE(warnings.size() == 1);
        CHECK_THAT(warnings.front(), ContainsSubstring("checkpoint 2 cannot be used, trying the one before"));
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(parallelismsOf(*client)["windows"] == 4);
        const std::int64_t counted = client->result().accumulator("prepared");
        CHECK(counted <= kItems);
        CHECK(counted >= kItems - before);
        CHECK(counted > 0);
        CHECK(output.plainOnes().size() > undisturbed().size());  // what came since is repeated
    }
}

TEST_CASE("operators without a parallelism of their own go with the one in front of them", "[api][rescale]") {
    SimulatedRuntime runtime(3);
    StreamExecutionEnvironment env(runtime);
    env.setParallelism(2);
    testing::CollectSink<std::int64_t> sink;
    env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 1000,
                                       RateLimiterStrategy::perSecond(1000)),
                   WatermarkStrategy::noWatermarks(), "numbers")
        .uid("numbers")
        .rebalance()
        .map([](std::int64_t i) { return i; })
        .uid("head")
        .map([](std::int64_t i) { return i + 1; })
        .uid("fused")
        .disableChaining()
        .filter([](std::int64_t) { return true; })
        .uid("follows")
        .keyBy([](std::int64_t i) { return i % 7; })
        .sum()
        .uid("sum")
        .sinkTo(sink)
        .uid("sink");
    env.enableCheckpointing({});
    const auto client = env.executeAsync("chains");
    runtime.advance(100ms);
    client->rescale("head", 5);
    const auto found = parallelismsOf(*client);
    CHECK(found.at("head") == 5);
    CHECK(found.at("fused") == 5);
    CHECK(found.at("follows") == 5);
    CHECK(found.at("sum") == 2);  // behind an exchange
    CHECK(found.at("sink") == 2);
    client->rescale("numbers", 4);  // with its splits
    client->rescale("sum", 1);
    CHECK(parallelismsOf(*client).at("sink") == 1);
    CHECK(client->result().status == JobStatus::Finished);
    CHECK(sink.size() == 1000);
    const std::vector<std::int64_t> all = sorted(sink.elements());
    CHECK(all.back() > 71'000);  // all of a key in one sum
}

TEST_CASE("what cannot be rescaled says why, and the job goes on as it was", "[api][rescale]") {
    SimulatedRuntime runtime(5);
    StreamExecutionEnvironment env(runtime);
    env.setMaxParallelism(8);
    env.setParallelism(2);
    const auto opens = std::make_shared<int>(0);
    const auto numbers =
        env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 1000,
                                           RateLimiterStrategy::perSecond(1000)),
                       WatermarkStrategy::noWatermarks(), "numbers")
            .uid("numbers");
    testing::CollectSink<std::int64_t> sink;
    testing::CollectSink<std::size_t> counts;
    struct CountOpens {
        std::shared_ptr<int> opens;
        void open(RuntimeContext&) { ++*opens; }
        std::int64_t operator()(std::int64_t i) const { return i; }
    };
    numbers.rebalance()
        .map([](std::int64_t i) { return i; })
        .uid("even")
        .setParallelism(2)
        .forward()
        .map(CountOpens{opens})
        .uid("forwarded")
        .setParallelism(2)
        .sinkTo(sink)
        .uid("sink");
    numbers.countWindowAll(100)
        .process([](const GlobalWindow&, std::span<const std::int64_t> all) { return all.size(); })
        .uid("all")
        .sinkTo(counts);
    env.enableCheckpointing({});
    const auto client = env.executeAsync("fixed");
    runtime.advance(100ms);
    const auto refusal = [&](const std::string& uid, int n) { return messageOf([&] { client->rescale(uid, n); }); };
    CHECK(refusal("evne", 3).starts_with(
        "rescale(\"evne\", 3): job 'fixed' has no operator of that uid; it has 'numbers', "));
    CHECK(refusal("even", 0) ==
          "rescale(\"even\", 0): the parallelism must be between 1 and the maximum parallelism, which is "
          "8 (setMaxParallelism, for the whole life of its state)");
    CHECK_THAT(refusal("even", 9), ContainsSubstring("which is 8"));
    CHECK_THAT(refusal("even", -1), ContainsSubstring("between 1 and"));
    CHECK_THAT(refusal("even", 3), ContainsSubstring("forward() from 'map' (parallelism 3) to 'map' (parallelism 2)"));
    CHECK_THAT(refusal("all", 2), ContainsSubstring("always runs at parallelism 1; rescale the operators behind it"));
    CHECK_THAT(refusal("", 2), ContainsSubstring("must not be empty"));
    CHECK_THROWS_AS(client->rescale("evne", 3), ConfigurationException);
    client->rescale("even", 2);  // as it is: nothing happens
    CHECK(*opens == 2);
    CHECK(client->checkpoints().empty());
    CHECK(client->result().status == JobStatus::Finished);
    CHECK(sink.size() == 1000);
    CHECK(counts.elements() == std::vector<std::size_t>(10, 100));
    CHECK_THAT(refusal("even", 3), ContainsSubstring("job 'fixed' has ended"));

    StreamExecutionEnvironment plain(SimulatedRuntime{1});
    plain.fromData({1, 2, 3}).addSink([](int) {}).uid("sink");
    const auto unsaved = plain.executeAsync("unsaved");
    CHECK_THAT(messageOf([&] { unsaved->rescale("sink", 1); }), ContainsSubstring("takes no checkpoints"));
}

/// Cannot be opened at more than two subtasks.
struct AtMostTwo {
    std::shared_ptr<std::atomic<int>> opens;
    void open(RuntimeContext& context) {
        if (context.parallelism() > 2 && context.subtaskIndex() == 2) {
            throw std::runtime_error("there are only two of these");
        }
        ++*opens;
    }
    std::int64_t operator()(std::int64_t i) const { return i; }
};

TEST_CASE("a parallelism at which the tasks do not open is taken back, and nothing of it shows in the output",
          "[api][rescale]") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        SimulatedRuntime runtime(seed);
        StreamExecutionEnvironment env(runtime);
        env.setParallelism(2);
        testing::CollectSink<std::int64_t> sink;
        const auto opens = std::make_shared<std::atomic<int>>(0);
        Prepare prepare;
        env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 300,
                                           RateLimiterStrategy::perSecond(10'000)),
                       WatermarkStrategy::noWatermarks(), "numbers")
            .uid("numbers")
            .rebalance()
            .map(prepare)
            .uid("prepare")
            .map([](const Item& item) { return item.value; })
            .map(AtMostTwo{opens})
            .uid("two")
            .setParallelism(2)
            .sinkTo(sink)
            .uid("sink");
        CheckpointConfig config;
        config.interval = 4ms;
        config.restart = RestartStrategy::noRestart();  // a failed attempt to rescale is no failure of the job
        env.enableCheckpointing(config);
        const auto client = env.executeAsync("two");
        runtime.advance(std::chrono::milliseconds(1 + seed));
        setLogCallback([](LogLevel, std::string_view) {});
        const std::string refusal = messageOf([&] { client->rescale("two", 3); });
        setLogCallback(nullptr);
        CHECK_THAT(refusal, ContainsSubstring("job 'two' goes on as it was, since 'two' cannot run at parallelism 3") &&
                                ContainsSubstring("there are only two of these"));
        CHECK(parallelismsOf(*client)["two"] == 2);
        client->rescale("two", 1);
        CHECK(parallelismsOf(*client)["two"] == 1);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(sink.size() == 300);
        CHECK(client->result().accumulator("prepared") == 300);
    }
}

TEST_CASE("a rescale whose checkpoint takes too long is no failure of the job", "[api][rescale]") {
    SimulatedRuntime runtime(1);
    runtime.setStepDuration(100us);
    StreamExecutionEnvironment env(runtime);
    Output output;
    build(env, output, false);
    CheckpointConfig config;
    config.timeout = 200us;  // of a simulated clock: two steps
    config.restart = RestartStrategy::noRestart();
    env.enableCheckpointing(config);
    const auto client = env.executeAsync("hasty");
    runtime.advance(10ms);
    CHECK_THAT(messageOf([&] { client->rescale("windows", 3); }), ContainsSubstring("longer than its timeout"));
    CHECK(client->status() == JobStatus::Running);
    CHECK(parallelismsOf(*client)["windows"] == 2);
    CHECK(client->result().status == JobStatus::Finished);
}

TEST_CASE("a job that is cancelled, or fails, while it is being rescaled", "[api][rescale]") {
    const auto run = [](std::uint64_t seed, std::string_view where, bool cancels) {
        CAPTURE(seed, where, cancels);
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(100us);
        StreamExecutionEnvironment env(runtime);
        Output output;
        build(env, output);
        CheckpointConfig config;
        config.restart = RestartStrategy::fixedDelay(1, 1ms);
        env.enableCheckpointing(config);
        const auto client = env.executeAsync("moving");
        runtime.advance(10ms);
        int calls = 0;
        *output.hook = [&](std::string_view place) {
            if (place != where || calls++ != 0) return;
            if (cancels) {
                client->cancel();
            } else {
                throw std::runtime_error("not now");
            }
        };
        setLogCallback([](LogLevel, std::string_view) {});
        const std::string refusal = messageOf([&] { client->rescale("windows", 3); });
        REQUIRE(calls > 0);
        if (cancels) {
            CHECK_THROWS_AS(client->result(), JobCancelledException);
            CHECK(refusal != "");
        } else {
            // what close() throws behind a complete checkpoint is logged, as after any failure
            const bool isRescaled = where == "close";
            CHECK((refusal == "") == isRescaled);
            if (!isRescaled) {
                CHECK_THAT(refusal, ContainsSubstring(where == "snapshot" ? "the job has been cancelled or has failed"
                                                                          : "not now"));
            }
            CHECK(parallelismsOf(*client)["windows"] == (isRescaled ? 3 : 2));
            CHECK(client->result().status == JobStatus::Finished);
            CHECK(output.all() == undisturbed());
        }
        setLogCallback(nullptr);
    };
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(10); ++seed) {
        for (const std::string_view where : {"snapshot", "complete", "close", "open"}) {
            run(seed, where, false);
            run(seed, where, true);
        }
    }
}

TEST_CASE("on threads operators get other parallelisms while records flow", "[api][rescale][threads]") {
    StreamExecutionEnvironment env(ThreadPoolRuntime(2));
    Output output;
    build(env, output, false, RateLimiterStrategy::perSecond(10'000));
    CheckpointConfig config;
    config.interval = 5ms;
    env.enableCheckpointing(config);
    const auto client = env.executeAsync("moving");
    std::atomic<int> rescaled{0};
    const auto ask = [&](std::uint64_t seed) {
        testing::Random random(seed);
        while (!client->isDone()) {
            try {
                client->rescale(random.oneOf<const char*>({"prepare", "windows", "numbering", "plain"}),
                                static_cast<int>(random.between(1, 4)));
                ++rescaled;
                if (random.chance(30)) client->triggerCheckpoint();
            } catch (const CheckpointException&) {
                break;  // it has ended
            }
        }
    };
    std::thread first(ask, 1);
    std::thread second(ask, 2);
    std::thread watching([&] {
        while (!client->isDone()) {
            (void)client->metrics();
            (void)client->checkpoints();
            (void)client->status();
            std::this_thread::yield();
        }
    });
    CHECK(client->result().status == JobStatus::Finished);
    first.join();
    second.join();
    watching.join();
    CHECK(rescaled > 3);
    CHECK(output.plainOnes() == undisturbed());
    CHECK(client->result().accumulator("prepared") == kItems);
}

TEST_CASE("on the caller's thread a rescale runs the job meanwhile", "[api][rescale]") {
    CallerRuntime runtime;
    StreamExecutionEnvironment env(runtime);
    Output output;
    build(env, output, true, RateLimiterStrategy::perSecond(100'000));
    env.enableCheckpointing({});
    const auto client = env.executeAsync("moving");
    client->runFor(20);
    client->rescale("windows", 3);
    client->rescale("prepare", 1);
    CHECK(parallelismsOf(*client)["windows"] == 3);
    client->runFor(20);
    client->rescale("numbering", 4);
    CHECK(client->result().status == JobStatus::Finished);
    CHECK(output.all() == undisturbed());
    CHECK(output.plainOnes() == undisturbed());
}

TEST_CASE("timers of processing time wait for the rescale, and fire once", "[api][rescale]") {
    struct Remind {
        void processElement(std::int64_t i, KeyedProcessContext<std::int64_t>& context, Collector<std::int64_t>&) {
            context.timerService().registerProcessingTimeTimer(context.timerService().currentProcessingTime() +
                                                               std::chrono::milliseconds(1 + i % 20));
        }
        void onTimer(Timestamp, OnTimerContext<std::int64_t>& context, Collector<std::int64_t>& out) {
            out.collect(context.currentKey());
        }
    };
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(200us);
        StreamExecutionEnvironment env(runtime);
        env.setParallelism(2);
        testing::CollectSink<std::int64_t> sink;
        Channel<std::int64_t> channel(1000);
        env.fromChannel(channel).keyBy([](std::int64_t i) { return i; }).process(Remind{}).uid("remind").sinkTo(sink);
        env.enableCheckpointing({});
        const auto client = env.executeAsync("reminders");
        for (std::int64_t i = 0; i < 200; ++i) CHECK(channel.tryPush(i));
        testing::Random random(seed);
        for (int round = 0; round < 5; ++round) {
            runtime.runFor(static_cast<std::size_t>(random.below(40)));
            client->rescale("remind", static_cast<int>(random.between(1, 5)));
        }
        runtime.advance(1s);
        channel.close();
        client->result();
        std::vector<std::int64_t> expected;
        for (std::int64_t i = 0; i < 200; ++i) expected.push_back(i);
        CHECK(sorted(sink.elements()) == expected);
    }
}

}  // namespace
