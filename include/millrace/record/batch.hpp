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

/// What code without the type of the records has to know of them, to handle runs of them.
struct RecordLayout {
    std::size_t recordBytes;
    std::uint32_t capacity;  ///< of a block, and of a batch
    bool isPlain;            ///< copied and moved by their bytes
    bool isCopyable;
    void (*copy)(const void* from, std::size_t count, void* to);  ///< null where they are plain or cannot be copied
    void (*move)(void* from, std::size_t count, void* to);        ///< null where they are plain
    void (*destroy)(void* values, std::size_t count);             ///< null where there is nothing to do

    /// Moves (only with `mayMove`) or copies records to uninitialised room.
    /// *Failure:* GraphException for records that may not be moved and cannot be copied.
    void transfer(void* from, std::size_t count, void* to, bool mayMove) const;
    /// What is left of a block behind its first `count` records.
    BlockRef rest(BlockRef block, std::size_t count) const noexcept {
        return {static_cast<std::byte*>(block.values) + count * recordBytes,
                block.timestamps != nullptr ? block.timestamps + count : nullptr,
                block.hashes != nullptr ? block.hashes + count : nullptr, block.size - count};
    }
};

[[noreturn]] void failToCopy();

/// A copy of a block.
class RecordCopies {
public:
    /// *Failure:* GraphException for records that cannot be copied.
    RecordCopies(BlockRef block, const RecordLayout& layout);
    ~RecordCopies();
    RecordCopies(const RecordCopies&) = delete;
    RecordCopies& operator=(const RecordCopies&) = delete;

    BlockRef block() const noexcept { return copy_; }

private:
    static constexpr std::align_val_t kAlignment{64};

    const RecordLayout& layout_;
    BlockRef copy_;
};

template <class T>
void moveRecords(void* from, std::size_t count, void* to) {
    constructRecords(static_cast<T*>(from), count, static_cast<T*>(to));
}
template <class T>
void copyRecords(const void* from, std::size_t count, void* to) {
    constructRecords(static_cast<const T*>(from), count, static_cast<T*>(to));
}
template <class T>
void endRecords(void* values, std::size_t count) {
    destroyRecords(static_cast<T*>(values), count);
}

template <class T>
constexpr RecordLayout recordLayout() {
    RecordLayout layout{
        sizeof(T), kBlockRecords<T>, std::is_trivially_copyable_v<T>, std::is_copy_constructible_v<T>, nullptr,
        nullptr,   nullptr};
    if constexpr (!std::is_trivially_copyable_v<T>) {
        layout.move = &moveRecords<T>;
        if constexpr (std::is_copy_constructible_v<T>) layout.copy = &copyRecords<T>;
    }
    if constexpr (!std::is_trivially_destructible_v<T>) {
        layout.destroy = &endRecords<T>;
    }
    return layout;
}

template <class T>
inline constexpr RecordLayout kRecordLayout = recordLayout<T>();

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
    void* valuesAt(std::size_t index) noexcept {
        return static_cast<std::byte*>(values_) + index * layout_->recordBytes;
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
