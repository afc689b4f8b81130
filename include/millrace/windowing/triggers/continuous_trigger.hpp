#ifndef MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>

namespace millrace::detail {

/// What the continuous triggers share: one planned firing, at multiples of an interval, on one of the two clocks.
template <void (TriggerContext::*kRegister)(Timestamp), void (TriggerContext::*kDelete)(Timestamp) noexcept>
class ContinuousTrigger {
public:
    struct State {
        Timestamp next = kMinTimestamp;  ///< the next firing; kMinTimestamp: none is planned
        bool operator==(const State&) const = default;
    };

    template <class Window>
    void clear(const Window&, State& state, TriggerContext& context) const {
        if (state.next != kMinTimestamp) (context.*kDelete)(state.next);
        state = {};
    }
    template <class Window>
    void onMerge(const Window&, State& into, const State& from, TriggerContext& context) const {
        if (from.next == kMinTimestamp) return;
        if (into.next != kMinTimestamp) {
            if (into.next <= from.next) return;
            (context.*kDelete)(into.next);
        }
        plan(into, from.next, context);
    }

protected:
    explicit ContinuousTrigger(Duration interval) noexcept : interval_(interval) {}

    /// The first multiple of the interval behind `time`.
    Timestamp tickAfter(Timestamp time) const noexcept {
        return saturatingAdd(saturatingSubtract(time, floorMod(time, {}, interval_)), interval_);
    }
    static void plan(State& state, Timestamp next, TriggerContext& context) {
        state.next = next;
        (context.*kRegister)(next);
    }

    Duration interval_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_TRIGGERS_CONTINUOUS_TRIGGER_HPP
