#ifndef MILLRACE_RUNTIME_CHECKPOINT_COORDINATOR_HPP
#define MILLRACE_RUNTIME_CHECKPOINT_COORDINATOR_HPP

#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/checkpoint/subtask_state.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/graph/graph_scale.hpp>
#include <millrace/runtime/blocking_work_thread.hpp>
#include <millrace/runtime/channel_state.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/job_supervisor.hpp>
#include <millrace/runtime/snapshot_cost.hpp>
#include <millrace/runtime/snapshot_request.hpp>
#include <millrace/state/deferred_snapshot.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace millrace::detail {

class CheckpointParticipant;

/// Takes the checkpoints of a job and starts it again when it has failed. An actor like the job's tasks: it runs on their
/// threads (in a simulation under the same seed and clock), and what it hears comes as messages. Files are written by a
/// thread of its own where there are threads at all.
///
/// A checkpoint: sources are told by mail and send a barrier; each task acknowledges with its state, which is written at
/// once; when all have, and everything is written, the description makes it count; then the tasks are told.
class CheckpointCoordinator final : public JobSupervisor, private Actor {
public:
    CheckpointCoordinator(Job& job, CheckpointConfig config, std::shared_ptr<CheckpointStore> store,
                          CheckpointOpener open);
    MILLRACE_INLINE ~CheckpointCoordinator() override;

    // ---- the job ----
    MILLRACE_INLINE void prepare(JobGraph& graph) override;
    MILLRACE_INLINE const SnapshotSource* restoredShared() override;
    MILLRACE_INLINE Owner<Stage> replacement(const GraphNode& node) override;
    MILLRACE_INLINE void attach(JobTasks& tasks, int region) override;
    MILLRACE_INLINE List<int> regions(const JobGraph& graph) const override;
    MILLRACE_INLINE void regionFailed(Task& task, std::exception_ptr error) override;
    bool awaitsRegion() const noexcept override { return awaitsRegion_.load(); }
    MILLRACE_INLINE void start() override;
    MILLRACE_INLINE void taskEnded(Task& task) override;
    MILLRACE_INLINE void stateChanged() override;
    MILLRACE_INLINE void request(std::shared_ptr<SnapshotRequest> request) override;
    MILLRACE_INLINE std::vector<CheckpointStatistics> statistics() const override;

    // ---- the tasks ----
    void acknowledge(int task, std::int64_t checkpointId, std::shared_ptr<DeferredSnapshot> part,
                     const SnapshotCost& cost);
    void awaitsFinalCheckpoint(int task);
    /// Has been told that the checkpoint is complete that the job ends with.
    void confirm(int task);
    /// All stages of the task are open.
    void opened(int task);
    /// Tasks are to open and to wait for the others: if one cannot, nothing has happened yet.
    bool isOpening() const noexcept { return oldScale_ != nullptr; }
    /// Whether tasks may encode large tables by and by. Not where blocks are recognised: the order of entries would be another
    /// one each time.
    bool encodesGradually() const noexcept { return !config_.incremental; }
    /// Whether the tasks do nothing any more once they have taken this checkpoint: the job ends with it, or is rescaled.
    bool endsAttempt(std::int64_t checkpointId) const noexcept { return lastOfAttempt_.load() == checkpointId; }
    /// All tasks await a last checkpoint: the savepoint that the job ends with.
    bool drainsIntoSavepoint() const noexcept { return drains_.load(); }

private:
    struct Member {
        Task* task = nullptr;
        CheckpointParticipant* part = nullptr;
        bool isSource = false;
        bool ended = false;
        bool awaiting = false;   ///< all its input has been handled; waits for a checkpoint
        bool confirmed = false;  ///< has committed the checkpoint that the job ends with
        bool opened = false;
        std::vector<std::shared_ptr<SubtaskState>> states{};  ///< what its stages restore, until they have opened
    };
    /// Tasks that are joined with each other and with no others. One that has failed starts again by itself, from the newest
    /// checkpoint: what the others have done since is no concern of its. No checkpoint is taken meanwhile.
    struct Region {
        enum class State : std::uint8_t { Up, Closing, Waiting };
        State state = State::Up;
        std::exception_ptr why{};
        Duration restartAt{0};
    };
    struct Message {
        enum class Kind : std::uint8_t {
            Acknowledged,
            Written,
            Completed,
            Failed,
            TaskEnded,
            RegionFailed,
            Awaiting,
            Confirmed,
            Opened,
            StateChanged
        };
        Kind kind;
        int task = -1;
        std::int64_t checkpoint = 0;
        std::shared_ptr<DeferredSnapshot> part{};
        SnapshotCost cost{};
        std::shared_ptr<CheckpointInfo> info{};
        std::exception_ptr error{};
    };
    /// A checkpoint that is under way.
    struct Pending {
        CheckpointDescription description;
        Duration began{0};
        SnapshotCost cost{};     ///< the longest times, all bytes
        bool overtakes = false;  ///< barriers need not wait their turn any more
        List<bool> missing;      ///< by task: has not acknowledged yet
        List<bool> finished;     ///< by task: had ended before the barrier reached it
        std::size_t missingCount = 0;
        std::size_t writing = 0;
        bool completing = false;
        std::vector<std::string> unionLists{};     ///< uids of operators that have written some
        std::shared_ptr<SnapshotRequest> request;  ///< null: periodic, or the last one
    };
    enum class Phase : std::uint8_t { Running, Restarting, Ending };

    MILLRACE_INLINE WeakReference keeper() const noexcept override;
    MILLRACE_INLINE Outcome advance() noexcept override;
    void onEnded() override { job_.finish(); }

