#ifndef MILLRACE_RUNTIME_JOB_SUPERVISOR_HPP
#define MILLRACE_RUNTIME_JOB_SUPERVISOR_HPP

#include <millrace/checkpoint/checkpoint_info.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/shared.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

namespace millrace {

class SnapshotSource;

namespace detail {

class Job;
class Task;
class Stage;
struct GraphNode;
struct JobGraph;
struct JobTasks;
struct SnapshotRequest;

/// Watches over a job: takes its checkpoints, starts it again after a failure. Jobs that asked for neither have none, and
/// their programs do not compile it.
/// *Thread safety:* `taskEnded`, `jobFailed`, `wake…` and `request` may be called from any thread; the others are called by the
/// job while no task runs.
class JobSupervisor {
public:
    virtual ~JobSupervisor() = default;
    /// Once, before anything is wired: looks for what is to be restored and checks it against the graph.
    /// *Failure:* ConfigurationException naming the operator's uid, or what reading has thrown.
    virtual void prepare(JobGraph& graph) = 0;
    /// What the subtasks of a source shared in what is restored; null: nothing is.
    virtual const SnapshotSource* restoredShared() = 0;
    /// What runs in place of a subtask of this node; null: the node's own stage. Of what had ended before the restored
    /// checkpoint was taken only the end is passed on.
    virtual Owner<Stage> replacement(const GraphNode& node) = 0;
    /// The tasks are wired, and nothing has run: gives the stages their state. `region`: only those of this region are new; -1:
    /// all are.
    virtual void attach(JobTasks& tasks, int region) = 0;
    /// The number of the region of each node, from 0. Regions are told apart for restarts only, so a job without a supervisor is
    /// one.
    virtual List<int> regions(const JobGraph& graph) const = 0;
    /// A task of a job with several regions has thrown. The supervisor starts its region again, or fails the job.
    virtual void regionFailed(Task& task, std::exception_ptr error) = 0;
    /// Some tasks have ended that will be made anew while the job runs. From any thread.
    virtual bool awaitsRegion() const noexcept = 0;
    virtual void start() = 0;
    /// The last words of a task.
    virtual void taskEnded(Task& task) = 0;
    /// The job has been told to cancel or has failed: whatever it is waiting for must be looked at again.
    virtual void stateChanged() = 0;
    /// Asks for a checkpoint or savepoint; the request says when it is done.
    virtual void request(std::shared_ptr<SnapshotRequest> request) = 0;
    /// Of the latest checkpoints, oldest first.
    virtual std::vector<CheckpointStatistics> statistics() const = 0;
};

/// How a job gets its supervisor; set by whoever asks for checkpoints or restarts.
class JobSupervision : public SharedObject {
public:
    virtual Owner<JobSupervisor> create(Job& job) const = 0;
};

/// How a task takes part in checkpoints. *Thread safety:* the task's own thread only.
class TaskCheckpoints {
public:
    virtual ~TaskCheckpoints() = default;
    /// A barrier came in over the channel that the task is reading.
    virtual void onBarrier(std::int64_t checkpointId) = 0;
    /// A channel came to its end.
    virtual void onChannelEnded() = 0;
    /// Channels that wait behind a barrier for the others.
    virtual bool hasBlockedChannels() const noexcept = 0;
    /// The task must not go on: a snapshot that it has taken is the last thing that it does in this attempt.
    virtual bool paused() const noexcept = 0;
    /// All its stages are open.
    virtual void opened() = 0;
    /// All that was restored has been handled.
    virtual void onRestored() = 0;
    /// Takes the checkpoint that `overtakes` names as soon as its barrier has been sent over all channels, whatever else is on
    /// its way in them; true when it has. Not in the middle of a call, and not before all that was restored has been handled.
    virtual bool overtake() = 0;
    bool mayOvertake() const noexcept { return overtakes_.load(std::memory_order_relaxed) != 0; }
    /// Encodes a little of what a snapshot has put off. Before every step of the task, as long as `encodes`.
    virtual void encodeSome() = 0;
    bool encodes() const noexcept { return encodes_; }
    /// All input has been handled; false: a last checkpoint has to cover what the task has done, and will wake it.
    virtual bool mayEnd() = 0;

protected:
    bool encodes_ = false;
    std::atomic<std::int64_t> overtakes_{0};  ///< set from any thread; 0: barriers wait their turn
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_RUNTIME_JOB_SUPERVISOR_HPP
