#ifndef MILLRACE_WINDOWING_WAKE_RUN_HPP
#define MILLRACE_WINDOWING_WAKE_RUN_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/windowing/wake_queue.hpp>

#include <cstddef>
#include <cstring>

namespace millrace::detail {

/// Wakes in the order of their times: what comes is at least as late as what is there.
class WakeRun {
public:
    bool empty() const noexcept { return begin_ == wakes_.size(); }
    std::size_t size() const noexcept { return wakes_.size() - begin_; }
    /// Only if not empty, as `last`.
    const Wake* first() noexcept { return wakes_.data() + begin_; }
    const Wake& last() noexcept { return wakes_[wakes_.size() - 1]; }

    /// Where so many wakes are to be written that come behind the last one.
    Wake* append(std::size_t count) {
        if (begin_ > size() && wakes_.size() + count > wakes_.capacity()) {
            const std::size_t left = size();
            std::memmove(static_cast<void*>(wakes_.data()), first(), left * sizeof(Wake));
            wakes_.resize(left);
            begin_ = 0;
        }
        const std::size_t at = wakes_.size();
        wakes_.resize(at + count);
        return wakes_.data() + at;
    }
    void dropFirst(std::size_t count) noexcept {
        begin_ += count;
        if (empty()) clear();
    }
    void clear() noexcept {
        wakes_.clear();
        begin_ = 0;
    }
    /// How many of the first `most` are due at a time.
    std::size_t countDue(Timestamp time, std::size_t most) noexcept {
        const Wake* const from = wakes_.data() + begin_;
        return static_cast<std::size_t>(std::partition_point(from, from + std::min(most, size()),
                                                             [time](const Wake& w) { return w.time <= time; }) -
                                        from);
    }

private:
    WakeList wakes_;
    std::size_t begin_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WAKE_RUN_HPP
