#ifndef MILLRACE_WINDOWING_TRIGGERS_PURGING_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_PURGING_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>

#include <utility>

namespace millrace {

namespace detail {

template <class Inner>
class PurgingTriggerOf {
public:
    template <class T>
    using StateFor = TriggerStateOf<Inner, T>;
    static constexpr bool kNeedsWatermarks = requires { requires Inner::kNeedsWatermarks; };

    explicit PurgingTriggerOf(Inner inner) : inner_(std::move(inner)) {}

    template <class T, class Window, class State>
    auto onElement(const T& value, Timestamp time, const Window& window, State& state, TriggerContext& context) const
        -> decltype(std::declval<const Inner&>().onElement(value, time, window, state, context)) {
        return purged(inner_.onElement(value, time, window, state, context));
    }
    template <class Window, class State>
    TriggerResult onEventTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        return purged(inner_.onEventTime(time, window, state, context));
    }
    template <class Window, class State>
    TriggerResult onProcessingTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        return purged(inner_.onProcessingTime(time, window, state, context));
    }
    template <class Window, class State>
    void clear(const Window& window, State& state, TriggerContext& context) const {
        clearTrigger(inner_, window, state, context);
    }
    template <class Window, class State>
        requires MergingTrigger<Inner, State, Window>
    void onMerge(const Window& window, State& into, const State& from, TriggerContext& context) const {
        inner_.onMerge(window, into, from, context);
    }

private:
    static TriggerResult purged(TriggerResult result) noexcept {
        return fires(result) ? TriggerResult::FireAndPurge : result;
    }
    Inner inner_;
};

}  // namespace detail

/// Drops the contents of a window whenever the inner trigger fires; the inner trigger keeps its state:
/// `PurgingTrigger::of(CountTrigger::of(100))`. @public
struct PurgingTrigger {
    template <class Inner>
    static detail::PurgingTriggerOf<Inner> of(Inner inner) {
        return detail::PurgingTriggerOf<Inner>(std::move(inner));
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_PURGING_TRIGGER_HPP
