#ifndef MILLRACE_WINDOWING_PROCESSING_TIME_SESSION_WINDOWS_HPP
#define MILLRACE_WINDOWING_PROCESSING_TIME_SESSION_WINDOWS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/windowing/time_window.hpp>
#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/window_arguments.hpp>
#include <millrace/windowing/window_assigner.hpp>

#include <concepts>
#include <utility>

namespace millrace {

namespace detail {

template <class GapOf>
class DynamicProcessingTimeSessionWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = false;
    static constexpr bool kMerging = true;

    explicit DynamicProcessingTimeSessionWindows(GapOf gapOf) : gapOf_(std::move(gapOf)) {}
    ProcessingTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
        requires std::is_invocable_r_v<Duration, const GapOf&, const T&>
    TimeWindow assignWindow(const T& value, Timestamp, const AssignerContext& context) const {
        const Duration gap = checkedGap("ProcessingTimeSessionWindows::withDynamicGap", detail::invoke(gapOf_, value));
        return {context.currentProcessingTime(), saturatingAdd(context.currentProcessingTime(), gap)};
    }

private:
    GapOf gapOf_;
};

}  // namespace detail

/// Sessions by the clock of the machine: records of a key that are at most a gap apart belong to one window, from the first of them to
/// a gap behind the last. @public
/// A record that comes in between two sessions, close enough to both, makes them one.
class ProcessingTimeSessionWindows {
public:
    using Window = TimeWindow;
    static constexpr bool kEventTime = false;
    static constexpr bool kMerging = true;

    /// *Failure:* ConfigurationException unless gap > 0.
    static ProcessingTimeSessionWindows withGap(Duration gap) {
        detail::requirePositive("ProcessingTimeSessionWindows::withGap", "gap", gap);
        return ProcessingTimeSessionWindows(gap);
    }
    /// A gap of its own for every record: `gapOf(const T&)` returns a Duration. *Failure:* the job fails with a record
    /// whose gap is not positive.
    template <class GapOf>
    static detail::DynamicProcessingTimeSessionWindows<GapOf> withDynamicGap(GapOf gapOf) {
        return detail::DynamicProcessingTimeSessionWindows<GapOf>(std::move(gapOf));
    }

    Duration gap() const noexcept { return gap_; }
    ProcessingTimeTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    TimeWindow assignWindow(const T&, Timestamp, const AssignerContext& context) const noexcept {
        return {context.currentProcessingTime(), saturatingAdd(context.currentProcessingTime(), gap_)};
    }

private:
    explicit ProcessingTimeSessionWindows(Duration gap) noexcept : gap_(gap) {}
    Duration gap_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_PROCESSING_TIME_SESSION_WINDOWS_HPP
