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

/// The tasks of a job and what joins them.
struct JobTasks {
    OwnerList<Channel> channels;
    OwnerList<SourceAlignment> alignments;
    OwnerList<Task> tasks;  // last: their ports go before the channels
};

/// The consumers [first, second) that a producer's subtask talks to over a rescale edge, as Flink's pointwise pattern.
std::pair<int, int> rescaleTargets(int producer, int producers, int consumers);

/// Builds the tasks of a graph whose parallelism is resolved. `graph` must outlive the tasks.
/// A node is called directly by its producer when it has one input, equal parallelism, nothing is exchanged in between
/// (or nothing can be: one subtask on both sides) and both may be chained; everything else goes over channels.
/// *Failure:* GraphException or ConfigurationException for what cannot be wired; what a factory throws.
JobTasks wireJob(const JobGraph& graph, JobControl& job, TaskExecutor& executor, Accumulators& accumulators,
                 JobSegmentPool& segments);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/job_wiring.ipp>
#endif

#endif  // MILLRACE_RUNTIME_JOB_WIRING_HPP
