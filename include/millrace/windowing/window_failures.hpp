#ifndef MILLRACE_WINDOWING_WINDOW_FAILURES_HPP
#define MILLRACE_WINDOWING_WINDOW_FAILURES_HPP

#include <millrace/core/config.hpp>
#include <millrace/operators/stage.hpp>

namespace millrace::detail {

/// Throws a MillraceException: a record without a timestamp in front of event-time windows.
[[noreturn]] void throwWithoutTimestamp(const OperatorId& id, int subtask);
/// Throws a MillraceException: a merging assigner has made windows that end earlier than those they are merged from.
[[noreturn]] void throwMergedTooEarly(const OperatorId& id, int subtask);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/window_failures.ipp>
#endif

#endif  // MILLRACE_WINDOWING_WINDOW_FAILURES_HPP
