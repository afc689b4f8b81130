#ifndef MILLRACE_WINDOWING_TRIGGERS_EMISSION_TRIGGERS_HPP
#define MILLRACE_WINDOWING_TRIGGERS_EMISSION_TRIGGERS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/windowing/triggers/continuous_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>

#include <utility>

// The triggers behind `emitFinal()`, `emitEvery(interval)` and `emitOnWallClock(timeout)` of windowed streams.

namespace millrace::detail {

/// Fires once, when the window takes no more late records.
struct FinalTrigger {
    using State = NoTriggerState;
    Duration lateness{};  ///< set by the windowed stream

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window& window, State&, TriggerContext& context) const {
        context.registerEventTimeTimer(endOf(window));
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window& window, State&, TriggerContext&) const {
        return time == endOf(window) ? TriggerResult::Fire : TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    void onMerge(const Window& window, State&, const State&, TriggerContext& context) const {
        context.registerEventTimeTimer(endOf(window));
    }
    /// How far event time is behind these windows when it has come to `watermark` in front of them: results yet to come are
    /// stamped with the last timestamps of their windows, and shall not be late.
    Timestamp heldBack(Timestamp watermark) const noexcept {
        return watermark == kMaxTimestamp ? watermark : saturatingSubtract(watermark, lateness);
    }

private:
    template <class Window>
    Timestamp endOf(const Window& window) const noexcept {
        return saturatingAdd(window.maxTimestamp(), lateness);
    }
};

/// Fires at multiples of an interval before the end of the window, at its end, and then with each late record. Unlike a
/// ContinuousEventTimeTrigger it has no firings that would show the same again: none behind the end, and where the watermark
/// passes several of them at a time only one.
class EarlyTrigger
    : public ContinuousTrigger<&TriggerContext::registerEventTimeTimer, &TriggerContext::deleteEventTimeTimer> {
public:
    static constexpr bool kNeedsWatermarks = true;
    explicit EarlyTrigger(Duration interval) : ContinuousTrigger(interval) {
        requirePositive("emitEvery", "interval", interval);
    }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp time, const Window& window, State& state,
                            TriggerContext& context) const {
        const Timestamp end = window.maxTimestamp();
        if (end <= context.currentWatermark()) return TriggerResult::Fire;
        context.registerEventTimeTimer(end);
        if (state.next == kMinTimestamp) planBefore(end, time, state, context);
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        const Timestamp end = window.maxTimestamp();
        if (time == end) return TriggerResult::Fire;
        if (time != state.next) return TriggerResult::Continue;
        state = {};
        if (end <= context.currentWatermark()) return TriggerResult::Continue;  // the end comes next
        planBefore(end, time, state, context);
        return TriggerResult::Fire;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }

private:
    void planBefore(Timestamp end, Timestamp time, State& state, TriggerContext& context) const {
        const Timestamp next = tickAfter(std::max(time, context.currentWatermark()));
        if (next < end) plan(state, next, context);
    }
};

/// Fires when the inner trigger does, and `timeout` of the clock after the first record that it has not fired for.
template <class Inner>
class WallClockTrigger {
public:
    template <class T>
    struct StateFor {
        TriggerStateOf<Inner, T> inner;
        Timestamp next = kMinTimestamp;  ///< kMinTimestamp: nothing new to emit
        bool operator==(const StateFor&) const = default;
    };
    static constexpr bool kNeedsWatermarks = requires { requires Inner::kNeedsWatermarks; };

    WallClockTrigger(Inner inner, Duration timeout) : inner_(std::move(inner)), timeout_(timeout) {}

    template <class T, class Window, class State>
    TriggerResult onElement(const T& value, Timestamp time, const Window& window, State& state,
                            TriggerContext& context) const {
        const TriggerResult result = inner_.onElement(value, time, window, state.inner, context);
        if (fires(result)) {
            forget(state, context);
        } else if (state.next == kMinTimestamp) {
            state.next = saturatingAdd(context.currentProcessingTime(), timeout_);
            context.registerProcessingTimeTimer(state.next);
        }
        return result;
    }
    template <class Window, class State>
    TriggerResult onEventTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        const TriggerResult result = inner_.onEventTime(time, window, state.inner, context);
        if (fires(result)) forget(state, context);
        return result;
    }
    template <class Window, class State>
    TriggerResult onProcessingTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        const TriggerResult result = inner_.onProcessingTime(time, window, state.inner, context);
        if (fires(result)) {
            forget(state, context);
            return result;
        }
        if (time != state.next) return result;
        state.next = kMinTimestamp;
        return purges(result) ? TriggerResult::FireAndPurge : TriggerResult::Fire;
    }
    template <class Window, class State>
    void clear(const Window& window, State& state, TriggerContext& context) const {
        forget(state, context);
        clearTrigger(inner_, window, state.inner, context);
    }
    template <class Window, class State>
        requires MergingTrigger<Inner, decltype(std::declval<State&>().inner), Window>
    void onMerge(const Window& window, State& into, const State& from, TriggerContext& context) const {
        inner_.onMerge(window, into.inner, from.inner, context);
        if (from.next == kMinTimestamp || (into.next != kMinTimestamp && into.next <= from.next)) return;
        forget(into, context);
        into.next = from.next;
        context.registerProcessingTimeTimer(into.next);
    }

private:
    template <class State>
    static void forget(State& state, TriggerContext& context) noexcept {
        if (state.next == kMinTimestamp) return;
        context.deleteProcessingTimeTimer(state.next);
        state.next = kMinTimestamp;
    }

    Inner inner_;
    Duration timeout_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_TRIGGERS_EMISSION_TRIGGERS_HPP
