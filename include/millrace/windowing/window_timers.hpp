#ifndef MILLRACE_WINDOWING_WINDOW_TIMERS_HPP
#define MILLRACE_WINDOWING_WINDOW_TIMERS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::detail {

/// The timers of one window of one key in one time domain: a few times, each at most once, in ascending order.
class WindowTimers {
public:
    WindowTimers() = default;
    WindowTimers(WindowTimers&& other) noexcept { swap(other); }
    WindowTimers& operator=(WindowTimers&& other) noexcept {
        swap(other);
        return *this;
    }
    ~WindowTimers() = default;

    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }
    /// Only if there is one.
    Timestamp first() const noexcept { return begin()[0]; }
    const Timestamp* begin() const noexcept { return more_ != nullptr ? more_.get() : few_; }
    const Timestamp* end() const noexcept { return begin() + count_; }
    bool contains(Timestamp time) const noexcept { return std::find(begin(), end(), time) != end(); }

    void add(Timestamp time) {
        const Timestamp* const place = std::lower_bound(begin(), end(), time);
        if (place != end() && *place == time) return;
        const auto at = static_cast<std::uint32_t>(place - begin());
        if (count_ == capacity_) grow();
        Timestamp* const times = data();
        std::copy_backward(times + at, times + count_, times + count_ + 1);
        times[at] = time;
        ++count_;
    }
    void remove(Timestamp time) noexcept {
        Timestamp* const times = data();
        Timestamp* const place = std::find(times, times + count_, time);
        if (place == times + count_) return;
        std::copy(place + 1, times + count_, place);
        --count_;
    }
    void clear() noexcept { count_ = 0; }

private:
    static constexpr std::uint32_t kFew = 2;

    Timestamp* data() noexcept { return more_ != nullptr ? more_.get() : few_; }
    [[gnu::noinline]] void grow() {
        Owner<Timestamp[]> larger(new Timestamp[std::size_t{2} * capacity_]);
        std::copy(begin(), end(), larger.get());
        more_ = std::move(larger);
        capacity_ *= 2;
    }
    void swap(WindowTimers& other) noexcept {
        std::swap(few_, other.few_);
        std::swap(more_, other.more_);
        std::swap(count_, other.count_);
        std::swap(capacity_, other.capacity_);
    }

    Timestamp few_[kFew] = {};
    Owner<Timestamp[]> more_;
    std::uint32_t count_ = 0;
    std::uint32_t capacity_ = kFew;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_TIMERS_HPP
