#ifndef MILLRACE_WINDOWING_EVENT_TIME_SESSION_WINDOWS_HPP
#define MILLRACE_WINDOWING_EVENT_TIME_SESSION_WINDOWS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/windowing/time_window.hpp>
#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>

#include <concepts>
#include <utility>

namespace millrace {

namespace detail {

template <class GapOf>
class DynamicEventTimeSessionWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = true;
    static constexpr bool kMerging = true;
    static constexpr bool kSessions = true;

    explicit DynamicEventTimeSessionWindows(GapOf gapOf) : gapOf_(std::move(gapOf)) {}
    EventTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
        requires std::is_invocable_r_v<Duration, const GapOf&, const T&>
    TimeWindow assignWindow(const T& value, Timestamp timestamp, const AssignerContext&) const {
        const Duration gap = checkedGap("EventTimeSessionWindows::withDynamicGap", detail::invoke(gapOf_, value));
        return {timestamp, saturatingAdd(timestamp, gap)};
    }

private:
    GapOf gapOf_;
};

}  // namespace detail

/// Sessions by event time: records of a key that are at most a gap apart belong to one window, from the first of them to
/// a gap behind the last. @public
/// A record that comes in between two sessions, close enough to both, makes them one.
class EventTimeSessionWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = true;
    static constexpr bool kMerging = true;
    static constexpr bool kSessions = true;

    /// *Failure:* ConfigurationException unless gap > 0.
    static EventTimeSessionWindows withGap(Duration gap) {
        detail::requirePositive("EventTimeSessionWindows::withGap", "gap", gap);
        return EventTimeSessionWindows(gap);
    }
    /// A gap of its own for every record: `gapOf(const T&)` returns a Duration. *Failure:* the job fails with a record
    /// whose gap is not positive.
    template <class GapOf>
    static detail::DynamicEventTimeSessionWindows<GapOf> withDynamicGap(GapOf gapOf) {
        return detail::DynamicEventTimeSessionWindows<GapOf>(std::move(gapOf));
    }

    Duration gap() const noexcept { return gap_; }
    EventTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    TimeWindow assignWindow(const T&, Timestamp timestamp, const AssignerContext&) const noexcept {
        return {timestamp, saturatingAdd(timestamp, gap_)};
    }

private:
    explicit EventTimeSessionWindows(Duration gap) noexcept : gap_(gap) {}
    Duration gap_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_EVENT_TIME_SESSION_WINDOWS_HPP
