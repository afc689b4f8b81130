#ifndef MILLRACE_WINDOWING_TRIGGERS_END_OF_STREAM_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_END_OF_STREAM_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>

namespace millrace {

/// Fires once, when a bounded input has ended: with the final watermark. @public
struct EndOfStreamTrigger {
    using State = detail::NoTriggerState;

    static EndOfStreamTrigger create() noexcept { return {}; }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window&, State&, TriggerContext& context) const {
        context.registerEventTimeTimer(kMaxTimestamp);
        return TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window&, State&, TriggerContext&) const {
        return time == kMaxTimestamp ? TriggerResult::Fire : TriggerResult::Continue;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window>
    void onMerge(const Window&, State&, const State&, TriggerContext& context) const {
        context.registerEventTimeTimer(kMaxTimestamp);
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_END_OF_STREAM_TRIGGER_HPP
