#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/connectors/data_generator_source.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/collect_sink.hpp>

#include <support/catch.hpp>
#include <support/overflow_in_memory.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace millrace;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using testing::CollectSink;
using testsupport::OverflowInMemory;

namespace {

struct Item {
    std::int64_t key;
    std::int64_t count;
    bool operator==(const Item&) const = default;
};

DataStream<Item> items(StreamEnvironment& env, std::uint64_t count, std::uint64_t keys) {
    return env.fromSource(DataGeneratorSource(
                              [keys](std::uint64_t i) {
                                  return Item{static_cast<std::int64_t>(i % keys), 1};
                              },
                              count),
                          WatermarkStrategy::noWatermarks(), "items");
}

std::string failureOf(StreamEnvironment& env) {
    try {
        env.execute("job");
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return {};
}

struct CountPerKey {
    ValueState<std::int64_t> count{};
    void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<std::int64_t>("count")); }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>&, Collector<Item>& out) {
        const std::int64_t* const before = count.value();
        const std::int64_t now = (before != nullptr ? *before : 0) + 1;
        count.update(now);
        if (now == 2) out.collect({item.key, now});
    }
};

}  // namespace

TEST_CASE("metrics say how many bytes and entries the state of an operator has", "[api]") {
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    env.setParallelism(2);
    items(env, 6000, 3000).keyBy(&Item::key).sum(&Item::count).uid("sums").addSink([](const Item&) {}).name("none");
    const auto job = env.executeAsync("job");
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t elsewhere = 0;
    const auto read = [&] {
        entries = bytes = elsewhere = 0;
        for (const OperatorMetrics& row : job->metrics()) {
            (row.uid == "sums" ? entries : elsewhere) += row.stateEntries;
            (row.uid == "sums" ? bytes : elsewhere) += row.stateBytes;
        }
    };
    std::uint64_t before = 0;
    while (job->step() && !job->isDone()) {
        read();
        CHECK(elsewhere == 0);
        CHECK(bytes == job->stateBytes());
        CHECK((entries >= before && entries <= 3000));
        before = entries;
    }
    read();
    CHECK(entries == 3000);
    CHECK(bytes >= 3000 * sizeof(Item));
    CHECK(bytes <= 20 * 3000 * sizeof(Item));
    CHECK(job->stateBytes() == 0);  // the job has ended; what it had last is in its metrics
}

TEST_CASE("state beyond the limit fails the job with the state's name", "[api]") {
    const auto windows = [](DataStream<Item> in) {
        in.assignTimestampsAndWatermarks(WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                                             [](const Item&) { return Timestamp(1s); }))
            .keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(1min))
            .sum(&Item::count)
            .uid("u")
            .name("totals")
            .addSink([](const Item&) {});
    };
    const auto sliding = [](DataStream<Item> in) {
        in.assignTimestampsAndWatermarks(WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                                             [](const Item&) { return Timestamp(1s); }))
            .keyBy(&Item::key)
            .window(SlidingEventTimeWindows::of(1min, 10s))
            .sum(&Item::count)
            .uid("u")
            .name("totals")
            .addSink([](const Item&) {});
    };
    const auto sessions = [](DataStream<Item> in) {
        in.assignTimestampsAndWatermarks(WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                                             [](const Item&) { return Timestamp(1s); }))
            .keyBy(&Item::key)
            .window(EventTimeSessionWindows::withGap(1min))
            .sum(&Item::count)
            .uid("u")
            .name("totals")
            .addSink([](const Item&) {});
    };
    const auto counting = [](DataStream<Item> in) {
        in.keyBy(&Item::key).countWindow(1000).sum(&Item::count).uid("u").name("totals").addSink([](const Item&) {});
    };
    const auto rolling = [](DataStream<Item> in) {
        in.keyBy(&Item::key).sum(&Item::count).uid("u").name("totals").addSink([](const Item&) {});
    };
    const auto process = [](DataStream<Item> in) {
        in.keyBy(&Item::key).process(CountPerKey{}).uid("u").name("totals").addSink([](const Item&) {});
    };
    struct Case {
        void (*build)(DataStream<Item>);
        const char* state;
    };
    for (const Case& each : {Case{windows, "windows"}, Case{sliding, "windows"}, Case{sessions, "windows"},
                             Case{counting, "windows"}, Case{rolling, "reduce"}, Case{process, "state/count"}}) {
        CAPTURE(each.state);
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        env.setParallelism(1);
        env.setStateMemoryLimit(200'000);
        each.build(items(env, 100'000, 50'000));
        const std::string error = failureOf(env);
        CHECK_THAT(error, ContainsSubstring("operator 'totals' (uid 'u', subtask 0 of 1): state '" +
                                            std::string(each.state) + "' needs ") &&
                              ContainsSubstring("of the 200000 bytes that setStateMemoryLimit allows"));
        CHECK_THAT(error, !ContainsSubstring("threw"));  // no fault of a function
    }
}

