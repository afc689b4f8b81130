#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <millrace/testing/scripted_source.hpp>
#include <millrace/testing/trace.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Item {
    std::int32_t key = 0;
    std::int64_t value = 0;
    Timestamp time;
};

auto byTime() {
    return WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Item::time);
}
const MapStateDescriptor<std::int32_t, std::int64_t> kRules("rules");

struct Pass {
    void processElement(const Item& item, BroadcastReadOnlyContext&, Collector<std::int64_t>& out) {
        out.collect(item.value);
    }
    void processBroadcastElement(const Item&, BroadcastContext&, Collector<std::int64_t>&) {}
};

}  // namespace

TEST_CASE("streams of different environments cannot meet, whatever brings them together", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    StreamExecutionEnvironment other{CallerRuntime()};
    const DataStream<Item> here = env.fromData({Item{}}).assignTimestampsAndWatermarks(byTime());
    const DataStream<Item> there = other.fromData({Item{}}).assignTimestampsAndWatermarks(byTime());
    const auto refuses = [](auto build) {
        const std::string message = messageOf(build);
        CAPTURE(message);
        CHECK_THAT(message, ContainsSubstring("belong to different environments"));
    };
    const auto windows = [](auto joined) {
        return joined.where(&Item::key).equalTo(&Item::key).window(TumblingEventTimeWindows::of(1s));
    };
    const auto first = [](const Item& a, const Item&) { return a.value; };
    refuses([&] { here.unionWith(there); });
    refuses([&] { here.keyBy(&Item::key).unionWith(there.keyBy(&Item::key)); });
    refuses([&] { here.connect(there).map([](const Item& a) { return a.key; }, [](const Item& b) { return b.key; }); });
    refuses([&] {
        here.keyBy(&Item::key)
            .connect(there.keyBy(&Item::key))
            .map([](const Item& a) { return a.key; }, [](const Item& b) { return b.key; });
    });
    refuses([&] { windows(here.join(there)).apply(first).print(); });
    refuses(
        [&] { windows(here.leftOuterJoin(there)).apply([](const Item& a, const Item*) { return a.value; }).print(); });
    refuses([&] {
        here.rightOuterJoin(there).where(&Item::key).equalTo(&Item::key).apply([](const Item*, const Item& b) {
            return b.value;
        });
    });
    refuses([&] {
        windows(here.coGroup(there))
            .apply([](std::span<const Item>, std::span<const Item>, Collector<int>&) {})
            .print();
    });
    refuses(
        [&] { here.keyBy(&Item::key).intervalJoin(there.keyBy(&Item::key)).between(0s, 1s).process(first).print(); });
    refuses([&] { here.connect(there.broadcast(kRules)).process(Pass{}).print(); });
    refuses([&] { here.cross(there, first).print(); });
}

TEST_CASE("a record without timestamp fails in front of every kind of event-time window, and the message helps",
          "[api]") {
    const auto run = [](auto windows) {
        StreamExecutionEnvironment env{SimulatedRuntime(1)};
        testing::Script<Item> script;
        script.element({1, 1, {}}, testing::at(1)).element({1, 2, {}});  // the second one has none
        const DataStream<Item> items =
            env.fromSource(testing::ScriptedSource<Item>(script), WatermarkStrategy::noWatermarks(), "items");
        windows(items.keyBy(&Item::key)).print();
        return messageOf([&] { env.execute(); });
    };
    const auto check = [](const std::string& message) {
        CHECK_THAT(message, ContainsSubstring("operator '") && ContainsSubstring("(uid '") &&
                                ContainsSubstring("a record has no timestamp, but event-time windows need one. Did you "
                                                  "forget to call assignTimestampsAndWatermarks?"));
    };
    const auto value = [](const Item& item) { return item.value; };
    check(
        run([&](auto keyed) { return keyed.window(TumblingEventTimeWindows::of(10ns)).sum(&Item::value).map(value); }));
    check(run(
        [&](auto keyed) { return keyed.window(SlidingEventTimeWindows::of(10ns, 5ns)).sum(&Item::value).map(value); }));
    check(run(
        [&](auto keyed) { return keyed.window(EventTimeSessionWindows::withGap(10ns)).sum(&Item::value).map(value); }));
    check(run([&](auto keyed) {
        return keyed.window(CumulatingEventTimeWindows::of(5ns, 10ns)).sum(&Item::value).map(value);
    }));
}

TEST_CASE("a session gap that is not positive fails with the operator, the record and the gap", "[api]") {
    const auto gapOf = [](const Item& item) { return Duration{item.value}; };
    const auto run = [](auto assigner, std::int64_t gap) {
        StreamExecutionEnvironment env{SimulatedRuntime(1)};
        env.fromData({Item{1, 5, testing::at(1)}, Item{1, gap, testing::at(2)}})
            .assignTimestampsAndWatermarks(byTime())
            .keyBy(&Item::key)
            .window(assigner)
            .process([](const std::int32_t&, const TimeWindow&, std::span<const Item> all) { return all.size(); })
            .name("visits")
            .print();
        return messageOf([&] { env.execute(); });
    };
    for (const std::int64_t gap : {0, -3}) {
        for (const std::string& message : {run(EventTimeSessionWindows::withDynamicGap(gapOf), gap),
                                           run(ProcessingTimeSessionWindows::withDynamicGap(gapOf), gap)}) {
            CHECK_THAT(message, ContainsSubstring("'visits'") &&
                                    ContainsSubstring("key: 1, value: " + std::to_string(gap)) &&
                                    ContainsSubstring("the check of the dynamic gap threw for the record") &&
                                    ContainsSubstring("withDynamicGap: the gap of a record must be positive, got " +
                                                      std::string(gap == 0 ? "0s" : "-3ns")));
        }
    }
}

TEST_CASE("arguments of windowed streams and joins that make no sense are refused where they are given", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const DataStream<Item> items = env.fromData({Item{}}).assignTimestampsAndWatermarks(byTime());
    const auto windows = items.keyBy(&Item::key).window(TumblingEventTimeWindows::of(10s));
    CHECK_THAT(messageOf([&] { windows.allowedLateness(-1ns); }),
               ContainsSubstring("allowedLateness: the duration is negative"));
    CHECK_THAT(messageOf([&] { windows.emitEvery(0s); }),
               ContainsSubstring("emitEvery: the interval must be positive, got 0"));
    CHECK_THAT(messageOf([&] { windows.emitOnWallClock(-1s); }),
               ContainsSubstring("emitOnWallClock: the timeout must be positive"));
    CHECK_THAT(messageOf([&] { items.keyBy(&Item::key).countWindow(0); }),
               ContainsSubstring("must be positive, got 0"));
    CHECK_THAT(messageOf([&] { items.keyBy(&Item::key).countWindow(2, 0); }),
               ContainsSubstring("must be positive, got 0"));
    CHECK_THAT(messageOf([&] { items.countWindowAll(-1); }), ContainsSubstring("must be positive, got -1"));
    CHECK_THAT(messageOf([&] {
                   items.join(items)
                       .where(&Item::key)
                       .equalTo(&Item::key)
                       .window(TumblingEventTimeWindows::of(1s))
                       .allowedLateness(-1s);
               }),
               ContainsSubstring("allowedLateness: the duration is negative"));
    // a slide so small that a record would be in millions of windows
    CHECK_THAT(messageOf([] { SlidingEventTimeWindows::of(24h, 1ns); }),
               ContainsSubstring("SlidingEventTimeWindows::of"));
}
