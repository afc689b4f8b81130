#include <millrace/runtime/task.hpp>

#include <millrace/core/algorithm.hpp>

// How a task takes its input: batches cut at their marks, watermarks through the valves, and sources.

namespace millrace::detail {

/// Takes a batch; false when there is none.
MILLRACE_INLINE bool Task::receive() {
    return first_ == nullptr ? receiveNext() : receiveFirst();
}

/// Takes a batch from the next channel in turn that has one; false when all are empty.
MILLRACE_INLINE bool Task::receiveNext() {
    const std::size_t count = openChannels_.size();
    std::size_t at = executor().firstChannel(count, nextChannel_);
    for (std::size_t i = 0; i < count; ++i, ++at) {
        if (at >= count) at = 0;
        Batch* const batch = openChannels_[at].channel.receive();
        if (batch == nullptr) continue;
        beginBatch(batch, openChannels_[at]);
        nextChannel_ = at + 1;
        executor().trace((std::uint64_t{batch->size} << 32) ^ (std::uint64_t{at} << 8) ^ batch->markCount);
        return true;
    }
    return false;
}

/// The same while one input goes before the others. Their batches are taken and kept, not left in their channels: whoever
/// feeds this task twice must not have to wait for room in one channel before it can end the other one.
MILLRACE_INLINE_COLD bool Task::receiveFirst() {
    if (first_->openChannels > 0) {
        if (!receiveNext()) return false;
        if (&batchChannel_->input == first_) return true;
        held_.push_back({batch_, batchChannel_});
        batch_ = nullptr;
        --quantumLeft_;
        return true;
    }
    if (nextHeld_ < held_.size()) {
        const HeldBatch held = held_[nextHeld_++];
        beginBatch(held.batch, *held.from);
        return true;
    }
    held_.clear();
    nextHeld_ = 0;
    first_ = nullptr;
    return receiveNext();
}

MILLRACE_INLINE_COLD void Task::restoreInput(StageSlot& slot, int input, OwnerList<RestoredChannel> channels) {
    receiveRestored_ = &Task::receiveRestored;
    const std::size_t count = channels.size();
    RestoredInput& restored =
        restored_.add(new RestoredInput{{input, count, count, WatermarkValve(count)}, slot, std::move(channels), {}});
    for (std::size_t i = 0; i < count; ++i) restored.origins.add(new BatchOrigin{restored.input, i, nullptr});
}

/// The next batch of what is restored, or the step from one input to the next.
MILLRACE_INLINE_COLD void Task::receiveRestored() {
    if (restored_.front().ended) {  // and it has been heard of
        delete restored_.release(0);
        if (!restored_.empty()) return;
        receiver_ = &stages_.front();
        if (checkpoints_ != nullptr) checkpoints_->onRestored();
        return;
    }
    RestoredInput& restored = restored_.front();
    // those of one stage together: no record may come before the watermarks that were there
    for (RestoredInput& each : restored_) {
        if (&each.slot == &restored.slot && !each.begun) return beginRestored(each);
    }
    --quantumLeft_;
    for (; restored.channel < restored.channels.size(); ++restored.channel) {
        if (Batch* const batch = restored.channels[restored.channel].take(); batch != nullptr) {
            return beginBatch(batch, restored.origins[restored.channel]);
        }
    }
    endRestored(restored);
}

/// Tells the stage how far event time had got.
MILLRACE_INLINE_COLD void Task::beginRestored(RestoredInput& restored) {
    restored.begun = true;
    receiver_ = &restored.slot;
    WatermarkValve& valve = restored.input.valve;
    Timestamp reached = kMaxTimestamp;
    for (std::size_t i = 0; i < restored.channels.size(); ++i) {
        reached = std::min(reached, restored.channels[i].reached);
        valve.watermark(i, restored.channels[i].watermark);
    }
    for (std::size_t i = 0; i < restored.channels.size(); ++i) {
        if (restored.channels[i].idle) valve.idle(i);
    }
    restored.input.restoredWatermark = std::max(reached, valve.reached());
    if (restored.input.restoredWatermark != kMinTimestamp) {
        queue({Event::Kind::Watermark, restored.input.logical, restored.input.restoredWatermark});
    }
    if (valve.isIdle()) queue({Event::Kind::Idle, restored.input.logical});
}

/// From here on its channels count: they have been idle at no time, and their watermarks may not step back.
MILLRACE_INLINE_COLD void Task::endRestored(RestoredInput& restored) {
    const WatermarkValve& valve = restored.input.valve;
    const Timestamp watermark = std::max(restored.input.restoredWatermark, valve.reached());
    receiver_ = &restored.slot;
    if (valve.isIdle()) queue({Event::Kind::Active, restored.input.logical});
    if (&restored.slot == &stages_.front()) {
        for (Input& each : inputs_) {
            if (each.logical == restored.input.logical) each.restoredWatermark = watermark;
        }
    } else {
        restored.slot.restoredWatermark = watermark;
    }
    restored.ended = true;
}

MILLRACE_INLINE void Task::beginBatch(Batch* batch, const BatchOrigin& from) noexcept {
    batch_ = batch;
    batchChannel_ = &from;
    batchPosition_ = 0;
    batchMark_ = 0;
}

/// One step through the batch at hand: a mark, a run of records up to the next one, or the control event at the end.
MILLRACE_INLINE void Task::continueBatch() {
    Batch& batch = *batch_;
    if (batchMark_ < batch.markCount && batch.marks[batchMark_].position <= batchPosition_) {
        onMark(batch.marks[batchMark_++].watermark);
        return;
    }
    if (batchPosition_ < batch.size) {
        const std::size_t from = batchPosition_;
        const std::size_t end =
            batchMark_ < batch.markCount ? std::min(batch.marks[batchMark_].position, batch.size) : batch.size;
        batchPosition_ = end;
        const int input = batchChannel_->input.logical;
        call(*receiver_, false, [&](Stage& stage) { stage.onBlock(input, batch.block(from, end - from)); });
        blockDone();
        return;
    }
    onControl();
    if (batch.size == 0) --quantumLeft_;
    batch_ = nullptr;
    batch.destroy();
}

MILLRACE_INLINE void Task::queue(const Input& input, const EventTimeChange& change) {
    if (change.hasWatermark() && change.watermark > input.restoredWatermark)
        queue({Event::Kind::Watermark, input.logical, change.watermark});
    if (change.status == StatusChange::Idle) queue({Event::Kind::Idle, input.logical});
    if (change.status == StatusChange::Active) queue({Event::Kind::Active, input.logical});
}

MILLRACE_INLINE_APART void Task::onMark(Timestamp watermark) {
    const BatchOrigin& from = *batchChannel_;
    WatermarkValve& valve = from.input.valve;
    // the valve drops watermarks of idle channels, but the last one must get through: windows depend on it
    if (watermark == kMaxTimestamp) queue(from.input, valve.active(from.indexInValve));
    queue(from.input, valve.watermark(from.indexInValve, watermark));
    if (from.live != nullptr && !from.live->waits()) [[unlikely]]
        waitFor(from);
}

/// Tells a channel when event time waits for it: from then on what is behind its watermarks cannot be late here.
MILLRACE_INLINE_COLD void Task::waitFor(const BatchOrigin& from) const noexcept {
    const WatermarkValve& valve = from.input.valve;
    const bool caughtUp = valve.watermarkOf(from.indexInValve) >= from.input.restoredWatermark;
    if (caughtUp && valve.waitsFor(from.indexInValve)) from.live->waitFor();
}

MILLRACE_INLINE_COLD void Task::onControl() {
    const BatchOrigin& from = *batchChannel_;
    Input& input = from.input;
    switch (batch_->control) {
        case ControlKind::None:
            break;
        case ControlKind::Idle:
            queue(input, input.valve.idle(from.indexInValve));
            if (from.live != nullptr) from.live->stopWaiting();
            break;
        case ControlKind::Active:
            queue(input, input.valve.active(from.indexInValve));
            if (from.live != nullptr) waitFor(from);
            break;
        case ControlKind::EndOfInput:
            for (std::size_t i = 0; i < openChannels_.size(); ++i) {
                if (&openChannels_[i] == &from) openChannels_.removeAt(i);
            }
            if (--input.openChannels == 0) queue({Event::Kind::EndInput, input.logical});
            if (checkpoints_ != nullptr) checkpoints_->onChannelEnded();
            break;
        case ControlKind::Barrier:
            if (checkpoints_ == nullptr) throw MillraceException("a barrier came to a job that takes no checkpoints");
            checkpoints_->onBarrier(batch_->controlId);
            break;
    }
}

/// Tells the head of the task one thing that the valves have decided.
MILLRACE_INLINE bool Task::runEvents() {
    if (nextEvent_ == eventCount_) {
        nextEvent_ = eventCount_ = 0;
        return false;
    }
    const Event event = events_[nextEvent_++];
    StageSlot& slot = *receiver_;
    switch (event.kind) {
        case Event::Kind::Watermark:
            settle(call(slot, true, [&](Stage& stage) { return stage.onWatermark(event.input, event.watermark); }));
            break;
        case Event::Kind::Idle:
            call(slot, false, [&](Stage& stage) { stage.onIdle(event.input); });
            break;
        case Event::Kind::Active:
            call(slot, false, [&](Stage& stage) { stage.onActive(event.input); });
            break;
        case Event::Kind::EndInput:
            settle(call(slot, true, [&](Stage& stage) { return stage.endInput(event.input); }));
            finishing_ = openChannels_.empty() && (checkpoints_ == nullptr || !checkpoints_->hasBlockedChannels());
            break;
    }
    return true;
}

/// Lets the source emit about a block; false when it has nothing for now, or must wait for slower sources.
MILLRACE_INLINE bool Task::poll() {
    if (isPaused()) return false;
    if (job_.stopRequest() != JobControl::StopRequest::None) {
        endSource();
        return true;
    }
    if (alignment_ != nullptr && !pollAligned()) return false;
    goOn();
    const PollStatus status = call(stages_.front(), true, [](Stage& stage) { return stage.poll(); });
    executor().trace(0x9011 + static_cast<std::uint64_t>(status));
    publishWatermark();
    blockDone();
    switch (status) {
        case PollStatus::MoreAvailable:
            return true;
        case PollStatus::NothingAvailable:
            // splits of it may pause while the others have nothing: it is woken when one may go on
            return context_.earliestPaused != kMaxTimestamp &&
                   !alignment_->mustPauseFor(alignmentMember_, context_.earliestPaused, context_.furthestAllowed);
        case PollStatus::Suspended:
            suspended_ = true;
            return true;
        case PollStatus::EndOfInput:
            endSource();
            return true;
    }
    return false;
}

MILLRACE_INLINE_APART void Task::endSource() {
    finishing_ = true;
    const bool drain = job_.stopRequest() != JobControl::StopRequest::NoDrain;
    settle(call(stages_.front(), true, [&](Stage& stage) { return stage.finishSource(drain); }));
}

/// False when slower sources must be waited for.
MILLRACE_INLINE bool Task::pollAligned() {
    context_.furthestAllowed = alignment_->furthestAllowed(alignmentMember_);
    if (!alignment_->mustPauseFor(alignmentMember_, alignedWatermark(), context_.furthestAllowed)) return true;
    holdUp();
    return false;
}

MILLRACE_INLINE_APART void Task::publishWatermark() {
    if (alignment_ == nullptr || finishing_) return;
    alignment_->publish(alignmentMember_, alignedWatermark());
}

/// Where its event time is, as far as it counts.
MILLRACE_INLINE Timestamp Task::alignedWatermark() const {
    const StageMetrics& metrics = alignmentStage_->metrics;
    const Timestamp watermark{Duration{metrics.watermark.load(std::memory_order_relaxed)}};
    const bool counts = watermark != kMinTimestamp && !metrics.idle.load(std::memory_order_relaxed);
    return counts ? watermark : SourceAlignment::kNotCounted;
}

}  // namespace millrace::detail
