#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/timer_thread.hpp>

#include <cstddef>
#include <exception>
#include <utility>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace millrace::detail {

MILLRACE_INLINE_COLD Timestamp TimerThread::now() {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}
MILLRACE_INLINE_COLD Duration TimerThread::monotonicNow() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

MILLRACE_INLINE_COLD void TimerThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

MILLRACE_INLINE_COLD void TimerThread::start() {
    if (stopping_ || thread_.joinable()) return;
    try {
        thread_ = startThread_([](void* timers) { static_cast<TimerThread*>(timers)->run(); }, this);
    } catch (const std::exception& error) {
        raise<Caused<JobExecutionException>>(
            "the thread for processing timers and the watchdog could not be started "
            "({}); the process has too many threads, or too little memory. Run several "
            "jobs on one ThreadPoolRuntime, or use CallerRuntime, which needs no thread",
            {error.what()});
    }
}

MILLRACE_INLINE_COLD void TimerThread::wakeAt(Timestamp time, Actor& actor) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = time < timers_.earliest();
        timers_.add(time, actor);
        start();
    }
    if (first) changed_.notify_all();
}

MILLRACE_INLINE_COLD void TimerThread::watch(Job& job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.add(new Weak<Job>(job));
        start();
    }
    changed_.notify_all();
}

MILLRACE_INLINE_COLD void TimerThread::watchJobs(std::unique_lock<std::mutex>& lock) {
    for (std::size_t i = 0; i < jobs_.size();) {
        Shared<Job> job = jobs_[i].lock();
        const bool isOver = job == nullptr || job->ended();
        if (isOver) {
            delete jobs_.release(i);
        } else {
            ++i;
        }
        lock.unlock();
        if (!isOver) job->reportLongCalls(monotonicNow());
        job = nullptr;  // perhaps the last reference to it: outside of the lock
        lock.lock();
    }
}

MILLRACE_INLINE_COLD void TimerThread::run() {
#if defined(__linux__)
    ::prctl(PR_SET_TIMERSLACK, 1);  // or Linux may ring 50 us late, to wake the processor less often
#endif
    // the wall clock may be set while this waits, so no wait is longer than this
    constexpr Duration kLongestWait = std::chrono::milliseconds(500);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        timers_.ringDue(now(), lock);
        watchJobs(lock);
        if (stopping_) return;
        if (timers_.empty() && jobs_.empty()) {
            changed_.wait(lock);
        } else {
            const Duration untilNext = timers_.earliest() - std::min(now(), timers_.earliest());
            changed_.wait_for(lock, std::min(untilNext, kLongestWait));
        }
    }
}

}  // namespace millrace::detail
