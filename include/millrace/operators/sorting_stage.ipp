#ifndef MILLRACE_OPERATORS_SORTING_STAGE_IPP
#define MILLRACE_OPERATORS_SORTING_STAGE_IPP

#include <millrace/operators/sorting_stage.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD SortingStage::SortingStage(Owner<Stage> inner,
                                                std::vector<std::unique_ptr<KeyedRecordCodec>> codecs,
                                                std::size_t memoryBudget, const std::string& directory)
    : inner_(std::move(inner)), inputs_(codecs.size()) {
    std::size_t keyed = 0;
    for (const auto& codec : codecs) keyed += codec != nullptr ? 1 : 0;
    for (std::size_t i = 0; i < codecs.size(); ++i) {
        if (codecs[i] != nullptr) inputs_[i].sorted = std::make_unique<SortBuffer>(memoryBudget / keyed, directory);
        inputs_[i].codec = std::move(codecs[i]);
    }
}
MILLRACE_INLINE SortingStage::~SortingStage() = default;

MILLRACE_INLINE void SortingStage::addOutput(std::string_view tag, Port& port) {
    inner_->addOutput(tag, port);
}
MILLRACE_INLINE void SortingStage::open(StageContext& context) {
    context_ = &context;
    inner_->open(context);
}
MILLRACE_INLINE void SortingStage::close() {
    inner_->close();
}

MILLRACE_INLINE void SortingStage::onBlock(int input, BlockRef block) {
    Input& from = inputs_[static_cast<std::size_t>(input)];
    if (from.codec != nullptr) {
        StageMetrics::add(metrics.recordsIn, block.size);
        from.codec->encode(block, from.sorted->pending());
        from.sorted->added();
    } else {
        inner_->onBlock(input, block);
        copyMetrics();
    }
}

MILLRACE_INLINE Progress SortingStage::onWatermark(int input, Timestamp watermark) {
    if (watermark != kMaxTimestamp) return Progress::Done;
    inputs_[static_cast<std::size_t>(input)].complete = true;
    for (const Input& each : inputs_) {
        if (!each.complete) return Progress::Done;
    }
    metrics.setWatermark(watermark);
    for (Input& each : inputs_) {
        if (each.sorted != nullptr) each.sorted->sort();
    }
    phase_ = Phase::Replaying;
    return replay();
}
// what is bounded ends by itself: no need to leave an input out
MILLRACE_INLINE void SortingStage::onIdle(int) {}
MILLRACE_INLINE void SortingStage::onActive(int) {}

MILLRACE_INLINE Progress SortingStage::onProcessingTime(Timestamp now) {
    return inner_->onProcessingTime(now);
}

MILLRACE_INLINE Progress SortingStage::resume() {
    if (innerSuspended_) {
        if (inner_->resume() == Progress::Suspended) return Progress::Suspended;
        innerSuspended_ = false;
    }
    return replay();
}

MILLRACE_INLINE Progress SortingStage::endInput(int input) {
    inputs_[static_cast<std::size_t>(input)].ended = true;
    // an end without a last watermark: the job stops without draining, and what has been collected is not looked at
    if (phase_ == Phase::Collecting && !inputs_[static_cast<std::size_t>(input)].complete) phase_ = Phase::Finished;
    return phase_ == Phase::Collecting ? Progress::Done : replay();
}

MILLRACE_INLINE void SortingStage::snapshot(SnapshotSink&) {
    throw MillraceException("a job in batch execution takes no checkpoints: what fails starts again from its sources");
}
MILLRACE_INLINE void SortingStage::restore(const SnapshotSource& source) {
    inner_->restore(source);
}

/// The input with the smallest (key, time), -1 when all records have been given.
MILLRACE_INLINE int SortingStage::smallest() {
    int found = -1;
    const SortedRecord* least = nullptr;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        if (inputs_[i].sorted == nullptr) continue;
        const SortedRecord* const head = inputs_[i].sorted->peek();
        if (head == nullptr || (least != nullptr && !head->isBefore(*least))) continue;
        least = head;
        found = static_cast<int>(i);
    }
    return found;
}

/// Gives the stage records of the open key from one input: as many as fit a block and come before those of the others.
MILLRACE_INLINE void SortingStage::giveRun(std::size_t input) {
    KeyedRecordCodec& codec = *inputs_[input].codec;
    SortedRecord record;
    do {
        inputs_[input].sorted->next(record);
        codec.decode(record.record, record.time);
        const int following = smallest();
        if (following != static_cast<int>(input)) break;
    } while (!codec.full() && inputs_[input].sorted->peek()->sameKeyAs(hash_, key_));
    inner_->onBlock(static_cast<int>(input), codec.decoded());
    codec.clear();
}

/// One step of the replay; false when nothing is left to do for now.
MILLRACE_INLINE bool SortingStage::step(Progress& progress) {
    if (phase_ == Phase::Replaying) {
        const int input = smallest();
        const SortedRecord* const head = input < 0 ? nullptr : inputs_[static_cast<std::size_t>(input)].sorted->peek();
        if (keyOpen_ && (head == nullptr || !head->sameKeyAs(hash_, key_))) {
            keyOpen_ = false;
            progress = inner_->endKey();
            return true;
        }
        if (head != nullptr) {
            if (!keyOpen_) {
                hash_ = head->hash;
                key_.assign(head->key.begin(), head->key.end());
                keyOpen_ = true;
            }
            giveRun(static_cast<std::size_t>(input));
            return true;
        }
        if (watermarksGiven_ < inputs_.size()) {
            progress = inner_->onWatermark(static_cast<int>(watermarksGiven_++), kMaxTimestamp);
            return true;
        }
        phase_ = Phase::Finished;
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        if (!inputs_[i].ended || inputs_[i].endGiven) continue;
        inputs_[i].endGiven = true;
        progress = inner_->endInput(static_cast<int>(i));
        return true;
    }
    return false;
}

MILLRACE_INLINE Progress SortingStage::replay() {
    for (;;) {
        if (phase_ == Phase::Replaying && context_->outputBlocked && context_->maySuspend) return Progress::Suspended;
        Progress progress = Progress::Done;
        const bool more = step(progress);
        copyMetrics();
        if (progress == Progress::Suspended) {
            innerSuspended_ = true;
            return Progress::Suspended;
        }
        if (!more) return Progress::Done;
    }
}

MILLRACE_INLINE void SortingStage::copyMetrics() {
    const auto copy = [](std::atomic<std::uint64_t>& to, const std::atomic<std::uint64_t>& from) {
        to.store(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
    };
    copy(metrics.recordsOut, inner_->metrics.recordsOut);
    copy(metrics.lateRecordsDropped, inner_->metrics.lateRecordsDropped);
    copy(metrics.recordsSkipped, inner_->metrics.recordsSkipped);
    copy(metrics.deadLetters, inner_->metrics.deadLetters);
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SORTING_STAGE_IPP
