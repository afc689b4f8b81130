#ifndef MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_IPP
#define MILLRACE_RUNTIME_CHECKPOINT_PARTICIPANT_IPP

#include <millrace/core/planted_bugs.hpp>
#include <millrace/runtime/channel_state.hpp>
#include <millrace/runtime/checkpoint_coordinator.hpp>
#include <millrace/runtime/checkpoint_participant.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD CheckpointParticipant::CheckpointParticipant(Task& task, CheckpointCoordinator& coordinator,
                                                                  CheckpointingMode mode)
    : task_(task), coordinator_(coordinator), mode_(mode), isOpening_(coordinator.isOpening()) {}

MILLRACE_INLINE_COLD void CheckpointParticipant::trigger(std::int64_t checkpointId) {
    if (checkpointId <= last_) return;
    if (!task_.restored_.empty()) {
        deferred_ = checkpointId;
        return;
    }
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
    if (deferred_ <= checkpointId) deferred_ = 0;
    forgetEncoding(checkpointId);
    for (StageSlot& slot : task_.stages_) {
        task_.call(slot, false, [&](Stage& stage) { stage.notifyCheckpointAborted(checkpointId); });
    }
}

MILLRACE_INLINE_COLD void CheckpointParticipant::onBarrier(std::int64_t checkpointId) {
    if (checkpointId <= last_ || checkpointId < current_) return;  // given up, or overtaken by a newer one
    if (checkpointId != current_) {
        release();
        firstBarrierAt_ = task_.executor().monotonicNow();
    }
    current_ = checkpointId;
    // only channels bring barriers
    arrived_.add(const_cast<Task::InputChannel&>(static_cast<const Task::InputChannel&>(*task_.batchChannel_)));
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

MILLRACE_INLINE_COLD bool CheckpointParticipant::hasArrived(const Task::BatchOrigin& channel) const noexcept {
    for (const Task::InputChannel& each : arrived_) {
        if (&each == &channel) return true;
    }
    return false;
}

MILLRACE_INLINE_COLD void CheckpointParticipant::onRestored() {
    if (const std::int64_t checkpointId = std::exchange(deferred_, 0); checkpointId != 0) trigger(checkpointId);
}

// ---- barriers that overtake -------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD bool CheckpointParticipant::overtake() {
    const std::int64_t checkpointId = overtakes_.load();
    if (checkpointId <= last_ || task_.finishing_) {  // taken, given up, or a matter of `trigger`
        std::int64_t expected = checkpointId;
        overtakes_.compare_exchange_strong(expected, 0);
        return false;
    }
    if (!mayOvertakeAll(checkpointId)) return false;
    take(checkpointId, true);
    return true;
}

MILLRACE_INLINE_COLD bool CheckpointParticipant::mayOvertakeAll(std::int64_t checkpointId) const {
    for (const Task::InputChannel& each : task_.channels_) {
        if (each.channel.announced() < checkpointId) return false;
        if (mayOvertakeOn(each.exchange) || (current_ == checkpointId && hasArrived(each))) continue;
        for (const Task::InputChannel& open : task_.openChannels_) {
            if (&open == &each) return false;
        }
        if (current_ != checkpointId && hasArrived(each)) return false;  // blocked behind a barrier that was given up
    }
    return true;
}

