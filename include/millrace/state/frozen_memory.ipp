#ifndef MILLRACE_STATE_FROZEN_MEMORY_IPP
#define MILLRACE_STATE_FROZEN_MEMORY_IPP

#include <millrace/state/frozen_memory.hpp>

#include <thread>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD bool FrozenMemory::refreeze(const ChunkedMemory& memory) noexcept {
    if (users_.load(std::memory_order_acquire) != 1 || memory.bytes != from_.bytes ||
        memory.chunkBytes != from_.chunkBytes) {
        return false;
    }
    from_ = memory;
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk) states_[chunk].store(kOpen, std::memory_order_relaxed);
    left_.store(chunks_, std::memory_order_relaxed);
    owners_.used = 0;
    readers_.used = 0;
    users_.store(2, std::memory_order_relaxed);
    return true;
}

MILLRACE_INLINE void FrozenMemory::copy(std::size_t chunk, Copies& copies) noexcept {
    std::atomic<std::uint8_t>& state = states_[chunk];
    std::uint8_t seen = kOpen;
    if (!state.compare_exchange_strong(seen, kBusy, std::memory_order_acquire)) {
        while (state.load(std::memory_order_acquire) == kBusy) std::this_thread::yield();  // it takes less than 1 us
        return;
    }
    std::byte* const to = static_cast<std::byte*>(copies.memory.data()) + copies.used;
    const std::size_t bytes = from_.copy(from_.data + chunk * from_.chunkBytes, to);
    copies.used += bytes;
    kept_[chunk] = {to, bytes};
    state.store(kKept, std::memory_order_release);
    left_.fetch_sub(1, std::memory_order_acq_rel);
}

MILLRACE_INLINE_COLD void FrozenMemory::keepAll(Copies& copies) noexcept {
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk) keep(chunk, copies);
}

MILLRACE_INLINE_COLD void FrozenMemory::finishReading() noexcept {
    owners_.memory.offer();
    readers_.memory.offer();
    release();
}

MILLRACE_INLINE_COLD FrozenMemory& Freezer::freeze(const ChunkedMemory& memory) {
    thaw();
    if (frozen_ == nullptr || !frozen_->refreeze(memory)) {
        if (frozen_ != nullptr) std::exchange(frozen_, nullptr)->release();
        frozen_ = new FrozenMemory(memory);
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
