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
#include <span>
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

/// Keeps all items of a key.
struct KeepInList {
    ListState<Item> items{};
    void open(KeyedRuntimeContext& context) { items = context.getListState(ListStateDescriptor<Item>("items")); }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>&, Collector<Item>&) { items.add(item); }
};
struct KeepInMap {
    MapState<std::int64_t, Item> items{};
    std::int64_t seen = 0;
    void open(KeyedRuntimeContext& context) {
        items = context.getMapState(MapStateDescriptor<std::int64_t, Item>("items"));
    }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>&, Collector<Item>&) {
        items.put(++seen, item);
    }
};
const MapStateDescriptor<std::int64_t, Item> kBroadcast("all");
struct KeepBroadcast {
    std::int64_t seen = 0;
    void processElement(const Item&, BroadcastReadOnlyContext&, Collector<Item>&) {}
    void processBroadcastElement(const Item& item, BroadcastContext& context, Collector<Item>&) {
        context.getBroadcastState(kBroadcast).put(++seen, item);
    }
};
struct CountItems {
    void process(const std::int64_t& key, WindowContext&, std::span<const Item> elements, Collector<Item>& out) {
        out.collect({key, static_cast<std::int64_t>(elements.size())});
    }
};

/// Items whose counts number them; one in a millisecond.
DataStream<Item> timedItems(StreamEnvironment& env, std::uint64_t count, std::uint64_t keys) {
    return env.fromSource(DataGeneratorSource(
                              [keys](std::uint64_t i) {
                                  return Item{static_cast<std::int64_t>(i % keys), static_cast<std::int64_t>(i)};
                              },
                              count),
                          WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                              [](const Item& item) { return Timestamp(1ms * item.count); }),
                          "timed items");
}

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

