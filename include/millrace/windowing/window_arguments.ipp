#ifndef MILLRACE_WINDOWING_WINDOW_ARGUMENTS_IPP
#define MILLRACE_WINDOWING_WINDOW_ARGUMENTS_IPP

#include <millrace/windowing/window_arguments.hpp>

#include <millrace/core/errors.hpp>

#include <string>

namespace millrace::detail {

MILLRACE_INLINE_COLD void requirePositive(const char* where, const char* what, Duration duration) {
    if (duration > Duration::zero()) return;
    throw ConfigurationException(std::string(where) + ": the " + what + " must be positive, got " +
                                 std::to_string(duration.count()) + " ns");
}

MILLRACE_INLINE_COLD void requirePositive(const char* where, const char* what, std::int64_t count) {
    if (count > 0) return;
    throw ConfigurationException(std::string(where) + ": the " + what + " must be positive, got " +
                                 std::to_string(count));
}

MILLRACE_INLINE_COLD void requireOffsetBelow(const char* where, Duration offset, const char* limitName,
                                             Duration limit) {
    if (offset < limit && offset > -limit) return;
    throw ConfigurationException(std::string(where) + ": the offset must be smaller than the " + limitName +
                                 ", got offset " + std::to_string(offset.count()) + " ns and " + limitName + " " +
                                 std::to_string(limit.count()) + " ns");
}

MILLRACE_INLINE_COLD void requireFewWindows(const char* where, Duration size, Duration step) {
    if (size / step <= 10'000'000) return;
    throw ConfigurationException(std::string(where) + ": a record would be in " + std::to_string(size / step) +
                                 " windows at once; at most 10000000 are supported");
}

MILLRACE_INLINE_COLD Duration checkedGap(const char* where, Duration gap) {
    if (gap > Duration::zero()) return gap;
    throw MillraceException(std::string(where) + ": the gap of a record must be positive, got " +
                            std::to_string(gap.count()) + " ns");
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_ARGUMENTS_IPP
