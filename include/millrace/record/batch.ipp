#include <millrace/record/batch.hpp>

namespace millrace::detail {

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
