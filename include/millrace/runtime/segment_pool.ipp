#include <millrace/runtime/segment_pool.hpp>

#include <millrace/core/algorithm.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD JobSegmentPool::~JobSegmentPool() {
    trim();
}

MILLRACE_INLINE void* JobSegmentPool::acquire(std::size_t bytes) {
    bytes = std::max(bytes, sizeof(Free));
    {
        const std::lock_guard lock(mutex_);
        SizeClass& sizeClass = classOf(bytes);
        const std::size_t live = live_.load(std::memory_order_relaxed) + bytes;
        live_.store(live, std::memory_order_relaxed);
        if (live > peak_.load(std::memory_order_relaxed)) peak_.store(live, std::memory_order_relaxed);
        if (Free* const segment = sizeClass.first; segment != nullptr) {
            sizeClass.first = segment->next;
            cached_ -= bytes;
            return segment;
        }
    }
    try {
        return ::operator new(bytes, kAlignment);
    } catch (...) {
        const std::lock_guard lock(mutex_);
        live_.store(live_.load(std::memory_order_relaxed) - bytes, std::memory_order_relaxed);
        throw;
    }
}

MILLRACE_INLINE void JobSegmentPool::release(void* memory, std::size_t bytes) noexcept {
    bytes = std::max(bytes, sizeof(Free));
    {
        const std::lock_guard lock(mutex_);
        const std::size_t live = live_.load(std::memory_order_relaxed) - bytes;
        live_.store(live, std::memory_order_relaxed);
        // what lies in free lists is charged too: other sizes would otherwise keep the memory of a past burst
        if (!ended_ && live + cached_ + bytes <= budget_) {
            SizeClass& sizeClass = classOf(bytes);
            sizeClass.first = ::new (memory) Free{sizeClass.first};
            cached_ += bytes;
            return;
        }
    }
    ::operator delete(memory, kAlignment);
}

MILLRACE_INLINE_COLD void JobSegmentPool::endJob() noexcept {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    trim();
}

/// A job has one size per record type on its exchanges: a handful, so a list is searched.
MILLRACE_INLINE JobSegmentPool::SizeClass& JobSegmentPool::classOf(std::size_t bytes) {
    for (SizeClass& each : classes_) {
        if (each.bytes == bytes) return each;
    }
    return classes_.add(new SizeClass{bytes});
}

MILLRACE_INLINE_COLD void JobSegmentPool::trim() noexcept {
    const std::lock_guard lock(mutex_);
    for (SizeClass& each : classes_) {
        while (each.first != nullptr) {
            Free* const segment = each.first;
            each.first = segment->next;
            ::operator delete(segment, kAlignment);
        }
    }
    cached_ = 0;
}

}  // namespace millrace::detail
