#ifndef MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_HPP

#include <millrace/core/config.hpp>
#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>

namespace millrace {

/// Cuts event time into windows of equal length that do not overlap. @public
///
/// A record at timestamp t belongs to exactly one window [start, start + size), with start = offset modulo size; floor,
/// not truncation, before 1970. A positive or negative offset adjusts to time zones: days in UTC+8 are
/// `of(24h, -8h)`.
/// *Failure:* `of` throws ConfigurationException unless size > 0 and |offset| < size.
class TumblingEventTimeWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = true;
    static constexpr bool kMerging = false;
    static constexpr bool kOverlapping = false;

    static TumblingEventTimeWindows of(Duration size, Duration offset = {});

    Duration size() const noexcept { return size_; }
    Duration offset() const noexcept { return offset_; }

    TimeWindow assignWindow(Timestamp timestamp) const noexcept {
        const detail::WindowGrid windows = grid();
        return windows.window(windows.sliceOf(timestamp));
    }
    template <class T>
    TimeWindow assignWindow(const T&, Timestamp timestamp, const AssignerContext&) const noexcept {
        return assignWindow(timestamp);
    }
    EventTimeTrigger defaultTrigger() const noexcept { return {}; }
    detail::WindowGrid grid() const noexcept { return {size_, size_, offset_}; }

private:
    TumblingEventTimeWindows(Duration size, Duration offset) noexcept : size_(size), offset_(offset) {}

    Duration size_;
    Duration offset_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/tumbling_event_time_windows.ipp>
#endif

#endif  // MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_HPP
