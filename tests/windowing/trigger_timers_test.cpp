#include <millrace/windowing/triggers/trigger.hpp>

#include "windowing/general_window_fixtures.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;
using Catch::Matchers::ContainsSubstring;

namespace {

const auto kTens = TumblingEventTimeWindows::of(10ns);

/// A trigger that asks for no more than the test says: `Derived` hides what it needs.
template <class Derived>
struct QuietTrigger {
    using State = detail::NoTriggerState;
    template <class Window>
    TriggerResult onElement(const Item&, Timestamp, const Window&, State&, TriggerContext& context) const {
        static_cast<const Derived*>(this)->begin(context);
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window&, State&, TriggerContext& context) const {
        return static_cast<const Derived*>(this)->event(time, context);
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp time, const Window&, State&, TriggerContext& context) const {
        return static_cast<const Derived*>(this)->clock(time, context);
    }
    void begin(TriggerContext&) const {}
    TriggerResult event(Timestamp, TriggerContext&) const { return TriggerResult::Continue; }
    TriggerResult clock(Timestamp, TriggerContext&) const { return TriggerResult::Continue; }
};

/// Event time at 3, then the clock at 50, then event time at 7, then the clock at 60: each set by the one before.
struct Alternating : QuietTrigger<Alternating> {
    void begin(TriggerContext& context) const { context.registerEventTimeTimer(at(3)); }
    TriggerResult event(Timestamp time, TriggerContext& context) const {
        if (time == at(3)) context.registerProcessingTimeTimer(at(50));
        if (time == at(7)) context.registerProcessingTimeTimer(at(60));
        return TriggerResult::Continue;
    }
    TriggerResult clock(Timestamp time, TriggerContext& context) const {
        if (time == at(50)) context.registerEventTimeTimer(at(7));
        return TriggerResult::Fire;
    }
};

/// Asks for the next tick whenever one has passed, of both clocks.
struct Restless : QuietTrigger<Restless> {
    void begin(TriggerContext& context) const { context.registerEventTimeTimer(at(5)); }
    TriggerResult event(Timestamp time, TriggerContext& context) const {
        context.registerEventTimeTimer(time + 1ns);
        context.registerProcessingTimeTimer(time);
        return time == at(5) ? TriggerResult::Fire : TriggerResult::Continue;
    }
    TriggerResult clock(Timestamp time, TriggerContext& context) const {
        context.registerProcessingTimeTimer(time + 1ns);
        return TriggerResult::Fire;
    }
};

/// Timers where no time is: behind the watermark, before all time and after it.
struct Extreme : QuietTrigger<Extreme> {
    void begin(TriggerContext& context) const {
        context.registerEventTimeTimer(kMinTimestamp);
        context.registerEventTimeTimer(context.currentWatermark());
        context.registerEventTimeTimer(kMaxTimestamp);
        context.registerProcessingTimeTimer(kMinTimestamp);
        context.registerProcessingTimeTimer(kMaxTimestamp);
    }
    TriggerResult event(Timestamp, TriggerContext&) const { return TriggerResult::Fire; }
    TriggerResult clock(Timestamp, TriggerContext&) const { return TriggerResult::Fire; }
};

/// Fires and purges with every element, and fires at the end what has been purged.
struct FiresEmpty : QuietTrigger<FiresEmpty> {
    template <class Window>
    TriggerResult onElement(const Item&, Timestamp, const Window&, State&, TriggerContext& context) const {
        context.registerEventTimeTimer(at(9));
        return TriggerResult::FireAndPurge;
    }
    TriggerResult event(Timestamp, TriggerContext&) const { return TriggerResult::FireAndPurge; }
};

struct ThrowingEvictor {
    template <class Window>
    void evictBefore(WindowElements<Item>& items, const Window&, const EvictorContext&) const {
        if (items.value(0).value == 13) throw std::runtime_error("unlucky");
    }
};

template <class Call>
std::string errorOf(Call call) {
    try {
        call();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return {};
}

}  // namespace

TEST_CASE("timers that a trigger sets for the other clock are seen", "[windowing]") {
    OperatorHarness harness(listsOf(kTens, Alternating{}));
    harness.open();
    harness.element({1, 1}, 1);
    CHECK(harness.context.requested.empty());
    harness.watermark(3);
    CHECK(harness.context.requested == std::vector<std::int64_t>{50});
    clockTo(harness, 50);
    CHECK(harness.take() == Texts{{"1[0,10):1", 9}});
    harness.watermark(7);
    CHECK(harness.context.requested == std::vector<std::int64_t>{50, 60});

    OperatorHarness restored(listsOf(kTens, Alternating{}));  // the timer of the clock is saved
    restored.openFrom(harness.snapshot());
    CHECK(restored.context.requested == std::vector<std::int64_t>{60});
    clockTo(restored, 60);
    CHECK(restored.take() == Texts{{"1[0,10):1", 9}});
}

TEST_CASE("batch: timers that a trigger sets at the end of a key are ignored", "[windowing]") {
    SECTION("of a window without end") {
        OperatorHarness global(listsOf<ListGlobalValues>(GlobalWindows::create(), Restless{}));
        global.context.isBatch = true;
        global.open();
        for (std::int32_t key = 1; key <= 2; ++key) {
            global.element({key, key}, 1);
            CHECK(global.stage().endKey() == detail::Progress::Done);
            const std::string text = std::to_string(key) + ": " + std::to_string(key);
            CHECK(global.take() == Texts{{text, kEndOfTime}});
        }
        CHECK(global.context.requested.empty());
    }
    SECTION("of a window of time, which is cleaned up") {
        OperatorHarness tens(listsOf(kTens, Restless{}));
        tens.context.isBatch = true;
        tens.open();
        for (std::int32_t key = 1; key <= 2; ++key) {
            tens.elements({{{key, 1}, 1}, {{key, 2}, 21}});
            CHECK(tens.stage().endKey() == detail::Progress::Done);
            const std::string k = std::to_string(key);
            CHECK(tens.take() == Texts{{k + "[0,10):1", 9}, {k + "[20,30):2", 29}});
        }
    }
}

TEST_CASE("timers in the past or at the ends of time fire once, and do not stop the window from going", "[windowing]") {
    OperatorHarness harness(listsOf(TumblingEventTimeWindows::of(1000ns), Extreme{}));
    harness.open();
    harness.watermark(100);
    harness.element({1, 1}, 150);
    CHECK(harness.take().empty());  // an event timer in the past waits for the next watermark
    harness.watermark(101);
    CHECK(harness.take() == Texts{{"1[0,1000):1", 999}, {"1[0,1000):1", 999}});
    clockTo(harness, 1);
    CHECK(harness.take() == Texts{{"1[0,1000):1", 999}});
    clockTo(harness, 1'000'000);
    harness.watermark(999);  // the window is cleaned up, and the timers at the end of time are gone with it
    harness.watermark(kEndOfTime);
    clockTo(harness, kEndOfTime);
    CHECK(harness.take() == Texts{{"1[0,1000):1", 999}});
    CHECK(harness.snapshot().empty());
}

TEST_CASE("a trigger's timers behind the watermark wait for the next one, also where a restore is in between",
          "[windowing]") {
    const auto make = [] { return OperatorHarness(listsOf(TumblingEventTimeWindows::of(1000ns), Extreme{})); };
    auto harness = make();
    harness.open();
    harness.watermark(100);
    harness.element({1, 1}, 150);

    auto restored = make();
    restored.openFrom(harness.snapshot());
    auto early = make();  // saved before the watermark has come again
    early.openFrom(restored.snapshot());
    restored.watermark(50);
    restored.watermark(100);  // as far as the inputs were before
    CHECK(restored.take().empty());
    auto again = make();  // what waits goes on waiting
    again.openFrom(restored.snapshot());

    const Texts both{{"1[0,1000):1", 999}, {"1[0,1000):1", 999}};
    for (auto* const each : {&restored, &early, &again}) {
        each->watermark(100);
        CHECK(each->take().empty());
        each->watermark(101);
        CHECK(each->take() == both);
    }
}

TEST_CASE("a trigger that fires a window that it has emptied emits nothing, with or without an evictor",
          "[windowing]") {
    const auto check = [](auto op) {
        OperatorHarness harness(op);
        harness.open();
        harness.element({1, 1}, 1);
        CHECK(harness.take() == Texts{{"1[0,10):1", 9}});
        harness.watermark(kEndOfTime);
        CHECK(harness.take().empty());
    };
    check(listsOf(kTens, FiresEmpty{}));
    check(listsOf(kTens, FiresEmpty{}, CountEvictor::of(5)));
}

TEST_CASE("an evictor that throws fails with operator and key", "[windowing]") {
    OperatorHarness harness(listsOf(kTens, EventTimeTrigger{}, ThrowingEvictor{}));
    harness.open();
    harness.elements({{{1, 1}, 1}, {{2, 13}, 2}});
    CHECK_THAT(
        errorOf([&] { harness.watermark(9); }),
        ContainsSubstring("operator 'window' (uid 'uid-1', subtask 0)") &&
            ContainsSubstring("the trigger, evictor or function of the window threw for a window of key 2, timestamp "
                              "1970-01-01T00:00:00.000000009Z") &&
            ContainsSubstring("unlucky"));
    OperatorHarness late(listsOf(kTens, EventTimeTrigger{}, ThrowingEvictor{}, 5ns));
    late.open();
    late.watermark(9);
    CHECK_THAT(errorOf([&] {
                   late.element({2, 13}, 2);
               }),
               ContainsSubstring("operator 'window'") && ContainsSubstring("{key: 2, value: 13}") &&
                   ContainsSubstring("unlucky"));
}

TEST_CASE("emitEvery shows a window at every interval before its end, then at its end and with late elements",
          "[windowing]") {
    const auto make = [] {
        return OperatorHarness(listsOf(kTens, detail::EarlyTrigger(3ns), detail::NoEvictor{}, 20ns));
    };
    auto harness = make();
    harness.open();
    harness.element({1, 1}, 1);
    harness.watermark(2);
    CHECK(harness.take().empty());
    harness.watermark(3);
    CHECK(harness.take() == Texts{{"1[0,10):1", 9}});
    auto restored = make();
    restored.openFrom(harness.snapshot());
    restored.element({1, 2}, 8);
    restored.watermark(8);  // 6
    CHECK(restored.take() == Texts{{"1[0,10):1 2", 9}});
    restored.watermark(9);  // the end, which is a multiple as well: once
    CHECK(restored.take() == Texts{{"1[0,10):1 2", 9}});
    restored.watermark(20);
    CHECK(restored.take().empty());
    restored.element({1, 3}, 4);
    CHECK(restored.take() == Texts{{"1[0,10):1 2 3", 9}});
    restored.watermark(kEndOfTime);
    CHECK(restored.take().empty());
    CHECK(restored.snapshot().empty());
    CHECK_THAT(errorOf([] { detail::EarlyTrigger(0ns); }), ContainsSubstring("emitEvery: the interval must be"));
}

TEST_CASE("emitEvery goes on where a session grows", "[windowing]") {
    OperatorHarness harness(
        listsOf(EventTimeSessionWindows::withGap(10ns), detail::EarlyTrigger(4ns), detail::NoEvictor{}, 20ns));
    harness.open();
    harness.element({1, 1}, 1);
    harness.watermark(9);  // 4 and 8; the next multiple is behind the end of the session
    CHECK(harness.take() == Texts{{"1[1,11):1", 10}});
    harness.element({1, 2}, 9);
    harness.watermark(13);
    CHECK(harness.take() == Texts{{"1[1,19):1 2", 18}});
    harness.watermark(kEndOfTime);
    CHECK(harness.take() == Texts{{"1[1,19):1 2", 18}});  // 16 and the end
}
