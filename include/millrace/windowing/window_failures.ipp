#ifndef MILLRACE_WINDOWING_WINDOW_FAILURES_IPP
#define MILLRACE_WINDOWING_WINDOW_FAILURES_IPP

#include <millrace/windowing/window_failures.hpp>

#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

namespace millrace::detail {

[[noreturn]] MILLRACE_INLINE_COLD void throwWindowFailure(const OperatorId& id, int subtask, const char* what) {
    raise<MillraceException>("operator '{}' (uid '{}', subtask {}): {}", {id.name, id.uid, subtask, what});
}

MILLRACE_INLINE_COLD void throwWithoutTimestamp(const OperatorId& id, int subtask) {
    throwWindowFailure(id, subtask,
                       "a record has no timestamp, but event-time windows need one. Did you forget to call "
                       "assignTimestampsAndWatermarks?");
}

MILLRACE_INLINE_COLD void throwMergedTooEarly(const OperatorId& id, int subtask) {
    throwWindowFailure(id, subtask,
                       "windows were merged into one that ended, with the allowed lateness, before the current "
                       "watermark; a merging window assigner must not make windows that end earlier than those they "
                       "are merged from");
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_FAILURES_IPP
