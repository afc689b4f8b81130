#ifndef MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_IPP
#define MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_IPP

#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include <millrace/windowing/window_arguments.hpp>

namespace millrace {

MILLRACE_INLINE_COLD TumblingEventTimeWindows TumblingEventTimeWindows::of(Duration size, Duration offset) {
    constexpr const char* kWhere = "TumblingEventTimeWindows::of";
    detail::requirePositive(kWhere, "size", size);
    detail::requireOffsetBelow(kWhere, offset, "size", size);
    return {size, offset};
}

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_TUMBLING_EVENT_TIME_WINDOWS_IPP
