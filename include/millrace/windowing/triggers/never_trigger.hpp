#ifndef MILLRACE_WINDOWING_TRIGGERS_NEVER_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_NEVER_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>

namespace millrace {

/// Never fires. The default for `GlobalWindows::create()`. @public
struct NeverTrigger {
    using State = detail::NoTriggerState;

    static NeverTrigger create() noexcept { return {}; }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    void onMerge(const Window&, State&, const State&, TriggerContext&) const {}
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_NEVER_TRIGGER_HPP
