#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/executor_timers.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace {

namespace detail {

class SimulatedExecutor final : public TaskExecutor {
public:
    SimulatedExecutor(std::uint64_t seed, Timestamp start) : state_(seed), now_(start.time_since_epoch().count()) {}

    void post(Actor& actor) override {
        const std::lock_guard lock(mutex_);
        ready_.push_back(&actor);
    }
    Timestamp now() const override { return Timestamp{Duration{now_.load(std::memory_order_relaxed)}}; }
    Duration monotonicNow() const override { return now().time_since_epoch(); }
    void wakeAt(Timestamp time, Actor& actor) override {
        const std::lock_guard lock(mutex_);
        timers_.add(time, actor);
    }
    int quantumBlocks() override { return 1 + static_cast<int>(draw(16)); }
    std::size_t ringCapacity() override { return 1 + draw(8); }
    std::size_t gradualFrom() const override { return 0; }
    std::size_t slotsAtOnce() const override { return 3; }
    std::size_t firstChannel(std::size_t count, std::size_t) override { return count == 0 ? 0 : draw(count); }
    void trace(std::uint64_t event) override {
        hash_.store(mix(hash_.load(std::memory_order_relaxed) ^ event), std::memory_order_relaxed);
    }
    std::uint64_t traceHash() const override { return hash_.load(std::memory_order_relaxed); }

    bool runsOnCaller() const noexcept override { return true; }
    bool step() override { return stepUntil(kMaxTimestamp); }

    bool stepUntil(Timestamp limit) {
        for (;;) {
            if (now() > limit) return false;  // steps that take time have gone past it
            if (wakeDueTimers()) continue;    // in the order of their times, before anything else happens at this time
            if (Actor* const actor = take(); actor != nullptr) {
                trace(static_cast<std::uint64_t>(actor->id()) * 2 + 1);
                actor->run();
                if (stepDuration_ > Duration{0}) setClock(saturatingAdd(now(), stepDuration_));
                return true;
            }
            if (!jumpToNextTimer(limit)) return false;
        }
    }

    void setClock(Timestamp time) {
        if (time > now()) now_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
    }

    void setStepDuration(Duration duration) noexcept { stepDuration_ = duration; }

    bool waitFor(Job& job, Duration timeout) override {
        const Timestamp limit = saturatingAdd(now(), timeout);
        while (!job.ended()) {
            if (stepUntil(limit)) continue;
            if (timeout != kForever) {
                setClock(limit);
                return false;
            }
            job.fail(std::make_exception_ptr(JobExecutionException(
                "the simulation can go no further: no task is ready and no timer is pending. Still open: " +
                job.describeOpenTasks() + ". Feed or close what the sources wait for before waiting for the result")));
        }
        return true;
    }

private:
    /// splitmix64: the same numbers on every platform.
    static std::uint64_t mix(std::uint64_t z) noexcept {
        z += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    std::size_t draw(std::size_t bound) noexcept {
        state_ += 0x9e3779b97f4a7c15ULL;
        return static_cast<std::size_t>(mix(state_) % bound);
    }

    Actor* take() {
        const std::lock_guard lock(mutex_);
        if (ready_.empty()) return nullptr;
        std::swap(ready_[draw(ready_.size())], ready_.back());
        Actor* const actor = ready_.back();
        ready_.pop_back();
        return actor;
    }

    bool wakeDueTimers() {
        std::unique_lock lock(mutex_);
        if (timers_.empty() || timers_.earliest() > now()) return false;
        ExecutorTimers::Taken timer = timers_.takeEarliest();
        lock.unlock();
        timer.ring();
        return true;
    }

    bool jumpToNextTimer(Timestamp limit) {
        List<SharedReference> kept;  // what goes with the last of them goes outside of the lock
        const std::lock_guard lock(mutex_);
        timers_.dropEnded(kept);  // nobody cares: the clock does not move for them
        if (timers_.empty() || timers_.earliest() > limit) return false;
        setClock(timers_.earliest());
        return true;
    }

    std::mutex mutex_;  // sources may be woken from other threads
    std::vector<Actor*> ready_;
    ExecutorTimers timers_;
    std::uint64_t state_;
    Duration stepDuration_{0};
    std::atomic<std::int64_t> now_;
    std::atomic<std::uint64_t> hash_{0};
};

}  // namespace detail

MILLRACE_INLINE_COLD SimulatedRuntime::SimulatedRuntime(std::uint64_t seed, Timestamp start)
    : executor_(new detail::SimulatedExecutor(seed, start)) {}

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> SimulatedRuntime::submit(detail::JobGraph graph) {
    return detail::startJob(std::move(graph), executor_);
}

MILLRACE_INLINE_COLD bool SimulatedRuntime::step() {
    return executor_->step();
}

MILLRACE_INLINE_COLD std::size_t SimulatedRuntime::runFor(std::size_t steps) {
    std::size_t done = 0;
    while (done < steps && executor_->step()) ++done;
    return done;
}

MILLRACE_INLINE_COLD void SimulatedRuntime::advance(Duration time) {
    const Timestamp limit = saturatingAdd(now(), time);
    while (executor_->stepUntil(limit)) continue;
    executor_->setClock(limit);
}

MILLRACE_INLINE_COLD void SimulatedRuntime::setStepDuration(Duration duration) {
    executor_->setStepDuration(duration);
}

MILLRACE_INLINE_COLD Timestamp SimulatedRuntime::now() const {
    return executor_->now();
}
MILLRACE_INLINE_COLD std::uint64_t SimulatedRuntime::traceHash() const {
    return executor_->traceHash();
}

}  // namespace millrace
