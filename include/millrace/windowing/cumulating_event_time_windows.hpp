#ifndef MILLRACE_WINDOWING_CUMULATING_EVENT_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_CUMULATING_EVENT_TIME_WINDOWS_HPP

#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>

#include <cstdint>

namespace millrace {

/// Windows that begin together and grow by `step` up to `maxSize`, where they begin anew: the day so far, hour by hour.
/// @public
/// A record at t belongs to those of [s, s + step), [s, s + 2 step) … [s, s + maxSize) that contain t.
/// *Failure:* `of` throws ConfigurationException unless step > 0, maxSize is a multiple of it, |offset| < maxSize, and
/// maxSize / step <= 10 000 000.
class CumulatingEventTimeWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = true;
    static constexpr bool kMerging = false;

    static CumulatingEventTimeWindows of(Duration step, Duration maxSize, Duration offset = {}) {
        constexpr const char* kWhere = "CumulatingEventTimeWindows::of";
        detail::requirePositive(kWhere, "step", step);
        detail::requirePositive(kWhere, "maximal size", maxSize);
        detail::requireMultiple(kWhere, maxSize, step);
        detail::requireOffsetBelow(kWhere, offset, "maximal size", maxSize);
        detail::requireFewWindows(kWhere, maxSize, step);
        return {step, maxSize, offset};
    }

    Duration step() const noexcept { return step_; }
    Duration maxSize() const noexcept { return maxSize_; }
    Duration offset() const noexcept { return offset_; }
    EventTimeTrigger defaultTrigger() const noexcept { return {}; }

    /// The smallest window first.
    template <class T>
    void assignWindows(const T&, Timestamp timestamp, const AssignerContext&, WindowList<TimeWindow>& windows) const {
        const Duration into = floorMod(timestamp, offset_, maxSize_);
        const Timestamp start = saturatingSubtract(timestamp, into);
        for (Duration size = (into / step_ + 1) * step_; size <= maxSize_; size += step_) {
            windows.add({start, saturatingAdd(start, size)});
        }
    }

private:
    CumulatingEventTimeWindows(Duration step, Duration maxSize, Duration offset) noexcept
        : step_(step), maxSize_(maxSize), offset_(offset) {}

    Duration step_;
    Duration maxSize_;
    Duration offset_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_CUMULATING_EVENT_TIME_WINDOWS_HPP
