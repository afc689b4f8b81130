#include <millrace/operators/broadcast_process.hpp>

#include "support/catch.hpp"
#include "support/two_input_harness.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Reading {
    std::int32_t sensor;
    std::int64_t value;
};
struct Limit {
    std::int32_t sensor;
    std::int64_t most;
};
using Limits = MapStateDescriptor<std::int32_t, std::int64_t>;
using Names = MapStateDescriptor<std::string, std::string>;
const Limits& limits() {
    static const Limits descriptor{"limits"};
    return descriptor;
}
const Names& names() {
    static const Names descriptor{"names"};
    return descriptor;
}

template <class Context>
constexpr bool kWritesLimits = requires(Context& context) { context.getBroadcastState(limits()).put(1, 1); };
template <class Context>
constexpr bool kHasTimers = requires(Context& context) {
    { context.timerService() } -> std::same_as<TimerService<std::int32_t>&>;
};
static_assert(!kWritesLimits<BroadcastReadOnlyContext> && !kWritesLimits<KeyedReadOnlyContext<std::int32_t>>);
static_assert(kWritesLimits<BroadcastContext> && kWritesLimits<KeyedBroadcastContext<std::int32_t>>);
static_assert(kHasTimers<KeyedReadOnlyContext<std::int32_t>> && !kHasTimers<KeyedBroadcastContext<std::int32_t>>);

/// Tells how many readings of the sensor were above its limit; a broadcast limit tells all counts.
struct CountAbove {
    ValueState<std::int64_t> above;

    void open(KeyedRuntimeContext& context) { above = context.getState(ValueStateDescriptor<std::int64_t>{"above"}); }
    void processElement(const Reading& reading, KeyedReadOnlyContext<std::int32_t>& context,
                        Collector<std::string>& out) {
        const std::int64_t* const most = context.getBroadcastState(limits()).get(reading.sensor);
        if (most == nullptr) {
            out.collect("no limit for " + std::to_string(context.currentKey()));
        } else if (reading.value > *most) {
            above.update(above.valueOr(0) + 1);
            context.timerService().registerEventTimeTimer(*context.timestamp() + Duration{10});
        }
    }
    void processBroadcastElement(const Limit& limit, KeyedBroadcastContext<std::int32_t>& context,
                                 Collector<std::string>& out) {
        if (limit.most < 0) {
            context.getBroadcastState(limits()).remove(limit.sensor);
        } else {
            context.getBroadcastState(limits()).put(limit.sensor, limit.most);
        }
        std::vector<std::string> counts;
        context.applyToKeyedState(above, [&](std::int32_t sensor, ValueState<std::int64_t>& count) {
            counts.push_back(std::to_string(sensor) + ":" + std::to_string(*count.value()));
            if (*count.value() >= 3) count.clear();
        });
        std::sort(counts.begin(), counts.end());
        std::string text = "limits " + std::to_string(context.getBroadcastState(limits()).size());
        for (const auto& each : counts) text += " " + each;
        out.collect(text);
    }
    void onTimer(Timestamp, KeyedReadOnlyContext<std::int32_t>& context, Collector<std::string>& out) {
        out.collect("timer of " + std::to_string(context.currentKey()) + ", limit " +
                    std::to_string(context.getBroadcastState(limits()).getOr(context.currentKey(), -1)));
    }
};
using States = std::tuple<Limits, Names>;
using Keyed =
    detail::KeyedBroadcastProcessOperator<Reading, std::int32_t Reading::*, Limit, std::string, CountAbove, States>;
using KeyedHarness = TwoInputHarness<Reading, Limit, Keyed>;
Keyed keyed() {
    return {&Reading::sensor, {}, {limits(), names()}};
}

/// Without keys: passes readings within the limits.
struct PassWithin {
    void processElement(const Reading& reading, BroadcastReadOnlyContext& context, Collector<std::string>& out) const {
        if (reading.value <= context.getBroadcastState(limits()).getOr(reading.sensor, INT64_MAX)) {
            out.collect(std::to_string(reading.value));
        }
    }
    void processBroadcastElement(const Limit& limit, BroadcastContext& context, Collector<std::string>&) const {
        if (limit.sensor < 0) context.getBroadcastState(Names{"limits"}).clear();
        if (limit.sensor == 99) context.getBroadcastState(Limits{"unknown"}).clear();
        context.getBroadcastState(limits()).put(limit.sensor, limit.most);
    }
};
using Plain = detail::BroadcastProcessOperator<Reading, Limit, std::string, PassWithin, States>;
using PlainHarness = TwoInputHarness<Reading, Limit, Plain>;
Plain plain() {
    return {{}, {limits(), names()}};
}
using Lines = std::vector<Emitted<std::string>>;

}  // namespace

