#ifndef MILLRACE_RUNTIME_RESTORE_PROBLEMS_IPP
#define MILLRACE_RUNTIME_RESTORE_PROBLEMS_IPP

#include <millrace/core/message.hpp>
#include <millrace/runtime/restore_problems.hpp>
#include <millrace/runtime/stage_slot.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::vector<std::string> restoreProblems(const StoredCheckpoint& checkpoint,
                                                              const JobGraph& graph) {
    const CheckpointDescription& saved = checkpoint.description();
    const std::string name = message({"checkpoint ", saved.id, " (", checkpoint.place(), ")"});
    std::vector<std::string> problems;
    if (!checkpoint.hasSchemas()) {
        problems.push_back(
            message({name,
                     " has format version 1, which does not say what types its state has, so that this version of"
                     " millrace cannot restore it. Take a savepoint with the version that wrote it only to look at"
                     " it; to begin anew use an empty directory"}));
    }
    if (graph.maxParallelismGiven && graph.maxParallelism != saved.maxParallelism) {
        problems.push_back(
            message({name, " was taken with maximum parallelism ", saved.maxParallelism, ", but setMaxParallelism(",
                     graph.maxParallelism, ") asks for another: keyed state cannot be spread anew; set it to ",
                     saved.maxParallelism, " or leave it unset"}));
    }
    for (const GraphNode& node : graph.nodes) {
        if (*node.parallelism <= saved.maxParallelism) continue;
        problems.push_back(message({"the parallelism of '", operatorNames(node), "' is ", *node.parallelism, ", but ",
                                    name, " was taken with maximum parallelism ", saved.maxParallelism,
                                    "; no operator may have more subtasks than that"}));
    }
    return problems;
}

MILLRACE_INLINE_COLD const OperatorInfo* operatorOf(const JobGraph& graph, std::string_view uid) {
    for (const GraphNode& node : graph.nodes) {
        for (const OperatorInfo& info : node.operators) {
            if (info.uid == uid) return &info;
        }
    }
    return nullptr;
}

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_RESTORE_PROBLEMS_IPP
