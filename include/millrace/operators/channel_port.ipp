#include <millrace/core/errors.hpp>
#include <millrace/core/planted_bugs.hpp>
#include <millrace/operators/channel_port.hpp>

namespace millrace::detail {

MILLRACE_INLINE void Lane::prepare(bool timed, bool hashed) {
    if (batch_ != nullptr && batch_->size > 0) {
        if (batch_->hasHashes != hashed) {
            send();
        } else if (batch_->hasTimestamps != timed) {
            // rare: timestamps begin or end in the middle of a batch
            for (std::uint32_t i = 0; timed && i < batch_->size; ++i) batch_->timestamps()[i] = kMinTimestamp;
            timed = true;
        }
    }
    if (batch_ == nullptr) batch_ = Batch::create(writer_->pool(), *layout_);
    batch_->hasTimestamps = timed;
    batch_->hasHashes = hashed;
}

MILLRACE_INLINE_APART void Lane::putCopy(void* value, const Timestamp* timestamp, const std::uint32_t* hash) {
    Batch& batch = *batch_;
    const std::uint32_t at = batch.size;
    layout_->transfer(value, 1, batch.valuesAt(at), false);
    take(batch, at, timestamp, hash);
}

MILLRACE_INLINE void Lane::mark(Timestamp watermark) {
    if (batch_ == nullptr) prepare(false, false);
    if (batch_->markCount > 0 && batch_->marks[batch_->markCount - 1u].position == batch_->size) {
        batch_->marks[batch_->markCount - 1u].watermark = watermark;
        return;
    }
    batch_->marks[batch_->markCount++] = {batch_->size, watermark};
    if (batch_->markCount == Batch::kMaxMarks) send();
}

MILLRACE_INLINE void Lane::control(ControlKind kind, std::int64_t checkpointId) {
    Batch* overtaken = nullptr;
    if (MILLRACE_PLANTED(BarrierOvertakesBatch) && kind == ControlKind::Barrier)
        overtaken = std::exchange(batch_, nullptr);
    if (batch_ == nullptr) prepare(false, false);
    if (MILLRACE_PLANTED(BarrierLosesWatermark) && kind == ControlKind::Barrier) batch_->markCount = 0;
    batch_->control = kind;
    batch_->controlId = checkpointId;
    send();
    if (overtaken != nullptr) batch_ = overtaken;
}

MILLRACE_INLINE void Lane::flush() {
    if (batch_ == nullptr) return;
    if (batch_->size > 0 || batch_->markCount > 0) {
        send();
    } else {
        std::exchange(batch_, nullptr)->destroy();  // an idle edge holds no memory
    }
}

MILLRACE_INLINE_COLD ChannelPort::ChannelPort(const PointerList<ChannelWriter>& channels, const RecordLayout& layout,
                                              ScatterRecords& scatter)
    : layout_(layout), scatter_(scatter) {
    lanes_.reserve(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) lanes_.emplace_back(channels[i], layout);
}
MILLRACE_INLINE_COLD ChannelPort::~ChannelPort() = default;

MILLRACE_INLINE Progress ChannelPort::onWatermark(Timestamp watermark) {
    for (Lane& lane : lanes_) lane.mark(watermark);
    return Progress::Done;
}
MILLRACE_INLINE void ChannelPort::onIdle() {
    control(ControlKind::Idle);
}
MILLRACE_INLINE void ChannelPort::onActive() {
    control(ControlKind::Active);
}
MILLRACE_INLINE Progress ChannelPort::endInput() {
    control(ControlKind::EndOfInput);
    return Progress::Done;
}
MILLRACE_INLINE void ChannelPort::onBarrier(std::int64_t checkpointId) {
    control(ControlKind::Barrier, checkpointId);
}
MILLRACE_INLINE void ChannelPort::flush() {
    for (Lane& lane : lanes_) lane.flush();
}

[[gnu::noinline]] MILLRACE_INLINE_COLD void ChannelPort::control(ControlKind kind, std::int64_t checkpointId) {
    for (Lane& lane : lanes_) lane.control(kind, checkpointId);
}

MILLRACE_INLINE void ChannelPort::append(Lane& lane, BlockRef block, bool mayMove) {
    const bool hashed = block.hashes != nullptr;
    while (block.size > 0) {
        lane.prepare(block.timestamps != nullptr, hashed);
        const std::size_t count = std::min(lane.room(), block.size);
        layout_.transfer(block.values, count, lane.valuesAt(), mayMove);
        if (block.timestamps != nullptr) {
            std::memcpy(lane.timestamps(), block.timestamps, count * sizeof(Timestamp));
        } else {
            Timestamp* const times = lane.timestamps();
            for (std::size_t i = 0; i < count; ++i) times[i] = kMinTimestamp;
        }
        if (hashed) std::memcpy(lane.hashes(), block.hashes, count * sizeof(std::uint32_t));
        lane.advance(count);
        lane.sendIfFull();
        block = layout_.rest(block, count);
    }
}

MILLRACE_INLINE void ChannelPort::scatter(BlockRef block, bool mayMove) {
    std::uint16_t laneOf[kChunk];
    while (block.size > 0) {
        BlockRef chunk = block;
        chunk.size = std::min(kChunk, block.size);
        block = layout_.rest(block, chunk.size);
        chooseLanes(chunk, laneOf);
        scatter_(lanes_, chunk, mayMove, laneOf);
    }
}

}  // namespace millrace::detail