/// Writes what is in front of the barriers, and where event time is in all channels; returns its bytes.
MILLRACE_INLINE_COLD std::uint64_t CheckpointParticipant::saveOvertaken(std::int64_t checkpointId,
                                                                        SnapshotSink& sink) const {
    struct Saved {
        const Task::InputChannel* channel;
        ChannelStateWriter writer;
    };
    OwnerList<Saved> pieces;
    bool any = false;
    for (const Task::InputChannel& each : task_.channels_) {
        const RecordCodec* codec = nullptr;  // of the input: of its channels some may have to wait, and need none
        for (const Task::InputChannel& other : task_.channels_) {
            if (&other.input == &each.input && codec == nullptr) codec = other.edge.ports->recordCodec();
        }
        if (codec == nullptr) codec = channelCodec(*each.edge.ports, each.exchange);
        const WatermarkValve& valve = each.input.valve;
        ChannelStateWriter& writer =
            pieces
                .add(new Saved{&each, ChannelStateWriter(*codec, valve.reached(), valve.watermarkOf(each.indexInValve),
                                                         valve.isIdle(each.indexInValve))})
                .writer;
        if (current_ == checkpointId && hasArrived(each)) continue;
        bool barrierIsAtHand = false;
        if (task_.batch_ != nullptr && task_.batchChannel_ == &each) {
            const Batch& batch = *task_.batch_;
            writer.add(batch, task_.batchPosition_, task_.batchMark_);
            barrierIsAtHand = batch.control == ControlKind::EndOfInput ||
                              (batch.control == ControlKind::Barrier && batch.controlId >= checkpointId);
        }
        PointerList<Batch> batches;
        if (!barrierIsAtHand) each.channel.unread(checkpointId, batches);
        for (const Batch& batch : batches) writer.add(batch, 0, 0);
        any = any || !writer.empty();
    }
    if (!any || MILLRACE_PLANTED(OvertakenIsLost)) return 0;
    std::uint64_t bytes = 0;
    const std::string& uid = task_.stages_.front().node->operators.front().uid;
    for (const Saved& each : pieces) {
        const std::string name = channelStateName(each.channel->input.logical);
        sink.describe(uid, name, channelStateLayout(each.writer.codec()));
        sink.write(uid, name, kChannelState, each.writer.bytes());
        bytes += each.writer.bytes().size();
    }
    return bytes;
}

// -----------------------------------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD void CheckpointParticipant::takeIfComplete() {
    for (const Task::InputChannel& channel : task_.openChannels_) {
        if (!MILLRACE_PLANTED(FirstBarrierCounts) && !hasArrived(channel)) return;
    }
    take(current_);
}

MILLRACE_INLINE_COLD void CheckpointParticipant::take(std::int64_t checkpointId, bool overtakes) {
    last_ = checkpointId;
    if (coordinator_.endsAttempt(checkpointId)) pausedBy_ = checkpointId;
    const Duration began = task_.executor().monotonicNow();
    // who does nothing more has nothing to do meanwhile
    const bool atOnce = task_.finishing_ || pausedBy_ == checkpointId || !coordinator_.encodesGradually();
    auto part = std::make_shared<DeferredSnapshot>(atOnce ? SIZE_MAX : task_.executor().gradualFrom());
    SnapshotCost cost;
    if (overtakes) {
        task_.stages_.front().call([&](Stage&) { cost.inFlightBytes = saveOvertaken(checkpointId, *part); });
    }
    if (current_ == checkpointId) cost.alignment = began - firstBarrierAt_;
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
    cost.pause = task_.executor().monotonicNow() - began;
    if (part->isWhole()) return coordinator_.acknowledge(task_.id(), checkpointId, std::move(part), cost);
    encodings_.add(new Encoding{checkpointId, std::move(part), cost});
    encodes_ = true;
}

MILLRACE_INLINE_COLD void CheckpointParticipant::encodeSome() {
    Encoding& first = encodings_.front();
    const Duration began = task_.executor().monotonicNow();
    const std::size_t slots = task_.executor().slotsAtOnce();
    bool goesOn = false;
    try {
        goesOn = first.part->encodeSome(slots);
    } catch (...) {
        task_.stageOf(first.part->uidAtHand()).rethrowWithPlace();
    }
    first.cost.pause = std::max(first.cost.pause, task_.executor().monotonicNow() - began);
    if (goesOn) return;
    const std::unique_ptr<Encoding> whole(encodings_.release(0));
    encodes_ = !encodings_.empty();
    coordinator_.acknowledge(task_.id(), whole->checkpointId, std::move(whole->part), whole->cost);
}

/// Of a checkpoint that nobody wants any more.
MILLRACE_INLINE_COLD void CheckpointParticipant::forgetEncoding(std::int64_t checkpointId) noexcept {
    for (std::size_t i = encodings_.size(); i-- > 0;) {
        if (encodings_[i].checkpointId == checkpointId) delete encodings_.release(i);
    }
    encodes_ = !encodings_.empty();
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
