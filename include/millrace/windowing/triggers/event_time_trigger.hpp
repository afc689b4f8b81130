#ifndef MILLRACE_WINDOWING_TRIGGERS_EVENT_TIME_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_EVENT_TIME_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>

namespace millrace {

/// Fires when the watermark reaches the window's last timestamp, and from then on for every late record that the window
/// still takes. The default for event-time windows. @public
struct EventTimeTrigger {
    using State = detail::NoTriggerState;

    static EventTimeTrigger create() noexcept { return {}; }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window& window, State&, TriggerContext& context) const {
        if (window.maxTimestamp() <= context.currentWatermark()) return TriggerResult::Fire;
        context.registerEventTimeTimer(window.maxTimestamp());
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window& window, State&, TriggerContext&) const {
        return time == window.maxTimestamp() ? TriggerResult::Fire : TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    void clear(const Window& window, State&, TriggerContext& context) const {
        context.deleteEventTimeTimer(window.maxTimestamp());
    }
    template <class Window>
    void onMerge(const Window& window, State&, const State&, TriggerContext& context) const {
        if (window.maxTimestamp() > context.currentWatermark()) context.registerEventTimeTimer(window.maxTimestamp());
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_EVENT_TIME_TRIGGER_HPP