TEST_CASE("what is emitted for broadcast elements is handed on as soon as a block is full", "[operators][broadcast]") {
    constexpr std::size_t kFull = detail::kBlockRecords<std::string>;
    for (const bool timed : {false, true}) {
        CAPTURE(timed);
        KeyedHarness harness(keyed());
        harness.open();
        const std::vector<Emitted<Limit>> elements(kFull + kFull / 2, {{1, 5}, 3});
        harness.elements2(elements, timed);
        CHECK(harness.output.largestBlock == kFull);
        const Emitted<std::string> each{"limits 1", timed ? 3 : ticks(kMinTimestamp)};
        CHECK(harness.take() == std::vector<Emitted<std::string>>(elements.size(), each));
    }
}

TEST_CASE("elements see the broadcast state that was written before them", "[operators]") {
    PlainHarness harness(plain());
    harness.open();
    harness.element1({1, 50}, 1);
    harness.element2({1, 40}, 2);
    harness.elements1({{{1, 50}, 3}, {{1, 40}, 4}, {{2, 60}, 5}});
    CHECK(harness.take() == Lines{{"50", 1}, {"40", 4}, {"60", 5}});
}

TEST_CASE("a broadcast state that was not declared, or as another type, is an error that says so", "[operators]") {
    PlainHarness harness(plain());
    harness.open();
    const auto messageOf = [&](Limit limit) {
        try {
            harness.element2(limit, 1);
        } catch (const std::exception& error) {
            return describeException(error);
        }
        return std::string();
    };
    CHECK_THAT(messageOf({99, 0}), ContainsSubstring("no broadcast state 'unknown'") &&
                                       ContainsSubstring("'limits', 'names'") && ContainsSubstring("uid-2"));
    CHECK_THAT(messageOf({-1, 0}), ContainsSubstring("'limits' was given to broadcast(…) as broadcast<i32,i64>") &&
                                       ContainsSubstring("asked for as broadcast<string,string>"));
    CHECK_THROWS_AS(detail::BroadcastStates().get(limits()), MillraceException);
    detail::BroadcastStates twice;
    twice.add(limits());
    CHECK_THROWS_AS(twice.add(limits()), ConfigurationException);
}