TEST_CASE("state beyond the limit is no record's fault that onError could skip", "[api]") {
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    env.setParallelism(1);
    env.setStateMemoryLimit(100'000);
    items(env, 50'000, 50'000)
        .keyBy(&Item::key)
        .process(CountPerKey{})
        .onError(ErrorPolicy::skip())
        .addSink([](const Item&) {});
    CHECK_THAT(failureOf(env), ContainsSubstring("bytes that setStateMemoryLimit allows"));
}

TEST_CASE("with an overflow storage a job goes on beyond the limit, through failures, with the same results", "[api]") {
    const auto run = [](std::size_t limit, const std::shared_ptr<OverflowStorage>& overflow, bool fails) {
        StreamExecutionEnvironment env(SimulatedRuntime{7});
        env.setParallelism(2);
        env.setStateMemoryLimit(limit, overflow);
        CheckpointConfig config;
        config.interval = 5ms;
        config.restart = RestartStrategy::fixedDelay(1, 1ms);
        env.enableCheckpointing(config);
        CollectSink<Item> results;
        const auto failures = std::make_shared<int>(fails ? 1 : 0);
        items(env, 20'000, 10'000)
            .keyBy(&Item::key)
            .process(CountPerKey{})
            .map([failures, seen = 0](Item item) mutable {
                if (++seen == 4000 && (*failures)-- > 0) throw std::runtime_error("once");
                return item;
            })
            .sinkTo(results);
        env.execute();
        std::vector<Item> sorted = results.elements();
        std::sort(sorted.begin(), sorted.end(), [](const Item& a, const Item& b) { return a.key < b.key; });
        sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());  // the sink does not commit
        return sorted;
    };
    const std::vector<Item> expected = run(std::numeric_limits<std::size_t>::max(), nullptr, false);
    CHECK(expected.size() == 10'000);
    for (const bool fails : {false, true}) {
        const auto overflow = std::make_shared<OverflowInMemory>();
        CHECK((run(20'000, overflow, fails) == expected));
        CHECK(overflow->reservations() > 3);
        CHECK(overflow->bytes() == 0);
    }
}

TEST_CASE("state that is restored counts towards the limit", "[api]") {
    StreamExecutionEnvironment env(SimulatedRuntime{7});
    const auto build = [](StreamEnvironment& to, std::uint64_t count) {
        to.setParallelism(1);
        items(to, count, 10'000)
            .uid("items")
            .keyBy(&Item::key)
            .sum(&Item::count)
            .uid("u")
            .name("sums")
            .addSink([](const Item&) {});
    };
    auto store = std::make_shared<detail::MemoryCheckpointStore>();
    const auto withStore = [&](StreamEnvironment& to) {
        CheckpointConfig config;
        config.restart = RestartStrategy::noRestart();
        detail::enableCheckpointing(to, config, [&](const CheckpointConfig&) { return store; }, {});
    };
    build(env, 1'000'000);
    withStore(env);
    const auto job = env.executeAsync("job");
    job->runFor(100);
    job->stop(false);
    job->result();
    REQUIRE(store->completed().size() == 1);

    StreamExecutionEnvironment again(SimulatedRuntime{8});
    again.setStateMemoryLimit(30'000);
    build(again, 1'000'000);
    withStore(again);
    CHECK_THAT(failureOf(again), ContainsSubstring("operator 'sums' (uid 'u', subtask 0 of 1): state 'reduce' needs "));
}

TEST_CASE("a part of a job that has started again counts towards the limit as before", "[api]") {
    StreamExecutionEnvironment env(SimulatedRuntime{3});
    env.setParallelism(1);
    env.setStateMemoryLimit(100'000);
    CheckpointConfig config;
    config.interval = 5ms;
    config.restart = RestartStrategy::fixedDelay(1, 1ms);
    env.enableCheckpointing(config);
    items(env, 1000, 10).uid("other items").addSink([](const Item&) {}).uid("other part");
    const auto failures = std::make_shared<int>(1);
    items(env, 50'000, 50'000)
        .uid("items")
        .map([failures, seen = 0](Item item) mutable {
            if (++seen == 10 && (*failures)-- > 0) throw std::runtime_error("once");
            return item;
        })
        .keyBy(&Item::key)
        .process(CountPerKey{})
        .uid("u")
        .addSink([](const Item&) {})
        .uid("none");
    CHECK_THAT(failureOf(env), ContainsSubstring("bytes that setStateMemoryLimit allows"));
    CHECK(*failures < 1);
}
