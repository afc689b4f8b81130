#ifndef MILLRACE_CHECKPOINT_RESTART_STRATEGY_HPP
#define MILLRACE_CHECKPOINT_RESTART_STRATEGY_HPP

#include <millrace/core/config.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace {

/// What happens when a job fails: whether it starts again from its last checkpoint, and after how long. @public
/// Made by one of the functions below, by Flink's names and rules. Times are monotonic, not the wall clock.
class RestartStrategy {
public:
    /// The first failure is the end.
    static RestartStrategy noRestart();
    /// Up to `attempts` restarts, each after `delay`; they are counted over the whole life of the job.
    /// *Failure:* ConfigurationException for a negative argument.
    static RestartStrategy fixedDelay(int attempts, Duration delay = std::chrono::seconds(1));
    /// Ends when there are more than `maxFailures` failures within any `interval`.
    /// *Failure:* ConfigurationException for fewer than one failure, an interval <= 0 or a negative delay.
    static RestartStrategy failureRate(int maxFailures, Duration interval, Duration delay = std::chrono::seconds(1));

    /// Of `exponentialDelay`.
    struct Exponential {
        Duration initialBackoff = std::chrono::seconds(1);
        Duration maxBackoff = std::chrono::minutes(1);
        double multiplier = 1.5;
        Duration resetThreshold = std::chrono::hours(1);  ///< of running without a failure: begins anew
        double jitter = 0.1;                              ///< of the delay, up or down
        int attempts = -1;                                ///< before a reset; negative: any number
    };
    /// Restarts for ever (unless told otherwise), waiting longer each time.
    /// *Failure:* ConfigurationException for values that make no sense, naming the field.
    static RestartStrategy exponentialDelay(Exponential options);
    static RestartStrategy exponentialDelay();  ///< with the values above

    /// What a job needs to remember of its failures. One per job.
    class State {
    public:
        /// `seed` is for the jitter.
        State(const RestartStrategy& strategy, std::uint64_t seed) : strategy_(&strategy), random_(seed) {}
        /// The job has failed at `now`: how long to wait before it starts again; none: it ends.
        std::optional<Duration> failedAt(Duration now);

    private:
        Duration withJitter(Duration delay);

        const RestartStrategy* strategy_;
        std::uint64_t random_;
        int failures_ = 0;
        std::vector<Duration> recent_;
        Duration backoff_{0};
        Duration restartedAt_ = Duration::min();
    };

private:
    enum class Kind : std::uint8_t { None, FixedDelay, FailureRate, ExponentialDelay };

    Kind kind_ = Kind::None;
    int attempts_ = 0;
    Duration delay_{0};
    Duration interval_{0};
    Exponential exponential_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/restart_strategy.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_RESTART_STRATEGY_HPP
