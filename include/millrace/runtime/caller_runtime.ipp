#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/executor_timers.hpp>
#include <millrace/runtime/job.hpp>

#include <condition_variable>
#include <mutex>
#include <utility>

namespace millrace {

namespace detail {

class CallerExecutor final : public TaskExecutor {
public:
    void post(Actor& actor) override {
        const std::lock_guard lock(mutex_);
        actor.nextReady = nullptr;
        (last_ == nullptr ? first_ : last_->nextReady) = &actor;
        last_ = &actor;
        if (waiting_ > 0) changed_.notify_all();
    }
    Timestamp now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
    Duration monotonicNow() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
    void wakeAt(Timestamp time, Actor& actor) override {
        const std::lock_guard lock(mutex_);
        timers_.add(time, actor);
        if (waiting_ > 0) changed_.notify_all();
    }

    bool runsOnCaller() const noexcept override { return true; }
    bool step() override {
        wakeDueTimers();
        Actor* actor = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (first_ == nullptr) return false;
            actor = first_;
            first_ = actor->nextReady;
            if (first_ == nullptr) last_ = nullptr;
        }
        actor->run();
        const std::lock_guard lock(mutex_);
        if (waiting_ > 0) changed_.notify_all();  // a job may have ended
        return true;
    }

    bool waitFor(Job& job, Duration timeout) override {
        const Duration start = monotonicNow();
        while (!job.ended()) {
            const Duration waited = monotonicNow() - start;
            if (waited >= timeout) return false;
            if (!step()) waitForWork(job, timeout == kForever ? kForever : timeout - waited);
        }
        return true;
    }

private:
    void wakeDueTimers() {
        std::unique_lock lock(mutex_);
        if (!timers_.empty()) timers_.ringDue(now(), lock);
    }

    void waitForWork(Job& job, Duration timeout) {
        // the wall clock, by which timers go, may be set meanwhile
        constexpr Duration kLongestWait = std::chrono::milliseconds(500);
        std::unique_lock lock(mutex_);
        if (first_ != nullptr || job.ended()) return;
        ++waiting_;
        if (timeout != kForever || !timers_.empty()) {
            Duration wait = std::min(timeout, kLongestWait);
            if (!timers_.empty()) wait = std::min(wait, timers_.earliest() - now());
            changed_.wait_for(lock, std::max(wait, Duration{0}));
        } else {
            changed_.wait(lock);
        }
        --waiting_;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    Actor* first_ = nullptr;
    Actor* last_ = nullptr;
    ExecutorTimers timers_;
    int waiting_ = 0;
};

}  // namespace detail

MILLRACE_INLINE_COLD CallerRuntime::CallerRuntime() : executor_(new detail::CallerExecutor) {}

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> CallerRuntime::submit(detail::JobGraph graph) {
    return detail::startJob(std::move(graph), executor_);
}

MILLRACE_INLINE_COLD bool CallerRuntime::step() {
    return executor_->step();
}

MILLRACE_INLINE_COLD std::size_t CallerRuntime::runFor(std::size_t steps) {
    std::size_t done = 0;
    while (done < steps && executor_->step()) ++done;
    return done;
}

}  // namespace millrace
