#ifndef MILLRACE_STATE_FROZEN_MEMORY_IPP
#define MILLRACE_STATE_FROZEN_MEMORY_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/frozen_memory.hpp>

#include <cstring>
#include <thread>

namespace millrace::detail {

MILLRACE_INLINE void FrozenMemory::keepChunk(std::size_t chunk) noexcept {
    std::atomic<std::uint8_t>& state = states_[chunk];
    std::uint8_t seen = kOpen;
    if (state.compare_exchange_strong(seen, kBusy, std::memory_order_acquire)) {
        const std::size_t at = chunk * kChunkBytes;
        std::memcpy(static_cast<std::byte*>(copy_.data()) + at, from_ + at, std::min(kChunkBytes, bytes_ - at));
        state.store(kKept, std::memory_order_release);
        left_.fetch_sub(1, std::memory_order_acq_rel);
        return;
    }
    while (state.load(std::memory_order_acquire) != kKept) std::this_thread::yield();  // it takes less than 1 us
}

MILLRACE_INLINE_COLD void FrozenMemory::keepAll() noexcept {
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk) {
        if (states_[chunk].load(std::memory_order_acquire) != kKept) keepChunk(chunk);
    }
}

MILLRACE_INLINE_COLD void Freezer::settle() noexcept {
    if (!frozen_->isSettled()) frozen_->keepAll();
    std::exchange(frozen_, nullptr)->release();
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_FROZEN_MEMORY_IPP
