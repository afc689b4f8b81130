#ifndef MILLRACE_CONNECTORS_ROLLING_POLICY_HPP
#define MILLRACE_CONNECTORS_ROLLING_POLICY_HPP

#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <string>

namespace millrace {

/// When a file sink finishes a part file and begins another; made by `DefaultRollingPolicy` or `OnCheckpointRollingPolicy`.
/// @public
struct RollingPolicy {
    std::uint64_t maxPartSize = UINT64_MAX;  ///< bytes
    Duration rolloverInterval = Duration::max();
    Duration inactivityInterval = Duration::max();
    bool onCheckpoint = false;
};

/// Rolls a part file that is larger than 128 MiB, has been open for 60 seconds, or has not been written to for 60 seconds;
/// each can be changed. @public
/// The size is looked at before each record and at checkpoints, the times at the interval of the sink's
/// `withBucketCheckInterval`.
/// *Failure:* ConfigurationException for a size or time of 0 or less.
class DefaultRollingPolicy {
public:
    DefaultRollingPolicy& withMaxPartSize(std::uint64_t bytes) {
        if (bytes == 0) throw ConfigurationException("DefaultRollingPolicy: withMaxPartSize(0): give at least 1 byte");
        policy_.maxPartSize = bytes;
        return *this;
    }
    DefaultRollingPolicy& withRolloverInterval(Duration interval) {
        policy_.rolloverInterval = checked(interval, "withRolloverInterval");
        return *this;
    }
    DefaultRollingPolicy& withInactivityInterval(Duration interval) {
        policy_.inactivityInterval = checked(interval, "withInactivityInterval");
        return *this;
    }
    operator RollingPolicy() const noexcept { return policy_; }  // NOLINT(google-explicit-constructor)

private:
    static Duration checked(Duration interval, const char* what) {
        if (interval > Duration{0}) return interval;
        throw ConfigurationException(std::string("DefaultRollingPolicy: ") + what + ": the time must be positive");
    }

    RollingPolicy policy_{std::uint64_t{128} << 20, std::chrono::seconds(60), std::chrono::seconds(60), false};
};

/// Rolls every part file at every checkpoint, and only then: what a checkpoint covers is visible as soon as it is complete.
/// @public
class OnCheckpointRollingPolicy {
public:
    operator RollingPolicy() const noexcept {  // NOLINT(google-explicit-constructor)
        RollingPolicy policy;
        policy.onCheckpoint = true;
        return policy;
    }
};

/// How the part files of a file sink are named: `<partPrefix>-<uid of the writer>-<counter><partSuffix>`. @public
struct OutputFileConfig {
    std::string partPrefix = "part";
    std::string partSuffix{};  ///< with its dot: ".csv"
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_ROLLING_POLICY_HPP
