#ifndef MILLRACE_TIME_TIMESTAMP_HPP
#define MILLRACE_TIME_TIMESTAMP_HPP

#include <millrace/core/chrono.hpp>

#include <cstdint>
#include <limits>

namespace millrace {

/// Length of time; one tick is a nanosecond. @public
using Duration = std::chrono::nanoseconds;

/// A point in event or processing time: nanoseconds since 1970-01-01 UTC, in 64 bits (1677 to 2262). @public
using Timestamp = std::chrono::sys_time<Duration>;

/// "No timestamp", and the watermark before any record. @public
inline constexpr Timestamp kMinTimestamp{Duration{std::numeric_limits<std::int64_t>::min()}};
/// The watermark at the end of a bounded input: event time has passed everything. @public
inline constexpr Timestamp kMaxTimestamp{Duration{std::numeric_limits<std::int64_t>::max()}};

/// `t + d`, cut at the sentinels instead of wrapping around.
constexpr Timestamp saturatingAdd(Timestamp t, Duration d) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(t.time_since_epoch().count(), d.count(), &sum)) {
        return d.count() > 0 ? kMaxTimestamp : kMinTimestamp;
    }
    return Timestamp{Duration{sum}};
}

/// `t - d`, cut at the sentinels instead of wrapping around.
constexpr Timestamp saturatingSubtract(Timestamp t, Duration d) noexcept {
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(t.time_since_epoch().count(), d.count(), &difference)) {
        return d.count() > 0 ? kMinTimestamp : kMaxTimestamp;
    }
    return Timestamp{Duration{difference}};
}

/// `(t - offset) mod size` in [0, size), also for times before the offset. `size` must be positive.
constexpr Duration floorMod(Timestamp t, Duration offset, Duration size) noexcept {
    // each term is reduced first, so that the difference cannot overflow
    const std::int64_t length = size.count();
    std::int64_t rest = t.time_since_epoch().count() % length - offset.count() % length;
    if (rest < 0) rest += length;
    if (rest < 0) rest += length;
    return Duration{rest >= length ? rest - length : rest};
}

}  // namespace millrace

#endif  // MILLRACE_TIME_TIMESTAMP_HPP
