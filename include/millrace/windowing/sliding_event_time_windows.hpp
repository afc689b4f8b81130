#ifndef MILLRACE_WINDOWING_SLIDING_EVENT_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_SLIDING_EVENT_TIME_WINDOWS_HPP

#include <millrace/core/config.hpp>
#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>

#include <vector>

namespace millrace {

/// Windows of equal length that start every `slide` and overlap where slide < size. @public
///
/// A record belongs to every window [start, start + size) that contains its timestamp: up to size / slide of them,
/// rounded up. With slide > size there are gaps: a record may belong to no window.
/// *Failure:* `of` throws ConfigurationException unless size > 0, slide > 0, |offset| < slide, and
/// size / slide <= 10 000 000.
class SlidingEventTimeWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = true;
    static constexpr bool kMerging = false;
    static constexpr bool kOverlapping = true;

    static SlidingEventTimeWindows of(Duration size, Duration slide, Duration offset = {});

    Duration size() const noexcept { return size_; }
    Duration slide() const noexcept { return slide_; }
    Duration offset() const noexcept { return offset_; }

    /// The latest window first, as Flink lists them.
    template <class Windows = std::vector<TimeWindow>>  // a template so that only those who call it compile it
    Windows assignWindows(Timestamp timestamp) const {
        Windows assigned;
        eachWindow(timestamp, [&](const TimeWindow& window) { assigned.push_back(window); });
        return assigned;
    }
    template <class T>
    void assignWindows(const T&, Timestamp timestamp, const AssignerContext&, WindowList<TimeWindow>& windows) const {
        eachWindow(timestamp, [&](const TimeWindow& window) { windows.add(window); });
    }
    EventTimeTrigger defaultTrigger() const noexcept { return {}; }
    detail::WindowGrid grid() const noexcept { return {size_, slide_, offset_}; }

private:
    template <class Visit>
    void eachWindow(Timestamp timestamp, Visit visit) const {
        const detail::WindowGrid windowGrid = grid();
        const auto [first, last] = windowGrid.windowsOf(windowGrid.sliceOf(timestamp));
        for (auto k = last; k >= first; --k) visit(windowGrid.window(k));
    }

    SlidingEventTimeWindows(Duration size, Duration slide, Duration offset) noexcept
        : size_(size), slide_(slide), offset_(offset) {}

    Duration size_;
    Duration slide_;
    Duration offset_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/sliding_event_time_windows.ipp>
#endif

#endif  // MILLRACE_WINDOWING_SLIDING_EVENT_TIME_WINDOWS_HPP
