#ifndef MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_IPP
#define MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_IPP

#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include <millrace/core/errors.hpp>

#include <string>

namespace millrace {

MILLRACE_INLINE_COLD TumblingEventTimeWindows TumblingEventTimeWindows::of(Duration size, Duration offset) {
    if (size <= Duration::zero()) {
        throw ConfigurationException("TumblingEventTimeWindows::of: the size must be positive, got " +
                                     std::to_string(size.count()) + " ns");
    }
    if (offset >= size || offset <= -size) {
        throw ConfigurationException(
            "TumblingEventTimeWindows::of: the offset must be smaller than the size, got offset " +
            std::to_string(offset.count()) + " ns and size " + std::to_string(size.count()) + " ns");
    }
    return {size, offset};
}

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_IPP
