#ifndef MILLRACE_RUNTIME_RESTORE_PROBLEMS_HPP
#define MILLRACE_RUNTIME_RESTORE_PROBLEMS_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/config.hpp>
#include <millrace/graph/job_graph.hpp>

#include <string>
#include <string_view>
#include <vector>

// What can be said of a checkpoint and a job without reading any state; for the job that begins with it, and for who asks before.

namespace millrace::detail {

/// Why the job cannot begin with the checkpoint: sentences that name it, none if it can.
std::vector<std::string> restoreProblems(const StoredCheckpoint& checkpoint, const JobGraph& graph);

/// The operator of this uid; null if there is none.
const OperatorInfo* operatorOf(const JobGraph& graph, std::string_view uid);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/restore_problems.ipp>
#endif

#endif  // MILLRACE_RUNTIME_RESTORE_PROBLEMS_HPP
