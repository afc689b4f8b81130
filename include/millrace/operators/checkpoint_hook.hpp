#ifndef MILLRACE_OPERATORS_CHECKPOINT_HOOK_HPP
#define MILLRACE_OPERATORS_CHECKPOINT_HOOK_HPP

#include <millrace/core/pointer_list.hpp>
#include <millrace/state/snapshot.hpp>

#include <cstdint>

namespace millrace::detail {

/// What takes part in checkpoints inside a stage without being asked by its chain: functions that want to hear of them, lists
/// of state, what a sink commits. Added while the stage opens, so a chain that has none of these compiles nothing for them.
class CheckpointHook {
public:
    virtual ~CheckpointHook() = default;
    /// Before the snapshot of this id: may still emit and write.
    virtual void prepareBarrier(std::int64_t checkpointId) { (void)checkpointId; }
    virtual void snapshot(std::int64_t checkpointId, SnapshotSink& sink) {
        (void)checkpointId;
        (void)sink;
    }
    virtual void completed(std::int64_t checkpointId) { (void)checkpointId; }
    virtual void aborted(std::int64_t checkpointId) { (void)checkpointId; }
    /// As `Stage::awaitsFinalCheckpoint`.
    virtual bool awaitsFinalCheckpoint() const { return false; }
};

/// The hooks of one stage, in the order of its operators from the head.
class CheckpointHooks {
public:
    void add(CheckpointHook* hook) { hooks_.add(hook); }

    void prepareBarrier(std::int64_t checkpointId) {
        lastId_ = checkpointId;
        for (CheckpointHook& hook : hooks_) hook.prepareBarrier(checkpointId);
    }
    /// Of the checkpoint that was prepared last.
    void snapshot(SnapshotSink& sink) {
        for (CheckpointHook& hook : hooks_) hook.snapshot(lastId_, sink);
    }
    void completed(std::int64_t checkpointId) {
        for (CheckpointHook& hook : hooks_) hook.completed(checkpointId);
    }
    void aborted(std::int64_t checkpointId) {
        for (CheckpointHook& hook : hooks_) hook.aborted(checkpointId);
    }
    bool awaitsFinalCheckpoint() const {
        for (const CheckpointHook& hook : hooks_) {
            if (hook.awaitsFinalCheckpoint()) return true;
        }
        return false;
    }

    const SnapshotSource* restoredFrom =
        nullptr;  ///< what the stage restores; null: it begins anew. Only while it opens.

private:
    OwnerList<CheckpointHook> hooks_;
    std::int64_t lastId_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_CHECKPOINT_HOOK_HPP
