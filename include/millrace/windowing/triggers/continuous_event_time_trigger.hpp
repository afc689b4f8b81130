#ifndef MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_EVENT_TIME_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_EVENT_TIME_TRIGGER_HPP

#include <millrace/windowing/triggers/continuous_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>

namespace millrace {

/// Fires at every multiple of an interval of event time, with what the window has by then, and at its end. @public
/// It goes by the watermark: where that moves by more than an interval, several firings come at once. A window that is kept
/// for late records goes on firing at every multiple until it is gone. `emitEvery` of a windowed stream does neither.
class ContinuousEventTimeTrigger
    : public detail::ContinuousTrigger<&TriggerContext::registerEventTimeTimer, &TriggerContext::deleteEventTimeTimer> {
public:
    static constexpr bool kNeedsWatermarks = true;
    /// *Failure:* ConfigurationException unless interval > 0.
    static ContinuousEventTimeTrigger of(Duration interval) {
        detail::requirePositive("ContinuousEventTimeTrigger::of", "interval", interval);
        return ContinuousEventTimeTrigger(interval);
    }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp time, const Window& window, State& state,
                            TriggerContext& context) const {
        if (window.maxTimestamp() <= context.currentWatermark()) return TriggerResult::Fire;
        context.registerEventTimeTimer(window.maxTimestamp());
        if (state.next == kMinTimestamp) plan(state, tickAfter(time), context);
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        if (time == window.maxTimestamp()) return TriggerResult::Fire;
        if (time != state.next) return TriggerResult::Continue;
        if (context.currentWatermark() == kMaxTimestamp && window.maxTimestamp() == kMaxTimestamp) {
            state.next = kMinTimestamp;  // a window without end would fire for ever: only the end of time is left
            return TriggerResult::Fire;
        }
        plan(state, saturatingAdd(time, interval_), context);
        return TriggerResult::Fire;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }

private:
    explicit ContinuousEventTimeTrigger(Duration interval) noexcept : ContinuousTrigger(interval) {}
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_EVENT_TIME_TRIGGER_HPP
