#ifndef MILLRACE_RUNTIME_JOB_HPP
#define MILLRACE_RUNTIME_JOB_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/metrics/accumulators.hpp>
#include <millrace/runtime/executor.hpp>
#include <millrace/runtime/job_control.hpp>
#include <millrace/runtime/job_status.hpp>
#include <millrace/runtime/job_supervisor.hpp>
#include <millrace/runtime/job_wiring.hpp>
#include <millrace/runtime/segment_pool.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string>

namespace millrace {
struct StallReport;
}

namespace millrace::detail {

class GraphScale;

/// A job at run time: its tasks, the channels between them, and how it ends.
/// It keeps itself alive from `start` until its last task has ended.
/// *Thread safety:* everything but `start` may be called from any thread.
class Job final : public JobControl, public WatchedObject {
public:
    /// Builds the tasks; nothing runs yet. *Failure:* as wireJob. Must be owned by a `Shared`.
    Job(JobGraph graph, Shared<TaskExecutor> executor);
    MILLRACE_INLINE ~Job() override;
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    void start();

    void cancel();
    void stop(bool drain);
    MILLRACE_INLINE void fail(std::exception_ptr error) override;

    JobStatus status() const noexcept { return status_.load(); }
    bool ended() const noexcept { return isTerminal(status()); }
    /// False when the timeout has passed first.
    bool waitUntilEnded(Duration timeout);
    std::exception_ptr failure() const;
    /// So far, or in all.
    Duration runTime(Duration monotonicNow) const;
    const JobGraph& graph() const noexcept { return graph_; }
    Accumulators& accumulators() noexcept { return accumulators_; }
    const JobSegmentPool& segments() const noexcept { return segments_; }
    JobSegmentPool& segments() noexcept { return segments_; }
    const StateMemoryBudget& stateMemory() const noexcept { return stateMemory_; }
    /// Adds one row per node and subtask, of each task in turn; rates since the previous call, at first since the start.
    void readMetrics(Duration monotonicNow, OwnerList<OperatorMetrics>& rows);
    /// The tasks that have not ended, for a simulation that can go no further.
    std::string describeOpenTasks() const;
    /// Logs which task has held its thread for more than a second; called by the watchdog alone.
    void reportLongCalls(Duration monotonicNow);
    /// What holds event time back; see JobClient::explainStall.
    void explainStall(Duration monotonicNow, StallReport& report);
    /// Of the current attempt; for who knows that the job does not start again meanwhile.
    const PointerList<Task>& tasks() const noexcept { return wired_->tasks; }

    MILLRACE_INLINE void taskFailed(Task& task, std::exception_ptr error) override;
    MILLRACE_INLINE void taskEnded(Task& task) override;
    MILLRACE_INLINE std::function<void()> wakeUp(Actor& task) override;

    // ---- for its supervisor ----
    JobSupervisor* supervisor() const noexcept { return supervisor_.get(); }
    TaskExecutor& executor() const noexcept { return *executor_; }
    /// All tasks have ended because of a failure; the job waits to be started again. False when it was cancelled meanwhile: it
    /// then fails for good.
    bool beginRestart();
    /// All tasks have ended with a checkpoint, so that the job goes on at another parallelism. False when it was cancelled
    /// meanwhile, or has failed.
    bool beginRescale();
    /// Starts the job again, from what the supervisor has to restore. False when it was cancelled meanwhile or could not be
    /// wired: that is a failure of the job then. `goesOn`: nothing that it has done will be done again.
    bool restart(bool goesOn);
    /// All tasks of the region have ended, those of the others go on: makes them anew. What cannot be wired is a failure of the
    /// whole job.
    void restartRegion(int region);
    /// What the job will be wired by when it is started again.
    void setScale(const GraphScale& scale);
    /// Nothing can be restored: the job has failed once more, without having run.
    void failRestart(std::exception_ptr error);
    /// A checkpoint holds all there is to go on with: the tasks close where they are, and the job has finished.
    void endStopped();
    /// Nothing of it runs any more, the supervisor included: the job has ended, and may be gone when this returns.
    void finish();

private:
    /// `before`, where given: only `region` is made anew.
    Shared<JobTasks> wire(const JobTasks* before = nullptr, int region = -1);
    struct RateBase {
        std::uint64_t in = 0;
        std::uint64_t out = 0;
    };

    class Waker;
    Shared<JobTasks> attempt() const;
    void wakeAll();
    void endAttempt();
    Shared<TaskExecutor> runningOn() const;
    void addMetrics(OwnerList<OperatorMetrics>& rows) const;
    void keepMetrics();

    JobGraph graph_;
    Accumulators accumulators_;
    JobSegmentPool segments_;
    StateMemoryBudget stateMemory_;
    Shared<TaskExecutor> executor_;  ///< until the end; under mutex_, but for the start and the end themselves
    Shared<Job> self_;
    Owner<JobSupervisor> supervisor_;
    /// Of this attempt. Timers and wake-ups, which may come when there is another one already, hold a task's region weakly.
    Shared<JobTasks> wired_;
    List<int> attempts_;  ///< by region: how often it has been made
    const bool runsOnCaller_;

    std::atomic<JobStatus> status_{JobStatus::Created};
    std::atomic<std::size_t> openTasks_{0};
    Duration startedAt_{0};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::exception_ptr failure_;
    bool cancelled_ = false;  ///< while it was failing
    Duration runTime_{-1};    ///< negative: it has not ended

    mutable std::mutex metricsMutex_;
    bool metricsAtEnd_ = false;  ///< the stages are gone
    bool lacksRegion_ = false;   ///< those of one region are
    List<RateBase> rateBase_;
    Duration ratesSince_{0};
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/job.ipp>
#endif

#endif  // MILLRACE_RUNTIME_JOB_HPP
