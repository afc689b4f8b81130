#ifndef MILLRACE_WINDOWING_TUMBLING_PROCESSING_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_TUMBLING_PROCESSING_TIME_WINDOWS_HPP

#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>
#include <millrace/windowing/window_stagger.hpp>

#include <cstdint>

namespace millrace {

/// Windows of equal length by the clock of the machine: a record belongs to the one in which it arrives. @public
/// *Failure:* `of` throws ConfigurationException unless size > 0 and |offset| < size.
class TumblingProcessingTimeWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = false;
    static constexpr bool kMerging = false;

    static TumblingProcessingTimeWindows of(Duration size, Duration offset = {},
                                            WindowStagger stagger = WindowStagger::Aligned) {
        detail::requirePositive("TumblingProcessingTimeWindows::of", "size", size);
        detail::requireOffsetBelow("TumblingProcessingTimeWindows::of", offset, "size", size);
        return {size, offset, stagger};
    }

    Duration size() const noexcept { return size_; }
    Duration offset() const noexcept { return offset_; }
    WindowStagger stagger() const noexcept { return stagger_; }
    /// With the first record of a subtask; moves the offset.
    void beginStagger(Timestamp now, std::uint64_t seed) noexcept {
        offset_ = (offset_ + detail::staggerOf(stagger_, now, seed, size_)) % size_;
    }
    ProcessingTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    TimeWindow assignWindow(const T&, Timestamp, const AssignerContext& context) const noexcept {
        const detail::WindowGrid grid(size_, size_, offset_);
        return grid.window(grid.sliceOf(context.currentProcessingTime()));
    }

private:
    TumblingProcessingTimeWindows(Duration size, Duration offset, WindowStagger stagger) noexcept
        : size_(size), offset_(offset), stagger_(stagger) {}

    Duration size_;
    Duration offset_;
    WindowStagger stagger_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TUMBLING_PROCESSING_TIME_WINDOWS_HPP
