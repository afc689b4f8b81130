#ifndef MILLRACE_WINDOWING_SLIDING_PROCESSING_TIME_WINDOWS_HPP
#define MILLRACE_WINDOWING_SLIDING_PROCESSING_TIME_WINDOWS_HPP

#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_grid.hpp>
#include <millrace/windowing/window_stagger.hpp>

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

    static SlidingProcessingTimeWindows of(Duration size, Duration slide, Duration offset = {},
                                           WindowStagger stagger = WindowStagger::Aligned) {
        constexpr const char* kWhere = "SlidingProcessingTimeWindows::of";
        detail::requirePositive(kWhere, "size", size);
        detail::requirePositive(kWhere, "slide", slide);
        detail::requireOffsetBelow(kWhere, offset, "slide", slide);
        detail::requireFewWindows(kWhere, size, slide);
        return {size, slide, offset, stagger};
    }

    Duration size() const noexcept { return size_; }
    Duration slide() const noexcept { return slide_; }
    Duration offset() const noexcept { return offset_; }
    WindowStagger stagger() const noexcept { return stagger_; }
    /// With the first record of a subtask; moves the offset.
    void beginStagger(Timestamp now, std::uint64_t seed) noexcept {
        offset_ = (offset_ + detail::staggerOf(stagger_, now, seed, slide_)) % slide_;
    }
    ProcessingTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    void assignWindows(const T&, Timestamp, const AssignerContext& context, WindowList<TimeWindow>& windows) const {
        const detail::WindowGrid grid(size_, slide_, offset_);
        const auto [first, last] = grid.windowsOf(grid.sliceOf(context.currentProcessingTime()));
        for (std::int64_t k = last; k >= first; --k) windows.add(grid.window(k));
    }

private:
    SlidingProcessingTimeWindows(Duration size, Duration slide, Duration offset, WindowStagger stagger) noexcept
        : size_(size), slide_(slide), offset_(offset), stagger_(stagger) {}

    Duration size_;
    Duration slide_;
    Duration offset_;
    WindowStagger stagger_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_SLIDING_PROCESSING_TIME_WINDOWS_HPP
