#ifndef MILLRACE_WINDOWING_SLIDING_EVENT_TIME_WINDOWS_IPP
#define MILLRACE_WINDOWING_SLIDING_EVENT_TIME_WINDOWS_IPP

#include <millrace/windowing/sliding_event_time_windows.hpp>

#include <millrace/core/errors.hpp>
#include <millrace/types/describe.hpp>

#include <string>

namespace millrace {

MILLRACE_INLINE SlidingEventTimeWindows SlidingEventTimeWindows::of(Duration size, Duration slide, Duration offset) {
    constexpr std::int64_t kMaxWindowsPerRecord = 10'000'000;
    const auto got = [&] {
        return "got size " + detail::describeDuration(size) + ", slide " + detail::describeDuration(slide) +
               ", offset " + detail::describeDuration(offset);
    };
    if (size <= Duration::zero() || slide <= Duration::zero()) {
        throw ConfigurationException("SlidingEventTimeWindows::of: size and slide must be positive, " + got());
    }
    if (offset >= slide || offset <= -slide) {
        throw ConfigurationException("SlidingEventTimeWindows::of: the offset must be smaller than the slide, " +
                                     got());
    }
    if (size / slide > kMaxWindowsPerRecord) {
        throw ConfigurationException(
            "SlidingEventTimeWindows::of: a record would belong to more than 10000000 windows (size / slide), " +
            got() + "; use a larger slide");
    }
    return {size, slide, offset};
}

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_SLIDING_EVENT_TIME_WINDOWS_IPP
