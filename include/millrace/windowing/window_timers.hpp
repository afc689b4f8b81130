#ifndef MILLRACE_WINDOWING_WINDOW_TIMERS_HPP
#define MILLRACE_WINDOWING_WINDOW_TIMERS_HPP

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
    bool contains(Timestamp time) const noexcept {
        for (const Timestamp each : *this) {
            if (each == time) return true;
        }
        return false;
    }

    void add(Timestamp time) {
        std::uint32_t at = count_;  // looked at one by one, since there are few; of many, making room takes as long
        for (; at > 0 && begin()[at - 1] >= time; --at) {
            if (begin()[at - 1] == time) return;
        }
        if (count_ == capacity_) grow();
        Timestamp* const times = data();
        for (std::uint32_t i = count_++; i > at; --i) times[i] = times[i - 1];
        times[at] = time;
    }
    void remove(Timestamp time) noexcept {
        Timestamp* const times = data();
        std::uint32_t at = 0;
        while (at < count_ && times[at] != time) ++at;
        if (at == count_) return;
        for (--count_; at < count_; ++at) times[at] = times[at + 1];
    }
    void clear() noexcept { count_ = 0; }

private:
    static constexpr std::uint32_t kFew = 2;

    Timestamp* data() noexcept { return more_ != nullptr ? more_.get() : few_; }
    [[gnu::noinline]] void grow() {
        Owner<Timestamp[]> larger(new Timestamp[std::size_t{2} * capacity_]);
        for (std::uint32_t i = 0; i < count_; ++i) larger[i] = begin()[i];
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
