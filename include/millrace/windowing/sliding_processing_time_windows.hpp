#ifndef MILLRACE_WINDOWING_SLIDING_PROCESSING_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_SLIDING_PROCESSING_TIME_WINDOWS_HPP

#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>

#include <cstdint>

namespace millrace {

/// Windows of equal length that start every `slide`, by the clock of the machine. @public
/// *Failure:* `of` throws ConfigurationException unless size > 0, slide > 0, |offset| < slide, and
/// size / slide <= 10 000 000.
class SlidingProcessingTimeWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = false;
    static constexpr bool kMerging = false;

    static SlidingProcessingTimeWindows of(Duration size, Duration slide, Duration offset = {}) {
        constexpr const char* kWhere = "SlidingProcessingTimeWindows::of";
        detail::requirePositive(kWhere, "size", size);
        detail::requirePositive(kWhere, "slide", slide);
        detail::requireOffsetBelow(kWhere, offset, "slide", slide);
        detail::requireFewWindows(kWhere, size, slide);
        return {size, slide, offset};
    }

    Duration size() const noexcept { return size_; }
    Duration slide() const noexcept { return slide_; }
    Duration offset() const noexcept { return offset_; }
    ProcessingTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    void assignWindows(const T&, Timestamp, const AssignerContext& context, WindowList<TimeWindow>& windows) const {
        const detail::WindowGrid grid(size_, slide_, offset_);
        const auto [first, last] = grid.windowsOf(grid.sliceOf(context.currentProcessingTime()));
        for (std::int64_t k = last; k >= first; --k) windows.add(grid.window(k));
    }

private:
    SlidingProcessingTimeWindows(Duration size, Duration slide, Duration offset) noexcept
        : size_(size), slide_(slide), offset_(offset) {}

    Duration size_;
    Duration slide_;
    Duration offset_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_SLIDING_PROCESSING_TIME_WINDOWS_HPP
