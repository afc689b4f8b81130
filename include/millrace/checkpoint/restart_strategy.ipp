#ifndef MILLRACE_CHECKPOINT_RESTART_STRATEGY_IPP
#define MILLRACE_CHECKPOINT_RESTART_STRATEGY_IPP

#include <millrace/checkpoint/restart_strategy.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

namespace millrace {

MILLRACE_INLINE_COLD RestartStrategy RestartStrategy::noRestart() {
    return {};
}

MILLRACE_INLINE_COLD RestartStrategy RestartStrategy::fixedDelay(int attempts, Duration delay) {
    if (attempts < 0 || delay < Duration{0}) {
        detail::raise<ConfigurationException>(
            "RestartStrategy::fixedDelay: {} attempts after {} ns; neither may be negative. Not to restart at all: "
            "noRestart()",
            {attempts, delay.count()});
    }
    RestartStrategy strategy;
    strategy.kind_ = Kind::FixedDelay;
    strategy.attempts_ = attempts;
    strategy.delay_ = delay;
    return strategy;
}

MILLRACE_INLINE_COLD RestartStrategy RestartStrategy::failureRate(int maxFailures, Duration interval, Duration delay) {
    if (maxFailures < 1 || interval <= Duration{0} || delay < Duration{0}) {
        detail::raise<ConfigurationException>(
            "RestartStrategy::failureRate: {} failures in {} ns with a delay of {} ns; expected at least one failure, "
            "an interval above 0 and a delay of 0 or more",
            {maxFailures, interval.count(), delay.count()});
    }
    RestartStrategy strategy;
    strategy.kind_ = Kind::FailureRate;
    strategy.attempts_ = maxFailures;
    strategy.interval_ = interval;
    strategy.delay_ = delay;
    return strategy;
}

MILLRACE_INLINE_COLD RestartStrategy RestartStrategy::exponentialDelay(Exponential options) {
    const char* wrong = nullptr;
    if (options.jitter < 0 || options.jitter > 1) wrong = "jitter must be between 0 and 1";
    if (options.resetThreshold <= Duration{0}) wrong = "resetThreshold must be above 0";
    if (options.multiplier < 1) wrong = "multiplier must be 1 or more";
    if (options.maxBackoff < options.initialBackoff) wrong = "maxBackoff must not be below initialBackoff";
    if (options.initialBackoff <= Duration{0}) wrong = "initialBackoff must be above 0";
    if (wrong != nullptr) detail::raise<ConfigurationException>("RestartStrategy::exponentialDelay: {}", {wrong});
    RestartStrategy strategy;
    strategy.kind_ = Kind::ExponentialDelay;
    strategy.exponential_ = options;
    return strategy;
}

MILLRACE_INLINE_COLD RestartStrategy RestartStrategy::exponentialDelay() {
    return exponentialDelay(Exponential{});
}

MILLRACE_INLINE_COLD Duration RestartStrategy::State::withJitter(Duration delay) {
    // splitmix64, so that many jobs that failed together do not come back together
    random_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = random_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    const double unit = static_cast<double>((z ^ (z >> 31)) >> 11) / 9007199254740992.0;  // [0, 1)
    const double factor = 1 + strategy_->exponential_.jitter * (2 * unit - 1);
    return Duration{static_cast<std::int64_t>(static_cast<double>(delay.count()) * factor)};
}

MILLRACE_INLINE_COLD std::optional<Duration> RestartStrategy::State::failedAt(Duration now) {
    switch (strategy_->kind_) {
        case Kind::None:
            return std::nullopt;
        case Kind::FixedDelay:
            if (failures_ == strategy_->attempts_) return std::nullopt;
            ++failures_;
            return strategy_->delay_;
        case Kind::FailureRate:
            std::erase_if(recent_, [&](Duration at) { return now - at > strategy_->interval_; });
            recent_.push_back(now);
            if (recent_.size() > static_cast<std::size_t>(strategy_->attempts_)) return std::nullopt;
            return strategy_->delay_;
        case Kind::ExponentialDelay:
            break;
    }
    const Exponential& options = strategy_->exponential_;
    if (restartedAt_ != Duration::min() && now - restartedAt_ >= options.resetThreshold) {
        backoff_ = Duration{0};
        failures_ = 0;
    }
    if (options.attempts >= 0 && failures_ >= options.attempts) return std::nullopt;
    ++failures_;
    if (backoff_ == Duration{0}) {
        backoff_ = options.initialBackoff;
    } else {
        const double longer = static_cast<double>(backoff_.count()) * options.multiplier;
        backoff_ = longer < static_cast<double>(options.maxBackoff.count())
                       ? Duration{static_cast<std::int64_t>(longer)}
                       : options.maxBackoff;
    }
    const Duration delay = withJitter(backoff_);
    restartedAt_ = now + delay;
    return delay;
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_RESTART_STRATEGY_IPP