    Outcome work();
    void send(Message message);
    bool takeMessages();
    void handle(Message& message);
    void onTaskEnded(int task);
    void onCompleted(Message& message);

    void triggerDue();
    std::shared_ptr<SnapshotRequest> nextRequest();
    Duration endOfPause() const;
    void endIfStopped();
    bool allSourcesEnded() const noexcept;
    bool allOpenTasksAwait() const noexcept;
    void trigger(std::shared_ptr<SnapshotRequest> request);
    void expire();
    /// Whether it is a savepoint that the job is to end with: it takes the place of the checkpoints before it.
    static bool endsInSavepoint(const Pending& pending) noexcept;
    bool mayOvertake(const Pending& pending) const noexcept;
    void overtakeDue();
    void checkCodecs(const Task& task) const;
    void restoreInFlight(StageSlot& slot, Task& task);
    const ChannelPieces& piecesOf(const std::string& uid, const std::string& state, const RecordCodec& codec);
    Pending* find(std::int64_t checkpointId);
    void record(const Pending& pending, CheckpointStatus status, std::uint64_t bytes, std::string failure);
    void completeIfReady(Pending& pending);
    void giveUp(Pending& pending, std::exception_ptr why, bool counts);
    void giveUpAll(const char* why);
    void forgetShared();
    /// Of the completed checkpoints, the newest; those newer than `confirmed` stay.
    void keepOnly(int retained, std::int64_t confirmed);
    template <class Work>
    void write(std::int64_t checkpointId, Message::Kind kind, Work work);
    template <class Fn>
    void mailTo(const Member& member, Fn fn);

    void onRegionFailed(int task, const std::exception_ptr& error);
    void endRegionIfClosed(std::size_t region);
    void restartRegions();
    bool anyRegionDown() const noexcept;
    std::shared_ptr<const StoredCheckpoint> newestToRestore();

    void attemptOver();
    void restartNow();
    bool prepareRescale(SnapshotRequest& request);
    bool beginsRescale();
    bool revertsRescale();
    void endRescaleIfOpen();
    void end();
    void failRequests(const char* why);
    void check(const StoredCheckpoint& checkpoint, const JobGraph& graph) const;
    void restoreFrom(std::shared_ptr<const StoredCheckpoint> checkpoint);
    std::shared_ptr<const StoredCheckpoint> newestInStore();
    std::shared_ptr<const StoredCheckpoint> newerOf(std::shared_ptr<const StoredCheckpoint> found,
                                                    const std::string& path) const;
    void wakeAt(Duration monotonic);
    Duration clock() const { return executor().monotonicNow(); }

    Job& job_;
    const CheckpointConfig config_;
    std::shared_ptr<CheckpointStore> store_;
    CheckpointOpener open_;
    const JobGraph* graph_ = nullptr;
    std::string fingerprint_;                           ///< of the execution plan
    std::vector<std::int64_t> damaged_;                 ///< checkpoints that were passed over: not counted as retained
    std::shared_ptr<const StoredCheckpoint> initial_;   ///< what the job began with
    std::shared_ptr<const StoredCheckpoint> restored_;  ///< what this attempt began with
    std::unique_ptr<SharedPieces> restoredShared_;
    struct InFlight {
        std::string uid;
        std::string state;
        ChannelPieces pieces;
    };
    OwnerList<InFlight> inFlight_;  ///< while the stages get what was on its way into them

    // messages
    mutable std::mutex mutex_;
    std::vector<Message> inbox_;
    std::vector<std::shared_ptr<SnapshotRequest>> requests_;
    std::vector<CheckpointStatistics> statistics_;  ///< oldest first
    bool closed_ = false;                           ///< requests come too late
    std::vector<Message> messages_;

    // its own thread
    Phase phase_ = Phase::Running;
    std::vector<Member> members_;  ///< by task id
    std::vector<Region> regions_;
    std::atomic<bool> awaitsRegion_{false};
    std::vector<Shared<SharedState>> shared_;
    std::size_t openTasks_ = 0;
    OwnerList<Pending> pending_;  ///< oldest first
    std::int64_t nextId_ = 1;
    std::int64_t firstId_ = 1;  ///< of this run
    int failuresInARow_ = 0;
    Duration nextTrigger_ = Duration::max();
    Duration nextFinal_ = Duration::min();
    Duration lastEnd_ = Duration::min();
    Duration restartAt_{0};
    Duration armed_ = Duration::max();  ///< the executor wakes this then
    RestartStrategy::State restarts_;
    std::shared_ptr<SnapshotRequest> stopping_;  ///< what ends the job is under way
    bool stopped_ = false;                       ///< it is complete, and no input is to end
    std::int64_t lastSavepoint_ = 0;             ///< with which the job was to end
    bool suspended_ = false;                     ///< it was a checkpoint: it stays
    std::atomic<bool> drains_{false};
    std::atomic<std::int64_t> lastOfAttempt_{0};  ///< the checkpoint that tasks pause after
    std::unique_ptr<GraphScale> newScale_;        ///< the job is to have it, once the checkpoint under way is complete
    std::unique_ptr<GraphScale> oldScale_;  ///< the job has a new one, but has not opened all its tasks with it yet
    std::exception_ptr reverted_;           ///< why the job goes back to it; told once it has
    std::int64_t goesOnFrom_ = 0;  ///< with this checkpoint the next start repeats nothing; 0: it does in any case
    std::size_t workAtIo_ = 0;
    BlockingWorkThread io_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/checkpoint_coordinator.ipp>
#endif

#endif  // MILLRACE_RUNTIME_CHECKPOINT_COORDINATOR_HPP
