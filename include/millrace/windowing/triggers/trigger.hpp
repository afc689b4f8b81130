#ifndef MILLRACE_WINDOWING_TRIGGERS_TRIGGER_HPP
#define MILLRACE_WINDOWING_TRIGGERS_TRIGGER_HPP

#include <millrace/time/timestamp.hpp>
#include <millrace/windowing/window_timers.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

// What a trigger is. The library's own are beside this header.

namespace millrace {

/// What happens to a window after its trigger was asked. @public
enum class TriggerResult : std::uint8_t {
    Continue = 0,     ///< nothing
    Fire = 1,         ///< the function is called; the contents stay
    Purge = 2,        ///< the contents are dropped; trigger state and clean-up stay
    FireAndPurge = 3  ///< both
};

/// Whether the result fires / purges. @public
constexpr bool fires(TriggerResult result) noexcept {
    return (static_cast<unsigned>(result) & 1u) != 0;
}
constexpr bool purges(TriggerResult result) noexcept {
    return (static_cast<unsigned>(result) & 2u) != 0;
}

/// What a trigger may ask and do. Its timers belong to the key and window that it is asked about: one per time and
/// domain, gone with the window. An event-time timer at or below the current watermark fires with the next watermark.
/// @public
/// *Thread safety:* valid only during the call that it was passed to.
class TriggerContext {
public:
    Timestamp currentWatermark() const noexcept { return watermark_; }
    Timestamp currentProcessingTime() const noexcept { return processingTime_; }

    void registerEventTimeTimer(Timestamp time) {
        if (!ending_) event_->add(time);
    }
    void deleteEventTimeTimer(Timestamp time) noexcept { event_->remove(time); }
    void registerProcessingTimeTimer(Timestamp time) {
        if (!ending_) processing_->add(time);
    }
    void deleteProcessingTimeTimer(Timestamp time) noexcept { processing_->remove(time); }

    // ---- for operators ----
    TriggerContext(Timestamp watermark, Timestamp processingTime, detail::WindowTimers& event,
                   detail::WindowTimers& processing, bool ending = false) noexcept
        : watermark_(watermark), processingTime_(processingTime), event_(&event), processing_(&processing),
          ending_(ending) {}

private:
    Timestamp watermark_;
    Timestamp processingTime_;
    detail::WindowTimers* event_;
    detail::WindowTimers* processing_;
    bool ending_;  ///< batch execution, at the end of a key: no further timers
};

namespace detail {

template <class Trigger, class T>
struct TriggerState {};
template <class Trigger, class T>
    requires(
        requires { typename Trigger::State; } && !requires { typename Trigger::template StateFor<T>; })
struct TriggerState<Trigger, T> {
    using Type = typename Trigger::State;
};
template <class Trigger, class T>
    requires requires { typename Trigger::template StateFor<T>; }
struct TriggerState<Trigger, T> {
    using Type = typename Trigger::template StateFor<T>;
};
/// What a trigger keeps per key and window of a stream of T: its `State`, or `StateFor<T>` where that depends on T; no type
/// where it has neither.
template <class Trigger, class T>
using TriggerStateOf = typename TriggerState<Trigger, T>::Type;

}  // namespace detail

/// Says when a window fires. Copyable, with @public
/// ```
/// struct EveryHundred {
///     struct State { std::int64_t count = 0; };   // per key and window, saved with the window: needs a codec
///     template <class Window> TriggerResult onElement(const Record& record, Timestamp timestamp, const Window& window,
///                                                     State& state, TriggerContext& context) const;
///     template <class Window> TriggerResult onEventTime(Timestamp time, const Window&, State&, TriggerContext&) const;
///     template <class Window> TriggerResult onProcessingTime(Timestamp time, const Window&, State&, TriggerContext&) const;
/// };
/// ```
/// (a fixed window type will do as well). The timer functions are called for the timers that the trigger has registered
/// and for the one that cleans the window up. Optional: `clear(window, state, context)`, called when the window is gone,
/// and `onMerge(window, into, from, context)`, without which it cannot be used with merging windows: `into` starts as a
/// new State and takes over `from` of each window that has become part of `window`; the timers of those are gone.
template <class Trigger, class T, class Window>
concept TriggerFor =
    std::copy_constructible<Trigger> && std::default_initializable<detail::TriggerStateOf<Trigger, T>> &&
    requires(const Trigger& trigger, const T& value, Timestamp time, const Window& window,
             detail::TriggerStateOf<Trigger, T>& state, TriggerContext& context) {
        { trigger.onElement(value, time, window, state, context) } -> std::same_as<TriggerResult>;
        { trigger.onEventTime(time, window, state, context) } -> std::same_as<TriggerResult>;
        { trigger.onProcessingTime(time, window, state, context) } -> std::same_as<TriggerResult>;
    };

/// A trigger that windows can be merged with. @public
template <class Trigger, class State, class Window>
concept MergingTrigger = requires(const Trigger& trigger, const Window& window, State& into, const State& from,
                                  TriggerContext& context) { trigger.onMerge(window, into, from, context); };

namespace detail {

template <class Trigger, class State, class Window>
void clearTrigger(const Trigger& trigger, const Window& window, State& state, TriggerContext& context) {
    if constexpr (requires { trigger.clear(window, state, context); }) trigger.clear(window, state, context);
}

/// For triggers that keep nothing.
struct NoTriggerState {
    bool operator==(const NoTriggerState&) const = default;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TRIGGERS_TRIGGER_HPP
