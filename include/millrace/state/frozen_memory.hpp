#ifndef MILLRACE_STATE_FROZEN_MEMORY_HPP
#define MILLRACE_STATE_FROZEN_MEMORY_HPP

#include <millrace/core/config.hpp>
#include <millrace/state/table_memory.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace millrace::detail {

/// A piece of plain memory as it was at one moment, while its owner goes on changing it: copied chunk by chunk, each by
/// whoever comes first, the owner before it writes there, or who wants to read the copy.
///
/// It has two users, the owner and the reader, and lives until both have released it.
/// *Thread safety:* `keep` and `thaw` for the owner's thread, `keepAll` and `copy` for any.
class FrozenMemory {
public:
    static constexpr std::size_t kChunkBytes = 4096;  ///< small: the owner copies one for a few bytes that it writes

    /// *Failure:* std::bad_alloc.
    FrozenMemory(const void* memory, std::size_t bytes)
        : from_(static_cast<const std::byte*>(memory)), bytes_(bytes), chunks_((bytes + kChunkBytes - 1) / kChunkBytes),
          left_(chunks_), copy_(bytes), states_(new std::atomic<std::uint8_t>[chunks_]()) {}
    FrozenMemory(const FrozenMemory&) = delete;
    FrozenMemory& operator=(const FrozenMemory&) = delete;

    /// The owner is going to write to this.
    void keep(const void* at, std::size_t bytes) noexcept {
        const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(at) - from_);
        const std::size_t last = (offset + bytes - 1) / kChunkBytes;
        for (std::size_t chunk = offset / kChunkBytes; chunk <= last; ++chunk) {
            if (states_[chunk].load(std::memory_order_acquire) != kKept) keepChunk(chunk);
        }
    }
    MILLRACE_INLINE void keepAll() noexcept;
    /// The owner need not keep anything any more: all is copied, or nobody is going to read it.
    bool isSettled() const noexcept {
        return left_.load(std::memory_order_acquire) == 0 || users_.load(std::memory_order_acquire) == 1;
    }
    /// After `keepAll`.
    const std::byte* copy() const noexcept { return static_cast<const std::byte*>(copy_.data()); }
    void release() noexcept {
        if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

private:
    enum : std::uint8_t { kOpen, kBusy, kKept };

    ~FrozenMemory() = default;
    MILLRACE_INLINE void keepChunk(std::size_t chunk) noexcept;

    const std::byte* from_;
    std::size_t bytes_;
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
    ~Freezer() { thaw(); }

    /// Freezes memory that the caller owns: until `thaw`, `keep` comes before every write to it. The result is the
    /// reader's, who releases it. *Failure:* std::bad_alloc.
    FrozenMemory& freeze(const void* memory, std::size_t bytes) {
        thaw();
        frozen_ = new FrozenMemory(memory, bytes);
        return *frozen_;
    }
    void keep(const void* at, std::size_t bytes) noexcept {
        if (frozen_ != nullptr) [[unlikely]]
            frozen_->keep(at, bytes);
    }
    /// Whether there is something to keep before writes; forgets what is settled.
    bool needsKeeping() noexcept {
        if (frozen_ == nullptr) [[likely]]
            return false;
        if (!frozen_->isSettled()) return true;
        std::exchange(frozen_, nullptr)->release();
        return false;
    }
    /// The memory may be changed in any way from here on, or go.
    void thaw() noexcept {
        if (frozen_ != nullptr) [[unlikely]]
            settle();
    }

private:
    MILLRACE_INLINE void settle() noexcept;

    FrozenMemory* frozen_ = nullptr;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/frozen_memory.ipp>
#endif

#endif  // MILLRACE_STATE_FROZEN_MEMORY_HPP
