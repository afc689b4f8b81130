#ifndef MILLRACE_RUNTIME_SEGMENT_POOL_HPP
#define MILLRACE_RUNTIME_SEGMENT_POOL_HPP

#include <millrace/record/batch.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <new>
#include <vector>

namespace millrace::detail {

/// The batches' memory of one job: free lists by size under one byte budget.
/// `acquire` never fails for want of budget; channels ask `exhausted()` and count as full while it is.
class JobSegmentPool final : public SegmentPool {
public:
    explicit JobSegmentPool(std::size_t budgetBytes) : budget_(budgetBytes) {}
    ~JobSegmentPool() override { trim(); }
    JobSegmentPool(const JobSegmentPool&) = delete;
    JobSegmentPool& operator=(const JobSegmentPool&) = delete;

    void* acquire(std::size_t bytes) override {
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

    void release(void* memory, std::size_t bytes) noexcept override {
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

    /// True while the segments in use reach the budget.
    bool exhausted() const noexcept { return live_.load(std::memory_order_relaxed) >= budget_; }

    /// Gives the free lists back and keeps none from now on; at the end of the job.
    void endJob() noexcept {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        trim();
    }

    std::size_t liveBytes() const noexcept { return live_.load(std::memory_order_relaxed); }
    std::size_t peakBytes() const noexcept { return peak_.load(std::memory_order_relaxed); }
    std::size_t cachedBytes() const {
        const std::lock_guard lock(mutex_);
        return cached_;
    }

private:
    static constexpr std::align_val_t kAlignment{64};
    struct Free {
        Free* next;
    };
    struct SizeClass {
        std::size_t bytes;
        Free* first;
    };

    /// A job has one size per record type on its exchanges: a handful, so a list is searched.
    SizeClass& classOf(std::size_t bytes) {
        for (SizeClass& each : classes_) {
            if (each.bytes == bytes) return each;
        }
        return classes_.emplace_back(SizeClass{bytes, nullptr});
    }

    void trim() noexcept {
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

    const std::size_t budget_;
    mutable std::mutex mutex_;  // held for a few instructions, twice per batch
    std::vector<SizeClass> classes_;
    std::size_t cached_ = 0;
    bool ended_ = false;
    std::atomic<std::size_t> live_{0};  // written under the mutex, read without
    std::atomic<std::size_t> peak_{0};
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_SEGMENT_POOL_HPP