TEST_CASE("what few keys hold in lists, maps and buffers counts towards the limit", "[api]") {
    using Stream = const DataStream<Item>&;
    const auto list = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key).process(KeepInList{}).uid("u").name("all");
    };
    const auto map = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key).process(KeepInMap{}).uid("u").name("all");
    };
    const auto tumbling = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key).window(TumblingEventTimeWindows::of(1h)).process(CountItems{}).uid("u").name("all");
    };
    const auto sliding = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key)
            .window(SlidingEventTimeWindows::of(2h, 1h))
            .process(CountItems{})
            .uid("u")
            .name("all");
    };
    const auto sessions = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key)
            .window(EventTimeSessionWindows::withGap(1min))
            .process(CountItems{})
            .uid("u")
            .name("all");
    };
    const auto triggered = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(1h))
            .trigger(CountTrigger::of(1'000'000))
            .process(CountItems{})
            .uid("u")
            .name("all");
    };
    const auto evicted = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(1h))
            .evictor(CountEvictor::of(5))
            .sum(&Item::count)
            .uid("u")
            .name("all");
    };
    const auto join = [](Stream in) -> DataStream<Item> {
        return in.keyBy(&Item::key)
            .intervalJoin(in.filter([](const Item&) { return false; }).keyBy(&Item::key))
            .between(0s, 1h)
            .process([](const Item& left, const Item&) { return left; })
            .uid("u")
            .name("all");
    };
    const auto broadcast = [](Stream in) -> DataStream<Item> {
        return in.connect(in.broadcast(kBroadcast)).process(KeepBroadcast{}).uid("u").name("all");
    };
    struct Case {
        const char* name;
        DataStream<Item> (*build)(const DataStream<Item>&);
        const char* state;
    };
    for (const Case& each :
         {Case{"list", list, "state/items"}, Case{"map", map, "state/items"}, Case{"tumbling", tumbling, "windows"},
          Case{"sliding", sliding, "windows"}, Case{"sessions", sessions, "windows"},
          Case{"triggered", triggered, "windows"}, Case{"evicted", evicted, "windows"}, Case{"join", join, "join"},
          Case{"broadcast", broadcast, "broadcast/all"}}) {
        CAPTURE(each.name);
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        env.setParallelism(1);
        env.setStateMemoryLimit(1'000'000);
        each.build(timedItems(env, 200'000, 10)).addSink([](const Item&) {});
        CHECK_THAT(failureOf(env), ContainsSubstring("operator 'all' (uid 'u', subtask 0 of 1): state '" +
                                                     std::string(each.state) + "' needs ") &&
                                       ContainsSubstring("of the 1000000 bytes that setStateMemoryLimit allows") &&
                                       ContainsSubstring("what lists, maps and buffers hold stays in memory"));
    }
}

TEST_CASE("what windows and joins have held is given back, so that a stream of any length fits", "[api]") {
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    env.setParallelism(1);
    env.setStateMemoryLimit(1'000'000);  // all 100'000 items would be 1.6 MB in each of five operators
    const auto in = timedItems(env, 100'000, 10);
    std::int64_t counted[5] = {};
    const auto countIn = [&counted](int at) {
        return [&count = counted[at]](const Item& item) { count += item.count; };
    };
    const auto keyed = [&] { return in.keyBy(&Item::key); };
    keyed().window(TumblingEventTimeWindows::of(1s)).process(CountItems{}).addSink(countIn(0));
    keyed()
        .window(TumblingEventTimeWindows::of(1s))
        .trigger(EventTimeTrigger::create())
        .process(CountItems{})
        .addSink(countIn(1));
    keyed()
        .window(TumblingEventTimeWindows::of(1s))
        .evictor(CountEvictor::of(1'000'000))
        .process(CountItems{})
        .addSink(countIn(2));
    in.keyBy([](const Item& item) { return item.count / 1000 * 10 + item.key; })
        .window(EventTimeSessionWindows::withGap(100ms))
        .process(CountItems{})
        .addSink(countIn(3));
    keyed()
        .intervalJoin(keyed())
        .between(-500ms, 0ms)
        .process([](const Item& left, const Item&) {
            return Item{left.key, 1};
        })
        .addSink(countIn(4));
    env.execute();
    CHECK(counted[0] == 100'000);
    CHECK(counted[1] == 100'000);
    CHECK(counted[2] == 100'000);
    CHECK(counted[3] == 100'000);
    CHECK(counted[4] > 100'000);
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

TEST_CASE("lists, windows and joins that are restored count towards the limit", "[api]") {
    StreamExecutionEnvironment env(SimulatedRuntime{7});
    const auto build = [](StreamEnvironment& to, int which) {
        to.setParallelism(1);
        const DataStream<Item> in = timedItems(to, 1'000'000, 10).uid("items");
        const auto keyed = [&] { return in.keyBy(&Item::key); };
        if (which == 0) keyed().process(KeepInList{}).uid("u").name("all").addSink([](const Item&) {});
        if (which == 1) {
            keyed()
                .window(TumblingEventTimeWindows::of(1h))
                .process(CountItems{})
                .uid("u")
                .name("all")
                .addSink([](const Item&) {});
        }
        if (which == 2) {
            keyed()
                .window(EventTimeSessionWindows::withGap(1h))
                .process(CountItems{})
                .uid("u")
                .name("all")
                .addSink([](const Item&) {});
        }
        if (which == 3) {
            keyed()
                .window(TumblingEventTimeWindows::of(1h))
                .evictor(CountEvictor::of(5))
                .sum(&Item::count)
                .uid("u")
                .name("all")
                .addSink([](const Item&) {});
        }
        if (which == 4) {
            keyed()
                .intervalJoin(in.filter([](const Item&) { return false; }).keyBy(&Item::key))
                .between(0s, 1h)
                .process([](const Item& left, const Item&) { return left; })
                .uid("u")
                .name("all")
                .addSink([](const Item&) {});
        }
    };
    const int which = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(which);
    auto store = std::make_shared<detail::MemoryCheckpointStore>();
    const auto withStore = [&](StreamEnvironment& to) {
        CheckpointConfig config;
        config.restart = RestartStrategy::noRestart();
        detail::enableCheckpointing(to, config, [&](const CheckpointConfig&) { return store; }, {});
    };
    build(env, which);
    withStore(env);
    const auto job = env.executeAsync("job");
    while (job->stateBytes() < 300'000) REQUIRE(job->step());
    const std::uint64_t bytes = job->stateBytes();
    job->stop(false);
    job->result();
    REQUIRE(store->completed().size() == 1);

    StreamExecutionEnvironment again(SimulatedRuntime{8});
    again.setStateMemoryLimit(static_cast<std::size_t>(bytes / 4));
    build(again, which);
    withStore(again);
    const auto restored = again.executeAsync("job");
    CHECK_THROWS_WITH(restored->result(), ContainsSubstring("operator 'all' (uid 'u', subtask 0 of 1): state '"));
    for (const OperatorMetrics& row : restored->metrics()) CHECK((row.uid != "u" || row.recordsIn == 0));
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
