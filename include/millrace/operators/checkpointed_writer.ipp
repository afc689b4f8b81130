#ifndef MILLRACE_OPERATORS_CHECKPOINTED_WRITER_IPP
#define MILLRACE_OPERATORS_CHECKPOINTED_WRITER_IPP

#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/operators/checkpointed_writer.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void failCommit(const std::string& reason) {
    raise<IoException>("the output of a completed checkpoint cannot be committed: {}", {reason});
}

MILLRACE_INLINE_COLD void failCommitRetries(const std::string& reason) {
    raise<IoException>(
        "the output of a completed checkpoint cannot be committed: the committer has asked for another try {} "
        "times{}{}",
        {kMaxCommitRetries + 1, reason.empty() ? "" : "; last: ", reason});
}

MILLRACE_INLINE_COLD void logDroppedCommittable(const OperatorId& id, int subtask, const std::string& reason) {
    log(LogLevel::Error,
        message("operator '{}' (uid '{}', subtask {}): output was dropped, since it cannot be committed: {}",
                {id.name, id.uid, subtask, reason}));
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_CHECKPOINTED_WRITER_IPP
