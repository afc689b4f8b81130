#ifndef MILLRACE_WINDOWING_WINDOW_ARGUMENTS_IPP
#define MILLRACE_WINDOWING_WINDOW_ARGUMENTS_IPP

#include <millrace/windowing/window_arguments.hpp>

#include <millrace/core/message.hpp>
#include <millrace/types/describe.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void requirePositive(const char* where, const char* what, Duration duration) {
    if (duration > Duration::zero()) return;
    raise<ConfigurationException>("{}: the {} must be positive, got {}", {where, what, describeDuration(duration)});
}

MILLRACE_INLINE_COLD void requirePositive(const char* where, const char* what, std::int64_t count) {
    if (count > 0) return;
    raise<ConfigurationException>("{}: the {} must be positive, got {}", {where, what, count});
}

MILLRACE_INLINE_COLD void requireOffsetBelow(const char* where, Duration offset, const char* limitName,
                                             Duration limit) {
    if (offset < limit && offset > -limit) return;
    raise<ConfigurationException>("{}: the offset must be smaller than the {}, got offset {} and {} {}",
                                  {where, limitName, describeDuration(offset), limitName, describeDuration(limit)});
}

MILLRACE_INLINE_COLD void requireFewWindows(const char* where, Duration size, Duration step) {
    if (size / step <= 10'000'000) return;
    raise<ConfigurationException>("{}: a record would be in {} windows at once; at most 10000000 are supported",
                                  {where, size / step});
}

MILLRACE_INLINE_COLD void requireMultiple(const char* where, Duration size, Duration step) {
    if (size % step == Duration::zero()) return;
    raise<ConfigurationException>(
        "{}: the maximal size must be a multiple of the step, got step {} and maximal size {}",
        {where, describeDuration(step), describeDuration(size)});
}

MILLRACE_INLINE_COLD Duration checkedGap(const char* where, Duration gap) {
    if (gap > Duration::zero()) return gap;
    raise<WrongGapException>("{}: the gap of a record must be positive, got {}", {where, describeDuration(gap)});
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_ARGUMENTS_IPP
