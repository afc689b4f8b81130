#include <millrace/core/errors.hpp>
#include <millrace/record/batch.hpp>

#include <cstring>

namespace millrace::detail {

MILLRACE_INLINE_COLD void failToCopy() {
    throw GraphException(
        "a stream whose records cannot be copied is read by two operators; make the record type copyable or share it "
        "by std::shared_ptr");
}

MILLRACE_INLINE void RecordLayout::transfer(void* from, std::size_t count, void* to, bool mayMove) const {
    if (isPlain) {
        std::memcpy(to, from, count * recordBytes);
    } else if (mayMove) {
        move(from, count, to);
    } else if (isCopyable) {
        copy(from, count, to);
    } else {
        failToCopy();
    }
}

MILLRACE_INLINE RecordCopies::RecordCopies(BlockRef block, const RecordLayout& layout) : layout_(layout), copy_(block) {
    // the timestamps in front: they keep the alignment of what is behind them where they fill whole lines
    const std::size_t timeBytes = (block.size * sizeof(Timestamp) + 63) / 64 * 64;
    auto* const memory =
        static_cast<std::byte*>(::operator new(timeBytes + block.size * layout.recordBytes, kAlignment));
    copy_.values = memory + timeBytes;
    if (block.timestamps != nullptr) {
        copy_.timestamps = reinterpret_cast<Timestamp*>(memory);
        std::memcpy(copy_.timestamps, block.timestamps, block.size * sizeof(Timestamp));
    }
    copy_.hashes = nullptr;
    try {
        layout.transfer(block.values, block.size, copy_.values, false);
    } catch (...) {
        ::operator delete(memory, kAlignment);
        throw;
    }
}

MILLRACE_INLINE RecordCopies::~RecordCopies() {
    if (layout_.destroy != nullptr) layout_.destroy(copy_.values, copy_.size);
    const std::size_t timeBytes = (copy_.size * sizeof(Timestamp) + 63) / 64 * 64;
    ::operator delete(static_cast<std::byte*>(copy_.values) - timeBytes, kAlignment);
}

MILLRACE_INLINE Batch* Batch::create(SegmentPool& pool, const RecordLayout& layout) {
    constexpr std::size_t kAlign = 64;
    const auto roundUp = [](std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; };
    const std::size_t header = roundUp(sizeof(Batch));
    const std::size_t values = roundUp(layout.capacity * layout.recordBytes);
    const std::size_t times = roundUp(layout.capacity * sizeof(Timestamp));
    const std::size_t hashes = roundUp(layout.capacity * sizeof(std::uint32_t));
    const std::size_t bytes = header + values + times + hashes;
    auto* const memory = static_cast<std::byte*>(pool.acquire(bytes));
    auto* const batch = ::new (memory) Batch(pool, layout);
    batch->values_ = memory + header;
    batch->timestamps_ = reinterpret_cast<Timestamp*>(memory + header + values);
    batch->hashes_ = reinterpret_cast<std::uint32_t*>(memory + header + values + times);
    batch->segmentBytes_ = bytes;
    return batch;
}

MILLRACE_INLINE void Batch::destroy() noexcept {
    if (layout_->destroy != nullptr) layout_->destroy(values_, size);
    SegmentPool& pool = *pool_;
    const std::size_t bytes = segmentBytes_;
    this->~Batch();
    pool.release(this, bytes);
}

}  // namespace millrace::detail
