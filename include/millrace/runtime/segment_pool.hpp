#ifndef MILLRACE_RUNTIME_SEGMENT_POOL_HPP
#define MILLRACE_RUNTIME_SEGMENT_POOL_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/record/batch.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <new>

namespace millrace::detail {

/// The batches' memory of one job: free lists by size under one byte budget.
/// `acquire` never fails for want of budget; channels ask `exhausted()` and count as full while it is.
class JobSegmentPool final : public SegmentPool {
public:
    explicit JobSegmentPool(std::size_t budgetBytes) : budget_(budgetBytes) {}
    MILLRACE_INLINE ~JobSegmentPool() override;
    JobSegmentPool(const JobSegmentPool&) = delete;
    JobSegmentPool& operator=(const JobSegmentPool&) = delete;

    MILLRACE_INLINE void* acquire(std::size_t bytes) override;
    MILLRACE_INLINE void release(void* memory, std::size_t bytes) noexcept override;

    /// True while the segments in use reach the budget.
    bool exhausted() const noexcept { return live_.load(std::memory_order_relaxed) >= budget_; }

    /// Gives the free lists back and keeps none from now on; at the end of the job.
    void endJob() noexcept;

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
        Free* first = nullptr;
    };

    SizeClass& classOf(std::size_t bytes);
    void trim() noexcept;

    const std::size_t budget_;
    mutable std::mutex mutex_;  // held for a few instructions, twice per batch
    OwnerList<SizeClass> classes_;
    std::size_t cached_ = 0;
    bool ended_ = false;
    std::atomic<std::size_t> live_{0};  // written under the mutex, read without
    std::atomic<std::size_t> peak_{0};
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/segment_pool.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SEGMENT_POOL_HPP
