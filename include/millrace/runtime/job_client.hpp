#ifndef MILLRACE_RUNTIME_JOB_CLIENT_HPP
#define MILLRACE_RUNTIME_JOB_CLIENT_HPP

#include <millrace/checkpoint/checkpoint_info.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/runtime/job_status.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace {

class SavepointSignalGuard;
struct StallReport;

namespace detail {
class Job;
class TaskExecutor;
class JobSupervisor;
struct JobGraph;
struct SnapshotRequest;
struct JobInside;
}  // namespace detail

/// A running job: what `executeAsync` returns. @public
/// *Thread safety:* all functions may be called from any thread, but `result`, `waitFor` and the destructor of a running
/// job not from inside one of its operators.
/// The destructor of the last handle cancels a job that still runs and waits until all its operators are closed. (Inside
/// an operator it only cancels: waiting for oneself would never end.)
class JobClient {
public:
    JobClient(detail::Shared<detail::Job> job, detail::Shared<detail::TaskExecutor> executor);
    ~JobClient();
    JobClient(const JobClient&) = delete;
    JobClient& operator=(const JobClient&) = delete;

    const std::string& jobName() const noexcept;
    JobStatus status() const noexcept;
    bool isDone() const noexcept { return isTerminal(status()); }

    /// Asks all operators to close at their next block. Nothing is flushed, no window fires; `result()` then throws
    /// JobCancelledException. Returns at once; without effect on a job that has ended. One that is failing does not start
    /// again: `result()` throws that failure.
    void cancel();
    /// Ends the sources; what they have emitted is still processed, and the job finishes. With `drain` a last watermark
    /// fires every window and event-time timer; without, none does (their state is meant to be resumed). Returns at once.
    /// A job with checkpoints that is stopped without draining takes a last one, with which its next run goes on.
    void stop(bool drain = true);

    // ---- jobs with checkpoints: `#include <millrace/checkpointing.hpp>` ----

    /// Takes a checkpoint now and waits for it. On CallerRuntime and SimulatedRuntime it runs the job meanwhile.
    /// *Failure:* CheckpointException with the cause nested; ConfigurationException for a job without checkpoints. Not from
    /// inside an operator.
    CheckpointInfo triggerCheckpoint();
    /// Takes a savepoint, which is the caller's to keep, into a new directory `directory`, and waits for it. Has no effect on
    /// what sinks have committed. *Failure:* as triggerCheckpoint.
    CheckpointInfo triggerSavepoint(std::string directory);
    /// Takes a savepoint and ends the job with it: with `drain` after all windows and timers have fired, else where it is.
    /// *Failure:* as triggerCheckpoint; the job then goes on, unless it drains.
    CheckpointInfo stopWithSavepoint(std::string directory, bool drain = false);
    /// Gives the operator of that uid another parallelism while the job runs: takes a checkpoint, ends all tasks without
    /// ending their input, and starts them again from it. Waits until they are open. The operators that are fused with it, and
    /// those behind it without a parallelism of their own, go with it. Sinks commit what the checkpoint covers, as with any.
    /// *Failure:* ConfigurationException or GraphException if there is no such operator, or it cannot have this parallelism;
    /// CheckpointException with the cause nested if the checkpoint fails, or the tasks do not open: the job then goes on as it
    /// was. ConfigurationException for a job without checkpoints. Not from inside an operator.
    void rescale(std::string uid, int parallelism);
    /// Of the latest checkpoints and savepoints (at most 100), oldest first.
    std::vector<CheckpointStatistics> checkpoints() const;

    /// Waits for the end. On CallerRuntime and SimulatedRuntime it runs the job on the calling thread.
    /// *Failure:* JobExecutionException with the cause nested; JobCancelledException after `cancel`.
    JobExecutionResult result();
    /// Waits until the job has ended (then true) or the time has passed: virtual time in a simulation.
    bool waitFor(Duration timeout);

    /// CallerRuntime and SimulatedRuntime: runs one task that is ready, on the calling thread; false when none was.
    /// The runtime picks among the tasks of all its jobs.
    bool step();
    /// Up to `steps` steps; returns how many found work.
    std::size_t runFor(std::size_t steps);

    /// Current values, merged over the subtasks.
    AccumulatorValues accumulators() const;
    /// One row per operator chain and subtask. Rates since the previous call, at first since the start, after the end
    /// over the whole run.
    template <class Rows = std::vector<OperatorMetrics>>  // a template so that only those who call it compile it
    Rows metrics() const {
        detail::OwnerList<OperatorMetrics> rows;
        readMetrics(rows);
        Rows sorted;
        sorted.reserve(rows.size());
        for (OperatorMetrics& row : rows) sorted.push_back(std::move(row));
        detail::heapSort(sorted.data(), sorted.size(), [](const OperatorMetrics& a, const OperatorMetrics& b) {
            return a.nodeId != b.nodeId ? a.nodeId < b.nodeId : a.subtask < b.subtask;
        });
        return sorted;
    }
    /// What holds event time back, and what to do about it: which source, subtask and split has not got further, or which
    /// sink, channel or operator blocks it. For a watermark that stands still; on a job that flows it names the slowest input.
    /// Looks at the job as it runs, without stopping it; costs nothing until it is called.
    /// Needs `#include <millrace/runtime/stall_report.hpp>`.
    template <class Report = StallReport>
    auto explainStall() const {
        if constexpr (requires { sizeof(Report); }) {
            Report report;
            explain(report);
            return report;
        } else {
            static_assert(
                requires { sizeof(Report); },
                "millrace: explainStall needs #include <millrace/runtime/stall_report.hpp>");
        }
    }
    /// Bytes of batches in the job's channels, now and at most so far.
    std::size_t channelBytes() const noexcept;
    std::size_t peakChannelBytes() const noexcept;
    /// Bytes that all states of the job have reserved in memory: what `setStateMemoryLimit` limits, and counts.
    std::size_t stateBytes() const noexcept;
    /// Simulation: a hash over every scheduling decision so far; equal seeds give equal hashes. 0 elsewhere.
    std::uint64_t traceHash() const;

private:
    friend class SavepointSignalGuard;
    friend struct detail::JobInside;  // fails tasks from outside, in tests
    detail::JobSupervisor& supervisor(const char* call) const;
    std::shared_ptr<detail::SnapshotRequest> request(const char* call, CheckpointKind kind, std::string directory = {},
                                                     bool stop = false, bool drain = false);
    CheckpointInfo await(std::shared_ptr<detail::SnapshotRequest> request);
    void readMetrics(detail::OwnerList<OperatorMetrics>& rows) const;
    void explain(StallReport& report) const;  // body in stall_report.ipp: only those who call it compile it

    detail::Shared<detail::TaskExecutor> executor_;  // destroyed after job_: it may join the threads that ran it
    detail::Shared<detail::Job> job_;
};

namespace detail {
/// Builds a job and starts it; what every runtime's `submit` does.
std::shared_ptr<JobClient> startJob(JobGraph graph, const Shared<TaskExecutor>& executor);
}  // namespace detail

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/job_client.ipp>
#endif

#endif  // MILLRACE_RUNTIME_JOB_CLIENT_HPP
