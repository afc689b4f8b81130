#ifndef MILLRACE_WINDOWING_TIME_WINDOW_HPP
#define MILLRACE_WINDOWING_TIME_WINDOW_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/time/timestamp.hpp>

#include <compare>

namespace millrace {

/// The time from `start` (included) to `end` (not included). @public
struct TimeWindow {
    Timestamp start;
    Timestamp end;

    /// The last timestamp that belongs to the window; what its results are stamped with.
    constexpr Timestamp maxTimestamp() const noexcept { return saturatingSubtract(end, Duration{1}); }
    constexpr bool contains(Timestamp t) const noexcept { return start <= t && t < end; }
    /// Whether the windows share time or touch.
    constexpr bool intersects(const TimeWindow& other) const noexcept {
        return start <= other.end && end >= other.start;
    }
    /// The smallest window that contains both.
    constexpr TimeWindow cover(const TimeWindow& other) const noexcept {
        return {std::min(start, other.start), std::max(end, other.end)};
    }

    constexpr auto operator<=>(const TimeWindow&) const = default;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TIME_WINDOW_HPP
