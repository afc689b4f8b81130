#ifndef MILLRACE_CONNECTORS_RATE_LIMITER_HPP
#define MILLRACE_CONNECTORS_RATE_LIMITER_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace millrace {

namespace detail {

/// Says how many records are due at a time. Record k of a subtask is due k intervals after its first.
/// Asks no clock itself, so it runs on virtual time as well.
class RateLimiter {
public:
    RateLimiter() = default;
    /// `perSecond` of this subtask; infinity for no limit.
    explicit RateLimiter(double perSecond) : intervalNanos_(1e9 / perSecond) {}

    bool unlimited() const noexcept { return intervalNanos_ == 0; }

    /// How many records may be emitted at `now`, at most `wanted`.
    std::size_t due(Timestamp now, std::size_t wanted) noexcept {
        if (!started_ || now < start_) {  // (also a clock that was set back)
            start_ = now;
            emitted_ = 0;
            started_ = true;
        }
        // who was held up catches up on at most a second
        if (const Timestamp latest = saturatingAdd(dueTime(emitted_), kMostCaughtUp); latest < now) {
            start_ = saturatingSubtract(now, kMostCaughtUp);
            emitted_ = 0;
        }
        const Duration elapsed = now - start_;
        auto count = static_cast<std::uint64_t>(static_cast<double>(elapsed.count()) / intervalNanos_);
        // division and product round differently; `wakeAt` is computed by the product, so that decides
        while (dueOffset(count) <= elapsed) ++count;
        return std::min<std::uint64_t>(wanted, count > emitted_ ? count - emitted_ : 0);
    }
    void emitted(std::size_t count) noexcept {
        emitted_ += count;
        // a new start now and then keeps the product exact to the nanosecond
        if (const Duration offset = dueOffset(emitted_); offset > std::chrono::hours(1)) {
            start_ = saturatingAdd(start_, offset);
            emitted_ = 0;
        }
    }
    /// When the next record is due.
    Timestamp wakeAt() const noexcept { return dueTime(emitted_); }

private:
    static constexpr Duration kMostCaughtUp = std::chrono::seconds(1);

    Duration dueOffset(std::uint64_t index) const noexcept {
        constexpr double kLimit = 9e18;
        return Duration{
            static_cast<std::int64_t>(std::min(kLimit, __builtin_ceil(static_cast<double>(index) * intervalNanos_)))};
    }
    Timestamp dueTime(std::uint64_t index) const noexcept { return saturatingAdd(start_, dueOffset(index)); }

    double intervalNanos_ = 0;
    Timestamp start_{};
    std::uint64_t emitted_ = 0;
    bool started_ = false;
};

}  // namespace detail

/// How fast a source may emit. @public
/// *Example:* `DataGeneratorSource(makeTrade, 1'000'000, RateLimiterStrategy::perSecond(5000))`
class RateLimiterStrategy {
public:
    /// At most so many records per second, over all subtasks together. A source that was held up catches up on at most
    /// one second's worth. *Failure:* ConfigurationException unless the rate is positive and finite.
    static RateLimiterStrategy perSecond(double records) {
        if (!(records > 0) || !(records <= std::numeric_limits<double>::max())) {
            throw ConfigurationException(
                "RateLimiterStrategy::perSecond(" + std::to_string(records) +
                "): the rate must be positive; for no limit write RateLimiterStrategy::noOp()");
        }
        return RateLimiterStrategy(records);
    }
    /// As fast as the pipeline takes them.
    static RateLimiterStrategy noOp() noexcept { return RateLimiterStrategy(std::numeric_limits<double>::infinity()); }

    /// The limiter of one subtask: its share of the rate.
    detail::RateLimiter forSubtask(int parallelism) const {
        return detail::RateLimiter(recordsPerSecond_ / std::max(parallelism, 1));
    }

private:
    explicit RateLimiterStrategy(double records) noexcept : recordsPerSecond_(records) {}
    double recordsPerSecond_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_RATE_LIMITER_HPP
