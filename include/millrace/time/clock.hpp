#ifndef MILLRACE_TIME_CLOCK_HPP
#define MILLRACE_TIME_CLOCK_HPP

#include <millrace/time/timestamp.hpp>

namespace millrace {

/// Where processing time comes from. Stages never read the system clock: a runtime hands them one of these. @public
/// *Thread safety:* `now()` may be called from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
};

/// The wall clock of this machine. @public
class SystemClock final : public Clock {
public:
    Timestamp now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
};

}  // namespace millrace

#endif  // MILLRACE_TIME_CLOCK_HPP
