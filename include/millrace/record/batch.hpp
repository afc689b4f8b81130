#ifndef MILLRACE_RECORD_BATCH_HPP
#define MILLRACE_RECORD_BATCH_HPP

#include <millrace/core/config.hpp>
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

/// What a batch has to know of its records' type.
struct RecordLayout {
    std::size_t recordBytes;
    std::uint32_t capacity;
    void (*destroy)(void* values, std::size_t count);  ///< null where there is nothing to do
};

template <class T>
void destroyRecords(void* values, std::size_t count) noexcept {
    std::destroy_n(static_cast<T*>(values), count);
}

template <class T>
inline constexpr RecordLayout kRecordLayout = {sizeof(T), kBlockRecords<T>,
                                               std::is_trivially_destructible_v<T> ? nullptr : &destroyRecords<T>};

/// What travels over a channel, without its record type. Lives in a segment of the pool, columns included.
/// Made by `create`, ended by `destroy()`.
class Batch {
public:
    static constexpr std::size_t kMaxMarks = 8;

    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    /// An empty batch with room for `layout.capacity` records.
    static Batch* create(SegmentPool& pool, const RecordLayout& layout);
    template <class T>
    static Batch* create(SegmentPool& pool) {
        return create(pool, kRecordLayout<T>);
    }

    BlockRef block(std::size_t from, std::size_t count) const noexcept {
        return {static_cast<std::byte*>(values_) + from * layout_->recordBytes,
                hasTimestamps ? timestamps_ + from : nullptr, hasHashes ? hashes_ + from : nullptr, count};
    }
    std::size_t segmentBytes() const noexcept { return segmentBytes_; }

    /// Destroys the records and gives the segment back to its pool.
    void destroy() noexcept;

    /// Uninitialised room behind `size` records of type T; who constructs them raises `size`.
    template <class T>
    T* values() noexcept {
        return static_cast<T*>(values_);
    }
    Timestamp* timestamps() noexcept { return timestamps_; }
    std::uint32_t* hashes() noexcept { return hashes_; }

    std::uint32_t size = 0;
    std::uint32_t capacity = 0;
    bool hasTimestamps = false;
    bool hasHashes = false;
    ControlKind control = ControlKind::None;
    std::uint8_t markCount = 0;
    std::int64_t controlId = 0;  ///< checkpoint id of a barrier
    std::array<WatermarkMark, kMaxMarks> marks{};

private:
    Batch(SegmentPool& pool, const RecordLayout& layout) : capacity(layout.capacity), pool_(&pool), layout_(&layout) {}
    ~Batch() = default;

    void* values_ = nullptr;
    Timestamp* timestamps_ = nullptr;
    std::uint32_t* hashes_ = nullptr;
    SegmentPool* pool_;
    const RecordLayout* layout_;
    std::size_t segmentBytes_ = 0;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/record/batch.ipp>
#endif

#endif  // MILLRACE_RECORD_BATCH_HPP
