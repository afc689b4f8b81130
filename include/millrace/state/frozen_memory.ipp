#ifndef MILLRACE_STATE_FROZEN_MEMORY_IPP
#define MILLRACE_STATE_FROZEN_MEMORY_IPP

#include <millrace/state/frozen_memory.hpp>

#include <cstring>
#include <thread>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD bool FrozenMemory::refreeze(const void* memory, std::size_t bytes,
                                                 std::size_t chunkBytes) noexcept {
    if (users_.load(std::memory_order_acquire) != 1 || bytes != bytes_ || chunkBytes != chunkBytes_) return false;
    from_ = static_cast<const std::byte*>(memory);
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk) states_[chunk].store(kOpen, std::memory_order_relaxed);
    left_.store(chunks_, std::memory_order_relaxed);
    users_.store(2, std::memory_order_relaxed);
    return true;
}

MILLRACE_INLINE bool FrozenMemory::isMine(std::size_t chunk) noexcept {
    std::atomic<std::uint8_t>& state = states_[chunk];
    std::uint8_t seen = kOpen;
    if (state.compare_exchange_strong(seen, kBusy, std::memory_order_acquire)) return true;
    while (state.load(std::memory_order_acquire) == kBusy) std::this_thread::yield();  // it takes less than 1 us
    return false;
}

MILLRACE_INLINE void FrozenMemory::keepChunk(std::size_t chunk) noexcept {
    if (!isMine(chunk)) return;
    const std::size_t at = chunk * chunkBytes_;
    std::memcpy(static_cast<std::byte*>(copy_.data()) + at, from_ + at, chunkBytes_);
    copied(chunk, kKept);
}

MILLRACE_INLINE_COLD void FrozenMemory::keepAll() noexcept {
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk) keep(chunk);
}

MILLRACE_INLINE_COLD const std::byte* FrozenMemory::take(std::size_t chunk, const TableMemory& buffer) noexcept {
    const std::size_t at = chunk * chunkBytes_;
    if (states_[chunk].load(std::memory_order_acquire) == kKept || !isMine(chunk)) {
        return static_cast<const std::byte*>(copy_.data()) + at;
    }
    std::memcpy(buffer.data(), from_ + at, chunkBytes_);
    copied(chunk, kTaken);
    return static_cast<const std::byte*>(buffer.data());
}

MILLRACE_INLINE_COLD void FrozenMemory::finishReading() noexcept {
    copy_.offer();
    release();
}

MILLRACE_INLINE_COLD FrozenMemory& Freezer::freeze(const void* memory, std::size_t bytes, std::size_t chunkBytes) {
    thaw();
    if (frozen_ == nullptr || !frozen_->refreeze(memory, bytes, chunkBytes)) {
        if (frozen_ != nullptr) std::exchange(frozen_, nullptr)->release();
        frozen_ = new FrozenMemory(memory, bytes, chunkBytes);
    }
    isFrozen_ = true;
    return *frozen_;
}

MILLRACE_INLINE_COLD void Freezer::settle() noexcept {
    if (!frozen_->isSettled()) frozen_->keepAll();
    isFrozen_ = false;
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_FROZEN_MEMORY_IPP
