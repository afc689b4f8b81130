#ifndef MILLRACE_STATE_FROZEN_MEMORY_HPP
#define MILLRACE_STATE_FROZEN_MEMORY_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/state/table_memory.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millrace::detail {

/// Memory that is frozen chunk by chunk, and how what counts of a chunk is copied.
struct ChunkedMemory {
    const std::byte* data;
    std::size_t bytes;       ///< a multiple of `chunkBytes`
    std::size_t chunkBytes;  ///< small, since the owner copies a chunk for a few bytes that it writes
    /// Copies what counts, to where there is room for a whole chunk. The result is how many bytes that was.
    std::size_t (*copy)(const std::byte* chunk, std::byte* to) noexcept;
};

/// A piece of plain memory as it was at one moment, while its owner goes on changing it. The owner copies each chunk before
/// it first writes there; the reader begins with copying the others, so that the owner is soon done with this. Copies are
/// packed: what does not count of a chunk takes no room, and no page is touched for it.
///
/// It has two users, the owner and the reader, and lives until both have released it.
/// *Thread safety:* `keep`, `keepAll` and `refreeze` for the owner's thread, `read` and `finishReading` for the reader's.
class FrozenMemory {
public:
    /// *Failure:* std::bad_alloc.
    explicit FrozenMemory(const ChunkedMemory& memory)
        : from_(memory), chunks_(memory.bytes / memory.chunkBytes), left_(chunks_), owners_{TableMemory(memory.bytes)},
          states_(new std::atomic<std::uint8_t>[chunks_]()), kept_(new Kept[chunks_]) {}
    FrozenMemory(const FrozenMemory&) = delete;
    FrozenMemory& operator=(const FrozenMemory&) = delete;

    /// Freezes other memory of the same size, if the reader is done with the last one: without memory for copies to be had
    /// from the system once more.
    MILLRACE_INLINE bool refreeze(const ChunkedMemory& memory) noexcept;
    /// Copies a chunk that has not been copied: the owner is going to write to it.
    void keep(std::size_t chunk) noexcept { keep(chunk, owners_); }
    void keepAll() noexcept { keepAll(owners_); }
    /// The owner need not keep anything any more: all is copied, or nobody is going to read it.
    bool isSettled() const noexcept {
        return left_.load(std::memory_order_acquire) == 0 || users_.load(std::memory_order_acquire) == 1;
    }
    /// Calls `visit(const std::byte*, std::size_t)` with what counts of each chunk, in order. *Failure:* std::bad_alloc.
    template <class Visit>
    void read(Visit visit) {
        if (readers_.memory.bytes() == 0) readers_.memory = TableMemory(from_.bytes);
        keepAll(readers_);
        for (std::size_t chunk = 0; chunk < chunks_; ++chunk) {
            if (chunk + 1 < chunks_) prefetch(kept_[chunk + 1]);
            visit(kept_[chunk].data, kept_[chunk].bytes);
        }
    }
    /// The reader's last call.
    MILLRACE_INLINE void finishReading() noexcept;
    void release() noexcept {
        if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

private:
    enum : std::uint8_t { kOpen, kBusy, kKept };
    struct Kept {
        const std::byte* data;
        std::size_t bytes;
    };

    /// What one of the two has copied, packed.
    struct Copies {
        TableMemory memory;
        std::size_t used = 0;
    };

    ~FrozenMemory() = default;
    void keep(std::size_t chunk, Copies& copies) noexcept {
        if (states_[chunk].load(std::memory_order_acquire) != kKept) copy(chunk, copies);
    }
    MILLRACE_INLINE void copy(std::size_t chunk, Copies& copies) noexcept;
    MILLRACE_INLINE void keepAll(Copies& copies) noexcept;
    /// Copies lie in the order in which they were made.
    static void prefetch(const Kept& copy) noexcept {
        for (std::size_t at = 0; at < copy.bytes; at += 64) __builtin_prefetch(copy.data + at);
    }

    ChunkedMemory from_;
    std::size_t chunks_;
    std::atomic<std::size_t> left_;
    std::atomic<int> users_ = 2;
    Copies owners_;
    Copies readers_{};
    Owner<std::atomic<std::uint8_t>[]> states_;
    Owner<Kept[]> kept_;  ///< by chunk: where its copy is, once it is kept
};

/// The owner's side of its frozen memory, if any. *Thread safety:* none.
class Freezer {
public:
    Freezer() = default;
    Freezer(const Freezer&) = delete;
    Freezer& operator=(const Freezer&) = delete;
    ~Freezer() {
        thaw();
        if (frozen_ != nullptr) frozen_->release();
    }

    /// Freezes memory that the caller owns: until `thaw`, `keep` comes before every write to it. The result is the
    /// reader's, who ends with `finishReading`. *Failure:* std::bad_alloc.
    MILLRACE_INLINE FrozenMemory& freeze(const ChunkedMemory& memory);
    void keep(std::size_t chunk) noexcept {
        if (isFrozen_) [[unlikely]]
            frozen_->keep(chunk);
    }
    /// Whether there is something to keep before writes; forgets what is settled.
    bool needsKeeping() noexcept {
        if (!isFrozen_) [[likely]]
            return false;
        isFrozen_ = !frozen_->isSettled();
        return isFrozen_;
    }
    /// The memory may be changed in any way from here on, or go.
    void thaw() noexcept {
        if (isFrozen_) [[unlikely]]
            settle();
    }

private:
    MILLRACE_INLINE void settle() noexcept;

    bool isFrozen_ = false;
    FrozenMemory* frozen_ = nullptr;  // thawed, it is kept for the next time
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/frozen_memory.ipp>
#endif

#endif  // MILLRACE_STATE_FROZEN_MEMORY_HPP