TEST_CASE("applyToKeyedState visits the state of every key, also to change it", "[operators]") {
    KeyedHarness harness(keyed());
    harness.open();
    harness.element1({1, 50}, 1);
    for (const std::int32_t sensor : {1, 2, 3}) harness.element2({sensor, 10}, 2);
    harness.elements1({{{1, 11}, 3}, {{1, 12}, 3}, {{2, 99}, 3}, {{1, 13}, 4}, {{3, 1}, 4}});
    harness.element2({4, 7}, 5);
    harness.element2({4, -1}, 6);
    CHECK(harness.take() == Lines{{"no limit for 1", 1},
                                  {"limits 1", 2},
                                  {"limits 2", 2},
                                  {"limits 3", 2},
                                  {"limits 4 1:3 2:1", 5},
                                  {"limits 3 2:1", 6}});
    harness.watermarks(13);
    auto fired = harness.take();
    std::sort(fired.begin(), fired.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    CHECK(fired == Lines{{"timer of 1, limit 10", 13}, {"timer of 2, limit 10", 13}});
}

TEST_CASE("every subtask saves its copy of the broadcast state, and a restored one reads one of them", "[operators]") {
    MemorySnapshot both;
    for (int subtask = 0; subtask < 2; ++subtask) {
        KeyedHarness harness(keyed());
        harness.open();
        harness.element2({1, 10}, 1);
        harness.element2({2, 20}, 1);
        harness.element1({subtask + 1, 100}, 2);
        both.merge(harness.snapshot());
    }
    KeyedHarness restored(keyed());
    restored.openFrom(both);
    restored.element2({3, 30}, 3);
    CHECK(restored.take() == Lines{{"limits 3 1:1 2:1", 3}});
    restored.element1({2, 21}, 4);
    restored.element1({2, 20}, 4);
    restored.element2({3, 30}, 5);
    CHECK(restored.take() == Lines{{"limits 3 1:1 2:2", 5}});

    PlainHarness from(plain());
    from.open();
    from.element2({1, 10}, 1);
    PlainHarness to(plain());
    to.openFrom(from.snapshot());
    to.elements1({{{1, 11}, 1}, {{1, 10}, 2}});
    CHECK(to.take() == Lines{{"10", 2}});
}

namespace {

/// Throws for readings below 0, and for limits at one of the points that `most` tells.
struct Throwing {
    ValueState<std::int64_t> last;

    void open(KeyedRuntimeContext& context) { last = context.getState(ValueStateDescriptor<std::int64_t>{"last"}); }
    void processElement(const Reading& reading, KeyedReadOnlyContext<std::int32_t>&, Collector<std::string>& out) {
        if (reading.value < 0) throw std::runtime_error("a negative value");
        last.update(reading.value);
        out.collect("read");
    }
    void processBroadcastElement(const Limit& limit, KeyedBroadcastContext<std::int32_t>& context,
                                 Collector<std::string>& out) {
        if (limit.most == 1) throw std::runtime_error("before the visit");
        context.applyToKeyedState(last, [&](std::int32_t, ValueState<std::int64_t>&) {
            if (limit.most == 2) throw std::runtime_error("in the visit");
        });
        if (limit.most == 3) throw std::runtime_error("behind the visit");
        out.collect("limited");
    }
};
using ThrowingOperator =
    detail::KeyedBroadcastProcessOperator<Reading, std::int32_t Reading::*, Limit, std::string, Throwing, States>;

}  // namespace

TEST_CASE("an error of a function with broadcast state names the element of either input", "[operators]") {
    const auto errorOf = [](auto call) {
        TwoInputHarness<Reading, Limit, ThrowingOperator> harness(
            ThrowingOperator{&Reading::sensor, {}, {limits(), names()}});
        harness.open();
        harness.element1({7, 70}, 1);
        try {
            call(harness);
        } catch (const UserFunctionException& error) {
            return describeException(error);
        } catch (const std::exception& error) {
            return "not attributed: " + std::string(error.what());
        }
        return std::string();
    };
    const auto limited = [&](std::int64_t most) {
        return errorOf([&](auto& harness) { harness.elements2({{Limit{5, 0}, 2}, {Limit{6, most}, 3}}); });
    };
    CHECK(limited(0).empty());
    for (const auto& [most, cause] : {std::pair(1, "before the visit"), {2, "in the visit"}, {3, "behind the visit"}}) {
        CAPTURE(most);
        CHECK_THAT(limited(most), ContainsSubstring("the user's function threw for the record {sensor: 6, most: " +
                                                    std::to_string(most) + "}") &&
                                      ContainsSubstring(std::string("caused by: ") + cause));
    }
    CHECK_THAT(errorOf([](auto& harness) {
                   harness.element2({5, 0}, 2);
                   harness.elements1({{Reading{8, 1}, 3}, {Reading{9, -1}, 4}});
               }),
               ContainsSubstring("the user's function threw for the record {sensor: 9, value: -1}") &&
                   ContainsSubstring("caused by: a negative value"));
    // what the next operator throws is neither's
    for (const bool keyed : {true, false}) {
        CHECK(errorOf([&](auto& harness) {
                  harness.output.afterBlock = [] { throw std::logic_error("the next one"); };
                  const std::size_t count = detail::kBlockRecords<std::string> + 1;
                  if (keyed) {
                      harness.elements1(std::vector<Emitted<Reading>>(count, {{8, 1}, 3}));
                  } else {
                      harness.elements2(std::vector<Emitted<Limit>>(count, {{8, 0}, 3}));
                  }
              }) == "not attributed: the next one");
    }
}

TEST_CASE("broadcast state that was saved as another type is not restored", "[operators]") {
    using OtherStates = std::tuple<Names>;
    struct Nothing {
        void processElement(const Reading&, BroadcastReadOnlyContext&, Collector<std::string>&) const {}
        void processBroadcastElement(const Limit&, BroadcastContext&, Collector<std::string>&) const {}
    };
    PlainHarness from(plain());
    from.open();
    using Other = detail::BroadcastProcessOperator<Reading, Limit, std::string, Nothing, OtherStates>;
    TwoInputHarness<Reading, Limit, Other> to(Other{{}, {Names{"limits"}}});
    try {
        const MemorySnapshot snapshot = from.snapshot();
        to.openFrom(snapshot);
        FAIL("it should throw");
    } catch (const StateMigrationException& error) {
        CHECK_THAT(error.what(),
                   ContainsSubstring("state 'broadcast/limits' of operator uid 'uid-2' cannot be restored: "
                                     "field entries[].key: saved as i32, now string: "));
    }
}
