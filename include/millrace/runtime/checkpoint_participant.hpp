#ifndef MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_HPP
#define MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_HPP

#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/runtime/snapshot_cost.hpp>
#include <millrace/runtime/task.hpp>
#include <millrace/state/deferred_snapshot.hpp>

#include <cstdint>
#include <memory>

namespace millrace::detail {

class CheckpointCoordinator;

/// One task's part in the checkpoints of its job: waits for the barriers of all its channels, then lets its stages write
/// their state and sends the barrier on. Where barriers may overtake, it is enough that they have been sent: what is in front
/// of them is written to the checkpoint, too. *Thread safety:* the task's own thread only.
class CheckpointParticipant final : public TaskCheckpoints {
public:
    CheckpointParticipant(Task& task, CheckpointCoordinator& coordinator, CheckpointingMode mode);

    // ---- mail of the coordinator ----
    /// For tasks that get no barriers: sources, and those whose input has ended.
    void trigger(std::int64_t checkpointId);
    void complete(std::int64_t checkpointId, bool confirm);
    void abort(std::int64_t checkpointId);
    /// All tasks of the job are open.
    void goOn() noexcept { isOpening_ = false; }

    // ---- the coordinator, from its own thread ----
    /// Barriers of this checkpoint may overtake what is in front of them; 0: none may any more.
    void letOvertake(std::int64_t checkpointId) {
        overtakes_.store(checkpointId);
        if (checkpointId != 0) task_.wake();
    }

    // ---- calls of the task ----
    MILLRACE_INLINE void onRestored() override;
    MILLRACE_INLINE bool overtake() override;
    MILLRACE_INLINE void onBarrier(std::int64_t checkpointId) override;
    MILLRACE_INLINE void onChannelEnded() override;
    bool hasBlockedChannels() const noexcept override {
        return mode_ == CheckpointingMode::ExactlyOnce && !arrived_.empty();
    }
    bool paused() const noexcept override { return isOpening_ || pausedBy_ != 0; }
    MILLRACE_INLINE void opened() override;
    MILLRACE_INLINE bool mayEnd() override;
    MILLRACE_INLINE void encodeSome() override;

private:
    bool hasArrived(const Task::BatchOrigin& channel) const noexcept;
    bool mayOvertakeAll(std::int64_t checkpointId) const;
    std::uint64_t saveOvertaken(std::int64_t checkpointId, SnapshotSink& sink) const;
    void forgetEncoding(std::int64_t checkpointId) noexcept;
    void takeIfComplete();
    void take(std::int64_t checkpointId, bool overtakes = false);
    void release();

    Task& task_;
    CheckpointCoordinator& coordinator_;
    const CheckpointingMode mode_;
    std::int64_t current_ = 0;  ///< whose barriers are being collected; 0: none
    std::int64_t last_ = 0;     ///< taken or given up
    std::int64_t final_ = 0;    ///< the first that was taken after all input had been handled
    PointerList<Task::InputChannel>
        arrived_;                 ///< have delivered the current barrier; with exactly-once they are not read
    Duration firstBarrierAt_{0};  ///< of the current one
    std::int64_t deferred_ = 0;   ///< was to be taken while what was restored had not been handled
    bool isOpening_;              ///< waits for the other tasks to open
    std::int64_t pausedBy_ = 0;   ///< the checkpoint that is the last thing that the task does; 0: none
    /// A snapshot that is taken and not encoded to its end.
    struct Encoding {
        std::int64_t checkpointId;
        std::shared_ptr<DeferredSnapshot> part;
        SnapshotCost cost;
    };
    OwnerList<Encoding> encodings_;  ///< in the order of the checkpoints
    bool awaiting_ = false;
    bool drained_ = false;  ///< the savepoint that a draining job ends with is complete
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/checkpoint_participant.ipp>
#endif

#endif  // MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_HPP
