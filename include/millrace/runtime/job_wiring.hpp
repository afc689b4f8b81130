#ifndef MILLRACE_RUNTIME_JOB_WIRING_HPP
#define MILLRACE_RUNTIME_JOB_WIRING_HPP

#include <millrace/core/config.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/runtime/task.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace millrace::detail {

/// What the subtasks of one node share.
struct SharedSlot {
    const GraphNode* node;
    std::shared_ptr<SharedState> state;
};

/// The tasks of a job and what joins them.
struct JobTasks {
    OwnerList<SharedSlot> shared;  ///< of the nodes that have some
    OwnerList<Channel> channels;
    OwnerList<SourceAlignment> alignments;
    OwnerList<Task> tasks;  // last: their ports go before the channels
};

/// The consumers [first, second) that a producer's subtask talks to over a rescale edge, as Flink's pointwise pattern.
std::pair<int, int> rescaleTargets(int producer, int producers, int consumers);

/// Builds the tasks of a graph whose parallelism is resolved. `graph` must outlive the tasks.
/// A node is called directly by its producer when it has one input, equal parallelism, nothing is exchanged in between
/// (or nothing can be: one subtask on both sides) and both may be chained; everything else goes over channels.
/// `supervisor` (may be null) knows what is restored.
/// *Failure:* GraphException or ConfigurationException for what cannot be wired; what a factory or a restore throws.
JobTasks wireJob(const JobGraph& graph, JobControl& job, TaskExecutor& executor, Accumulators& accumulators,
                 JobSegmentPool& segments, JobSupervisor* supervisor = nullptr);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/job_wiring.ipp>
#endif

#endif  // MILLRACE_RUNTIME_JOB_WIRING_HPP
