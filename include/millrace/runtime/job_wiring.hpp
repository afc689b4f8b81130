#ifndef MILLRACE_RUNTIME_JOB_WIRING_HPP
#define MILLRACE_RUNTIME_JOB_WIRING_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/runtime/task.hpp>

#include <cstddef>
#include <utility>

namespace millrace::detail {

/// What the subtasks of one node share.
struct SharedSlot {
    const GraphNode* node;
    Shared<SharedState> state;
};

/// The tasks of one region of a job (runtime/regions.hpp), or of all of it, and what joins them.
struct RegionTasks : WatchedObject {
    OwnerList<SharedSlot> shared;  ///< of the nodes that have some
    OwnerList<Channel> channels;
    OwnerList<SourceAlignment> alignments;
    OwnerList<Task> tasks;  // last: their ports go before the channels
};

/// The tasks of a job. It stays as it is: when a region starts again, another one takes its place, which has the other
/// regions in common with it.
struct JobTasks : SharedObject {
    List<Shared<RegionTasks>> regions;
    PointerList<Task> tasks;  ///< of all of them, by id
};

/// The consumers [first, second) that a producer's subtask talks to over a rescale edge, as Flink's pointwise pattern.
std::pair<int, int> rescaleTargets(int producer, int producers, int consumers);

/// Builds the tasks of a graph whose parallelism is resolved. `graph` must outlive the tasks.
/// A node is called directly by its producer when it has one input, equal parallelism, nothing is exchanged in between
/// (or nothing can be: one subtask on both sides) and both may be chained; everything else goes over channels.
/// `supervisor` (may be null) knows what is restored. `before`, where given: only `region` is made anew, the others are those.
/// *Failure:* GraphException or ConfigurationException for what cannot be wired; what a factory or a restore throws.
Shared<JobTasks> wireJob(const JobGraph& graph, JobControl& job, TaskExecutor& executor, Accumulators& accumulators,
                         JobSegmentPool& segments, StateMemoryBudget& stateMemory, JobSupervisor* supervisor = nullptr,
                         const JobTasks* before = nullptr, int region = -1);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/job_wiring.ipp>
#endif

#endif  // MILLRACE_RUNTIME_JOB_WIRING_HPP
