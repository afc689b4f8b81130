#ifndef MILLRACE_RECORD_BATCH_HPP
#define MILLRACE_RECORD_BATCH_HPP

#include <millrace/record/block.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace millrace::detail {

/// Raw memory for batches; one per job, shared by all its channels and charged to the job's byte budget.
/// *Thread safety:* both functions may be called from any thread.
class SegmentPool {
public:
    virtual ~SegmentPool() = default;
    /// Memory aligned to 64 bytes.
    virtual void* acquire(std::size_t bytes) = 0;
    virtual void release(void* memory, std::size_t bytes) noexcept = 0;
};

/// What happens on a channel after the records and marks of a batch.
enum class ControlKind : std::uint8_t { None, Idle, Active, EndOfInput, Barrier };

/// A watermark inside a batch: it stands before the record at `position`.
struct WatermarkMark {
    std::uint32_t position = 0;
    Timestamp watermark = kMinTimestamp;
};

/// What travels over a channel, without its record type. Lives in a segment of the pool, columns included.
/// Made by `Batch<T>::create`, ended by `destroy()`.
class BatchBase {
public:
    static constexpr std::size_t kMaxMarks = 8;

    BatchBase(const BatchBase&) = delete;
    BatchBase& operator=(const BatchBase&) = delete;

    BlockRef block(std::size_t from, std::size_t count) const noexcept {
        return {static_cast<std::byte*>(values_) + from * recordSize_, hasTimestamps ? timestamps_ + from : nullptr,
                hasHashes ? hashes_ + from : nullptr, count};
    }
    std::size_t segmentBytes() const noexcept { return segmentBytes_; }

    /// Destroys the records and gives the segment back to its pool.
    void destroy() noexcept {
        if (destroyValues_ != nullptr) destroyValues_(values_, size);
        SegmentPool& pool = *pool_;
        const std::size_t bytes = segmentBytes_;
        this->~BatchBase();
        pool.release(this, bytes);
    }

    std::uint32_t size = 0;
    std::uint32_t capacity = 0;
    bool hasTimestamps = false;
    bool hasHashes = false;
    ControlKind control = ControlKind::None;
    std::uint8_t markCount = 0;
    std::int64_t controlId = 0;  ///< checkpoint id of a barrier
    std::array<WatermarkMark, kMaxMarks> marks{};

protected:
    BatchBase() = default;
    ~BatchBase() = default;

    void* values_ = nullptr;
    Timestamp* timestamps_ = nullptr;
    std::uint32_t* hashes_ = nullptr;
    std::size_t recordSize_ = 0;
    SegmentPool* pool_ = nullptr;
    std::size_t segmentBytes_ = 0;
    void (*destroyValues_)(void* values, std::size_t count) = nullptr;
};

template <class T>
class Batch final : public BatchBase {
public:
    /// An empty batch with room for `kBlockRecords<T>` records.
    static Batch* create(SegmentPool& pool) {
        constexpr std::size_t kCapacity = kBlockRecords<T>;
        constexpr std::size_t kAlign = 64;
        const auto roundUp = [](std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; };
        const std::size_t header = roundUp(sizeof(Batch));
        const std::size_t values = roundUp(kCapacity * sizeof(T));
        const std::size_t times = roundUp(kCapacity * sizeof(Timestamp));
        const std::size_t hashes = roundUp(kCapacity * sizeof(std::uint32_t));
        const std::size_t bytes = header + values + times + hashes;
        auto* const memory = static_cast<std::byte*>(pool.acquire(bytes));
        auto* const batch = ::new (memory) Batch;
        batch->capacity = kCapacity;
        batch->values_ = memory + header;
        batch->timestamps_ = reinterpret_cast<Timestamp*>(memory + header + values);
        batch->hashes_ = reinterpret_cast<std::uint32_t*>(memory + header + values + times);
        batch->recordSize_ = sizeof(T);
        batch->pool_ = &pool;
        batch->segmentBytes_ = bytes;
        if constexpr (!std::is_trivially_destructible_v<T>) {
            batch->destroyValues_ = [](void* first, std::size_t count) {
                std::destroy_n(static_cast<T*>(first), count);
            };
        }
        return batch;
    }

    /// Uninitialised room behind `size` records; the caller constructs and raises `size`.
    T* values() noexcept { return static_cast<T*>(values_); }
    Timestamp* timestamps() noexcept { return timestamps_; }
    std::uint32_t* hashes() noexcept { return hashes_; }

private:
    Batch() { static_assert(alignof(T) <= 64, "millrace: records must not be aligned to more than 64 bytes"); }
};

}  // namespace millrace::detail

#endif  // MILLRACE_RECORD_BATCH_HPP
