#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/timer_thread.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD Timestamp TimerThread::now() {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}
MILLRACE_INLINE_COLD Duration TimerThread::monotonicNow() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

MILLRACE_INLINE_COLD TimerThread::~TimerThread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

MILLRACE_INLINE_COLD void TimerThread::start() {
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

MILLRACE_INLINE_COLD void TimerThread::wakeAt(Timestamp time, std::weak_ptr<Actor> actor) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = timers_.emplace(time, std::move(actor)) == timers_.begin();
        start();
    }
    if (first) changed_.notify_all();
}

MILLRACE_INLINE_COLD void TimerThread::watch(const std::shared_ptr<Job>& job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(job);
        start();
    }
    changed_.notify_all();
}

MILLRACE_INLINE_COLD void TimerThread::run() {
    // the wall clock may be set while this waits, so no wait is longer than this
    constexpr Duration kLongestWait = std::chrono::milliseconds(500);
    std::vector<std::weak_ptr<Actor>> due;
    std::vector<std::weak_ptr<Job>> watched;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const Timestamp time = now();
        while (!timers_.empty() && timers_.begin()->first <= time) {
            due.push_back(std::move(timers_.begin()->second));
            timers_.erase(timers_.begin());
        }
        std::erase_if(jobs_, [](const std::weak_ptr<Job>& weak) {
            const auto job = weak.lock();
            return job == nullptr || job->ended();
        });
        watched = jobs_;
        lock.unlock();
        for (const auto& weak : due) {
            if (const auto actor = weak.lock()) actor->wake();
        }
        due.clear();
        for (const auto& weak : watched) {
            if (const auto job = weak.lock()) job->reportLongCalls(monotonicNow());
        }
        lock.lock();
        if (stopping_) return;
        if (!timers_.empty()) {
            const Duration untilNext = std::max(timers_.begin()->first - now(), Duration{0});
            changed_.wait_for(lock, std::min(untilNext, kLongestWait));
        } else if (!jobs_.empty()) {
            changed_.wait_for(lock, kLongestWait);
        } else {
            changed_.wait(lock);
        }
    }
}

}  // namespace millrace::detail
