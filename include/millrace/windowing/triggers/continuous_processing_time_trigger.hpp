#ifndef MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_PROCESSING_TIME_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_PROCESSING_TIME_TRIGGER_HPP

#include <millrace/windowing/triggers/continuous_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>

#include <millrace/core/algorithm.hpp>

namespace millrace {

/// Fires at every multiple of an interval of the clock, with what the window has by then. @public
class ContinuousProcessingTimeTrigger : public detail::ContinuousTrigger<&TriggerContext::registerProcessingTimeTimer,
                                                                         &TriggerContext::deleteProcessingTimeTimer> {
public:
    /// *Failure:* ConfigurationException unless interval > 0.
    static ContinuousProcessingTimeTrigger of(Duration interval) {
        detail::requirePositive("ContinuousProcessingTimeTrigger::of", "interval", interval);
        return ContinuousProcessingTimeTrigger(interval);
    }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window& window, State& state, TriggerContext& context) const {
        if (state.next == kMinTimestamp) {
            plan(state, std::min(tickAfter(context.currentProcessingTime()), window.maxTimestamp()), context);
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
        const Timestamp next = std::min(saturatingAdd(time, interval_), window.maxTimestamp());
        // at the window's end there is no next time: a timer at the time at hand would fire for ever
        if (next <= time) {
            state.next = kMinTimestamp;
        } else {
            plan(state, next, context);
        }
        return TriggerResult::Fire;
    }

private:
    explicit ContinuousProcessingTimeTrigger(Duration interval) noexcept : ContinuousTrigger(interval) {}
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_PROCESSING_TIME_TRIGGER_HPP
