#ifndef MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_PROCESSING_TIME_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_PROCESSING_TIME_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>

#include <algorithm>

namespace millrace {

/// Fires at every multiple of an interval of the clock, with what the window has by then. @public
class ContinuousProcessingTimeTrigger {
public:
    struct State {
        Timestamp next = kMinTimestamp;  ///< the next firing; kMinTimestamp: none is planned
        bool operator==(const State&) const = default;
    };

    /// *Failure:* ConfigurationException unless interval > 0.
    static ContinuousProcessingTimeTrigger of(Duration interval) {
        detail::requirePositive("ContinuousProcessingTimeTrigger::of", "interval", interval);
        return ContinuousProcessingTimeTrigger(interval);
    }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window& window, State& state, TriggerContext& context) const {
        if (state.next == kMinTimestamp) {
            const Timestamp now = context.currentProcessingTime();
            const Timestamp tick = saturatingAdd(saturatingSubtract(now, floorMod(now, {}, interval_)), interval_);
            state.next = std::min(tick, window.maxTimestamp());
            context.registerProcessingTimeTimer(state.next);
        }
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        if (time != state.next) return TriggerResult::Continue;
        state.next = std::min(saturatingAdd(time, interval_), window.maxTimestamp());
        // at the window's end there is no next time: a timer at the time at hand would fire for ever
        if (state.next <= time) {
            state.next = kMinTimestamp;
        } else {
            context.registerProcessingTimeTimer(state.next);
        }
        return TriggerResult::Fire;
    }
    template <class Window>
    void clear(const Window&, State& state, TriggerContext& context) const {
        if (state.next != kMinTimestamp) context.deleteProcessingTimeTimer(state.next);
        state = {};
    }
    template <class Window>
    void onMerge(const Window&, State& into, const State& from, TriggerContext& context) const {
        if (from.next == kMinTimestamp) return;
        if (into.next != kMinTimestamp) {
            if (into.next <= from.next) return;
            context.deleteProcessingTimeTimer(into.next);
        }
        into.next = from.next;
        context.registerProcessingTimeTimer(into.next);
    }

private:
    explicit ContinuousProcessingTimeTrigger(Duration interval) noexcept : interval_(interval) {}
    Duration interval_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_PROCESSING_TIME_TRIGGER_HPP
