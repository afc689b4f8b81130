#ifndef MILLRACE_WINDOWING_TRIGGERS_COUNT_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_COUNT_TRIGGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>

#include <cstdint>

namespace millrace {

/// Fires with every n-th record of the window, with all that is in it; not at the window's end. @public
/// The contents stay: to begin anew after each firing write `PurgingTrigger::of(CountTrigger::of(n))`.
class CountTrigger {
public:
    struct State {
        std::int64_t count = 0;
        bool operator==(const State&) const = default;
    };

    /// *Failure:* ConfigurationException unless n > 0.
    static CountTrigger of(std::int64_t n) {
        detail::requirePositive("CountTrigger::of", "count", n);
        return CountTrigger(n);
    }

    template <class T, class Window>
    TriggerResult onElement(const T&, Timestamp, const Window&, State& state, TriggerContext&) const {
        if (++state.count < n_) return TriggerResult::Continue;
        state.count = 0;
        return TriggerResult::Fire;
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
    void clear(const Window&, State& state, TriggerContext&) const {
        state = {};
    }
    template <class Window>
    void onMerge(const Window&, State& into, const State& from, TriggerContext&) const {
        into.count += from.count;
    }

private:
    explicit CountTrigger(std::int64_t n) noexcept : n_(n) {}
    std::int64_t n_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_COUNT_TRIGGER_HPP
