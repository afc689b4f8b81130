#ifndef MILLRACE_WINDOWING_TRIGGERS_DELTA_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_DELTA_TRIGGER_HPP

#include <millrace/core/functional.hpp>
#include <millrace/windowing/triggers/trigger.hpp>

#include <optional>
#include <utility>

namespace millrace {

namespace detail {

template <class Threshold, class Delta>
class DeltaTriggerOf {
public:
    template <class T>
    struct StateFor {
        std::optional<T> last;
    };

    DeltaTriggerOf(Threshold threshold, Delta delta) : threshold_(std::move(threshold)), delta_(std::move(delta)) {}

    template <class T, class Window>
        requires std::invocable<const Delta&, const T&, const T&>
    TriggerResult onElement(const T& value, Timestamp, const Window&, StateFor<T>& state, TriggerContext&) const {
        if (!state.last.has_value()) {
            state.last = value;
        } else if (threshold_ < detail::invoke(delta_, std::as_const(*state.last), value)) {
            state.last = value;
            return TriggerResult::Fire;
        }
        return TriggerResult::Continue;
    }
    template <class Window, class State>
    TriggerResult onEventTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window, class State>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Continue;
    }
    template <class Window, class State>
    void clear(const Window&, State& state, TriggerContext&) const {
        state.last.reset();
    }

private:
    Threshold threshold_;
    Delta delta_;
};

}  // namespace detail

/// Fires when a record differs from the one that last fired (or the window's first) by more than a threshold. @public
/// `DeltaTrigger::of(0.5, [](const Tick& last, const Tick& tick) { return std::abs(tick.price - last.price); })`
/// Cannot be used with merging windows. *State and checkpoints:* keeps one record per key and window.
struct DeltaTrigger {
    template <class Threshold, class Delta>
    static detail::DeltaTriggerOf<Threshold, Delta> of(Threshold threshold, Delta delta) {
        return {std::move(threshold), std::move(delta)};
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_DELTA_TRIGGER_HPP
