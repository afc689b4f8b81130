#ifndef MILLRACE_STATE_FROZEN_MEMORY_HPP
#define MILLRACE_STATE_FROZEN_MEMORY_HPP

#include <millrace/core/config.hpp>
#include <millrace/state/table_memory.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace::detail {

/// A piece of plain memory as it was at one moment, while its owner goes on changing it. The owner copies each chunk before
/// it first writes there; the reader takes the others from where they are.
///
/// It has two users, the owner and the reader, and lives until both have released it.
/// *Thread safety:* `keep`, `keepAll` and `refreeze` for the owner's thread, `read` and `finishReading` for the reader's.
class FrozenMemory {
public:
    /// `bytes` is a multiple of `chunkBytes`: small, since the owner copies a chunk for a few bytes that it writes.
    /// *Failure:* std::bad_alloc.
    FrozenMemory(const void* memory, std::size_t bytes, std::size_t chunkBytes)
        : from_(static_cast<const std::byte*>(memory)), bytes_(bytes), chunkBytes_(chunkBytes),
          chunks_(bytes / chunkBytes), left_(chunks_), copy_(bytes), states_(new std::atomic<std::uint8_t>[chunks_]()) {
    }
    FrozenMemory(const FrozenMemory&) = delete;
    FrozenMemory& operator=(const FrozenMemory&) = delete;

    /// Freezes other memory of the same size, if the reader is done with the last one: without memory for copies to be had
    /// from the system once more.
    MILLRACE_INLINE bool refreeze(const void* memory, std::size_t bytes, std::size_t chunkBytes) noexcept;
    /// The owner is going to write to this chunk.
    void keep(std::size_t chunk) noexcept {
        if (states_[chunk].load(std::memory_order_acquire) < kKept) keepChunk(chunk);
    }
    MILLRACE_INLINE void keepAll() noexcept;
    /// The owner need not keep anything any more: all is copied or read, or nobody is going to read it.
    bool isSettled() const noexcept {
        return left_.load(std::memory_order_acquire) == 0 || users_.load(std::memory_order_acquire) == 1;
    }
    /// Calls `visit(const std::byte*)` for each chunk in order, once. *Failure:* std::bad_alloc.
    template <class Visit>
    void read(Visit visit) {
        const TableMemory buffer(chunkBytes_);
        for (std::size_t chunk = 0; chunk < chunks_; ++chunk) visit(take(chunk, buffer));
    }
    /// The reader's last call.
    MILLRACE_INLINE void finishReading() noexcept;
    void release() noexcept {
        if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

private:
    enum : std::uint8_t { kOpen, kBusy, kKept, kTaken };

    ~FrozenMemory() = default;
    MILLRACE_INLINE void keepChunk(std::size_t chunk) noexcept;
    MILLRACE_INLINE const std::byte* take(std::size_t chunk, const TableMemory& buffer) noexcept;
    /// Whether this is the thread that copies the chunk; if not, it has been copied on return.
    MILLRACE_INLINE bool isMine(std::size_t chunk) noexcept;
    void copied(std::size_t chunk, std::uint8_t state) noexcept {
        states_[chunk].store(state, std::memory_order_release);
        left_.fetch_sub(1, std::memory_order_acq_rel);
    }

    const std::byte* from_;
    std::size_t bytes_;
    std::size_t chunkBytes_;
    std::size_t chunks_;
    std::atomic<std::size_t> left_;
    std::atomic<int> users_ = 2;
    TableMemory copy_;
    std::unique_ptr<std::atomic<std::uint8_t>[]> states_;
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
    MILLRACE_INLINE FrozenMemory& freeze(const void* memory, std::size_t bytes, std::size_t chunkBytes);
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
