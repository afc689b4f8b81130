#ifndef MILLRACE_TESTING_MANUAL_CLOCK_HPP
#define MILLRACE_TESTING_MANUAL_CLOCK_HPP

#include <millrace/core/errors.hpp>
#include <millrace/time/clock.hpp>

namespace millrace::testing {

/// A clock that stands still until it is moved. @public
/// *Thread safety:* none.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Timestamp start = Timestamp{}) noexcept : now_(start) {}

    Timestamp now() const noexcept override { return now_; }
    /// *Failure:* ConfigurationException for a time in the past: processing time does not run backwards.
    void set(Timestamp now) {
        if (now < now_) throw ConfigurationException("ManualClock: the clock cannot be set back");
        now_ = now;
    }
    void advance(Duration duration) { set(saturatingAdd(now_, duration)); }

private:
    Timestamp now_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_MANUAL_CLOCK_HPP
