#ifndef MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_IPP
#define MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_IPP

#include <millrace/core/planted_bugs.hpp>
#include <millrace/runtime/checkpoint_coordinator.hpp>
#include <millrace/runtime/checkpoint_participant.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD CheckpointParticipant::CheckpointParticipant(Task& task, CheckpointCoordinator& coordinator,
                                                                  CheckpointingMode mode)
    : task_(task), coordinator_(coordinator), mode_(mode), isOpening_(coordinator.isOpening()) {}

MILLRACE_INLINE_COLD void CheckpointParticipant::trigger(std::int64_t checkpointId) {
    if (checkpointId <= last_) return;
    if (task_.finishing_) {
        // its end has been sent already: no barrier may follow it. Who does not await anything just ends.
        if (!awaiting_) return;
        if (final_ == 0) final_ = checkpointId;
    }
    take(checkpointId);
}

MILLRACE_INLINE_COLD void CheckpointParticipant::opened() {
    if (isOpening_) coordinator_.opened(task_.id());
}

MILLRACE_INLINE_COLD void CheckpointParticipant::complete(std::int64_t checkpointId, bool confirm) {
    for (StageSlot& slot : task_.stages_) {
        task_.call(slot, false, [&](Stage& stage) { stage.notifyCheckpointComplete(checkpointId); });
    }
    if (final_ != 0 && checkpointId >= final_) {
        final_ = 0;
        drained_ = true;
    }
    awaiting_ =
        false;  // the coordinator has forgotten it, too: mayEnd tells it again if there is still something to wait for
    if (confirm) coordinator_.confirm(task_.id());
}

MILLRACE_INLINE_COLD void CheckpointParticipant::abort(std::int64_t checkpointId) {
    last_ = std::max(last_, checkpointId);
    if (!MILLRACE_PLANTED(AbortedBarrierBlocks) && current_ != 0 && current_ <= checkpointId) release();
    if (final_ == checkpointId) final_ = 0;
    if (pausedBy_ <= checkpointId) pausedBy_ = 0;  // not for a later one, which may have come before this mail
    for (StageSlot& slot : task_.stages_) {
        task_.call(slot, false, [&](Stage& stage) { stage.notifyCheckpointAborted(checkpointId); });
    }
}

MILLRACE_INLINE_COLD void CheckpointParticipant::onBarrier(std::int64_t checkpointId) {
    if (checkpointId <= last_ || checkpointId < current_) return;  // given up, or overtaken by a newer one
    if (checkpointId != current_) release();
    current_ = checkpointId;
    arrived_.add(*task_.batchChannel_);
    if (mode_ == CheckpointingMode::ExactlyOnce) {
        for (std::size_t i = 0; i < task_.openChannels_.size(); ++i) {
            if (&task_.openChannels_[i] == task_.batchChannel_) task_.openChannels_.removeAt(i);
        }
    }
    takeIfComplete();
}

MILLRACE_INLINE_COLD void CheckpointParticipant::onChannelEnded() {
    if (current_ != 0) takeIfComplete();
}

MILLRACE_INLINE_COLD bool CheckpointParticipant::hasArrived(const Task::InputChannel& channel) const noexcept {
    for (const Task::InputChannel& each : arrived_) {
        if (&each == &channel) return true;
    }
    return false;
}

MILLRACE_INLINE_COLD void CheckpointParticipant::takeIfComplete() {
    for (const Task::InputChannel& channel : task_.openChannels_) {
        if (!MILLRACE_PLANTED(FirstBarrierCounts) && !hasArrived(channel)) return;
    }
    take(current_);
}

MILLRACE_INLINE_COLD void CheckpointParticipant::take(std::int64_t checkpointId) {
    last_ = checkpointId;
    if (coordinator_.endsAttempt(checkpointId)) pausedBy_ = checkpointId;
    const Duration began = task_.executor().monotonicNow();
    auto part = std::make_shared<DeferredSnapshot>();
    for (StageSlot& slot : task_.stages_) {
        task_.call(slot, false, [&](Stage& stage) { stage.prepareBarrier(checkpointId); });
    }
    for (StageSlot& slot : task_.stages_) {
        task_.call(slot, false, [&](Stage& stage) { stage.snapshot(*part); });
    }
    if (!task_.finishing_) {
        for (Port& port : task_.ports_) port.onBarrier(checkpointId);
    }
    task_.executor().trace(0xba000000 + static_cast<std::uint64_t>(checkpointId));
    if (current_ != 0 && current_ <= checkpointId) release();
    coordinator_.acknowledge(task_.id(), checkpointId, std::move(part), task_.executor().monotonicNow() - began);
}

/// Forgets the barrier that was being collected, and reads on from the channels that waited.
MILLRACE_INLINE_COLD void CheckpointParticipant::release() {
    if (mode_ == CheckpointingMode::ExactlyOnce) {
        for (Task::InputChannel& channel : arrived_) task_.openChannels_.add(channel);
    }
    arrived_.clear();
    current_ = 0;
}

MILLRACE_INLINE_COLD bool CheckpointParticipant::mayEnd() {
    bool awaits = !drained_ && coordinator_.drainsIntoSavepoint();
    for (const StageSlot& slot : task_.stages_) awaits = awaits || slot.stage->awaitsFinalCheckpoint();
    if (!awaits) return true;
    if (!std::exchange(awaiting_, true)) coordinator_.awaitsFinalCheckpoint(task_.id());
    return false;
}

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_IPP
