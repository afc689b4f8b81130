#ifndef MILLRACE_RUNTIME_RESTORE_PROBLEMS_IPP
#define MILLRACE_RUNTIME_RESTORE_PROBLEMS_IPP

#include <millrace/core/message.hpp>
#include <millrace/runtime/restore_problems.hpp>
#include <millrace/runtime/stage_slot.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::vector<std::string> restoreProblems(const StoredCheckpoint& checkpoint,
                                                              const JobGraph& graph) {
    const CheckpointDescription& saved = checkpoint.description();
    const std::string name = message("checkpoint {} ({})", {saved.id, checkpoint.place()});
    std::vector<std::string> problems;
    if (!checkpoint.hasSchemas()) {
        problems.push_back(
            message("{} has format version 1, which does not say what types its state has, so that this version of "
                    "millrace cannot restore it. Take a savepoint with the version that wrote it only to look at it; "
                    "to begin anew use an empty directory",
                    {name}));
    }
    if (graph.maxParallelismGiven && graph.maxParallelism != saved.maxParallelism) {
        problems.push_back(
            message("{} was taken with maximum parallelism {}, but setMaxParallelism({}) asks for another: keyed state "
                    "cannot be spread anew; set it to {} or leave it unset",
                    {name, saved.maxParallelism, graph.maxParallelism, saved.maxParallelism}));
    }
    for (const GraphNode& node : graph.nodes) {
        if (node.parallelism <= saved.maxParallelism) continue;
        problems.push_back(
            message("the parallelism of '{}' is {}, but {} was taken with maximum parallelism {}; no operator may have "
                    "more subtasks than that",
                    {operatorNames(node), node.parallelism, name, saved.maxParallelism}));
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
