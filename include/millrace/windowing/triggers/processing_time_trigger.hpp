#ifndef MILLRACE_WINDOWING_TRIGGERS_PROCESSING_TIME_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_PROCESSING_TIME_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>

namespace millrace {

/// Fires when the clock reaches the window's last timestamp. The default for processing-time windows. @public
struct ProcessingTimeTrigger {
    using State = detail::NoTriggerState;

    static ProcessingTimeTrigger create() noexcept { return {}; }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window& window, State&, TriggerContext& context) const {
        context.registerProcessingTimeTimer(window.maxTimestamp());
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Fire;
    }
    template <class Window>
    void clear(const Window& window, State&, TriggerContext& context) const {
        context.deleteProcessingTimeTimer(window.maxTimestamp());
    }
    template <class Window>
    void onMerge(const Window& window, State&, const State&, TriggerContext& context) const {
        if (window.maxTimestamp() > context.currentProcessingTime()) {
            context.registerProcessingTimeTimer(window.maxTimestamp());
        }
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_PROCESSING_TIME_TRIGGER_HPP
