#ifndef MILLRACE_WINDOWING_CURRENT_SPAN_HPP
#define MILLRACE_WINDOWING_CURRENT_SPAN_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/windowing/time_window.hpp>

#include <cstddef>
#include <cstdint>

namespace millrace::detail {

/// The stretch of time that the records at hand belong to: one comparison tells whether a timestamp does.
class CurrentSpan {
public:
    void reset() noexcept { length_ = 0; }
    void set(const TimeWindow& span) noexcept {
        start_ = ticks(span.start);
        length_ = ticks(span.end) - start_ + (span.end == kMaxTimestamp ? 1 : 0);
    }
    bool covers(Timestamp t) const noexcept { return ticks(t) - start_ < length_; }
    /// Whether all of them do. Of a span of more than half of all time it may say no although they do.
    bool covers(const Timestamp* times, std::size_t count) const noexcept {
        // one loop without exit, so that it is vectorised; the highest bit of either term tells that it is outside
        std::uint64_t outside = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t distance = ticks(times[i]) - start_;
            outside |= distance | (length_ - 1 - distance);
        }
        return outside >> 63 == 0;
    }

private:
    static std::uint64_t ticks(Timestamp t) noexcept {
        return static_cast<std::uint64_t>(t.time_since_epoch().count());
    }

    std::uint64_t start_ = 0;
    std::uint64_t length_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_CURRENT_SPAN_HPP
