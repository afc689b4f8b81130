#ifndef MILLRACE_WINDOWING_TRIGGERS_PROCESSING_TIMEOUT_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_PROCESSING_TIMEOUT_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>

#include <utility>

namespace millrace {

namespace detail {

template <class Inner>
class ProcessingTimeoutTriggerOf {
public:
    template <class T>
    struct StateFor {
        TriggerStateOf<Inner, T> inner;
        Timestamp timeout = kMinTimestamp;  ///< kMinTimestamp: none is running
        bool operator==(const StateFor&) const = default;
    };
    static constexpr bool kNeedsWatermarks = requires { requires Inner::kNeedsWatermarks; };

    ProcessingTimeoutTriggerOf(Inner inner, Duration timeout, bool resetOnRecord, bool clearOnTimeout)
        : inner_(std::move(inner)), timeout_(timeout), resetOnRecord_(resetOnRecord), clearOnTimeout_(clearOnTimeout) {}

    template <class T, class Window, class State>
    TriggerResult onElement(const T& value, Timestamp time, const Window& window, State& state,
                            TriggerContext& context) const {
        const TriggerResult result = inner_.onElement(value, time, window, state.inner, context);
        if (fires(result)) {
            clear(window, state, context);
            return result;
        }
        if (state.timeout != kMinTimestamp && resetOnRecord_) {
            context.deleteProcessingTimeTimer(state.timeout);
            state.timeout = kMinTimestamp;
        }
        if (state.timeout == kMinTimestamp) {
            state.timeout = saturatingAdd(context.currentProcessingTime(), timeout_);
            context.registerProcessingTimeTimer(state.timeout);
        }
        return result;
    }
    template <class Window, class State>
    TriggerResult onEventTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        return timedOut(inner_.onEventTime(time, window, state.inner, context), window, state, context);
    }
    template <class Window, class State>
    TriggerResult onProcessingTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        return timedOut(inner_.onProcessingTime(time, window, state.inner, context), window, state, context);
    }
    template <class Window, class State>
    void clear(const Window& window, State& state, TriggerContext& context) const {
        if (state.timeout != kMinTimestamp) context.deleteProcessingTimeTimer(state.timeout);
        state.timeout = kMinTimestamp;
        clearTrigger(inner_, window, state.inner, context);
    }

private:
    template <class Window, class State>
    TriggerResult timedOut(TriggerResult inner, const Window& window, State& state, TriggerContext& context) const {
        if (clearOnTimeout_) clear(window, state, context);
        return purges(inner) ? TriggerResult::FireAndPurge : TriggerResult::Fire;
    }

    Inner inner_;
    Duration timeout_;
    bool resetOnRecord_;
    bool clearOnTimeout_;
};

}  // namespace detail

/// Fires when the inner trigger does, and when it has not done so for `timeout` of the clock. @public
/// `resetTimerOnNewRecord`: the time runs from the latest record, otherwise from the first since the last firing.
/// `shouldClearOnTimeout`: a timeout also resets the inner trigger. Cannot be used with merging windows.
struct ProcessingTimeoutTrigger {
    /// *Failure:* ConfigurationException unless timeout > 0.
    template <class Inner>
    static detail::ProcessingTimeoutTriggerOf<Inner> of(Inner inner, Duration timeout,
                                                        bool resetTimerOnNewRecord = false,
                                                        bool shouldClearOnTimeout = true) {
        detail::requirePositive("ProcessingTimeoutTrigger::of", "timeout", timeout);
        return {std::move(inner), timeout, resetTimerOnNewRecord, shouldClearOnTimeout};
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_PROCESSING_TIMEOUT_TRIGGER_HPP
