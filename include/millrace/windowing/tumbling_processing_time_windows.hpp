#ifndef MILLRACE_WINDOWING_TUMBLING_PROCESSING_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_TUMBLING_PROCESSING_TIME_WINDOWS_HPP

#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>

namespace millrace {

/// Windows of equal length by the clock of the machine: a record belongs to the one in which it arrives. @public
/// *Failure:* `of` throws ConfigurationException unless size > 0 and |offset| < size.
class TumblingProcessingTimeWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = false;
    static constexpr bool kMerging = false;

    static TumblingProcessingTimeWindows of(Duration size, Duration offset = {}) {
        detail::requirePositive("TumblingProcessingTimeWindows::of", "size", size);
        detail::requireOffsetBelow("TumblingProcessingTimeWindows::of", offset, "size", size);
        return {size, offset};
    }

    Duration size() const noexcept { return size_; }
    Duration offset() const noexcept { return offset_; }
    ProcessingTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    TimeWindow assignWindow(const T&, Timestamp, const AssignerContext& context) const noexcept {
        const detail::WindowGrid grid(size_, size_, offset_);
        return grid.window(grid.sliceOf(context.currentProcessingTime()));
    }

private:
    TumblingProcessingTimeWindows(Duration size, Duration offset) noexcept : size_(size), offset_(offset) {}

    Duration size_;
    Duration offset_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TUMBLING_PROCESSING_TIME_WINDOWS_HPP
