#ifndef MILLRACE_WINDOWING_WINDOW_ARGUMENTS_HPP
#define MILLRACE_WINDOWING_WINDOW_ARGUMENTS_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>

// Checks of what window assigners, triggers and evictors are made with.

namespace millrace::detail {

/// *Failure:* ConfigurationException "<where>: <what> must be positive, got …" unless `duration` > 0.
void requirePositive(const char* where, const char* what, Duration duration);
/// *Failure:* ConfigurationException unless `count` > 0.
void requirePositive(const char* where, const char* what, std::int64_t count);
/// *Failure:* ConfigurationException unless |offset| < `limit`, which `limitName` is the name of.
void requireOffsetBelow(const char* where, Duration offset, const char* limitName, Duration limit);
/// *Failure:* ConfigurationException unless a record is in at most 10 000 000 windows.
void requireFewWindows(const char* where, Duration size, Duration step);
/// *Failure:* ConfigurationException unless the maximal size `size` is a multiple of `step`.
void requireMultiple(const char* where, Duration size, Duration step);
/// The gap of a record is no gap.
class WrongGapException : public MillraceException {
public:
    using MillraceException::MillraceException;
};
/// The gap that a record gave itself. *Failure:* WrongGapException unless it is positive.
Duration checkedGap(const char* where, Duration gap);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/window_arguments.ipp>
#endif

#endif  // MILLRACE_WINDOWING_WINDOW_ARGUMENTS_HPP
