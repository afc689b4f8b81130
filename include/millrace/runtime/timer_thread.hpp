#ifndef MILLRACE_RUNTIME_TIMER_THREAD_HPP
#define MILLRACE_RUNTIME_TIMER_THREAD_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/core/start_thread.hpp>
#include <millrace/runtime/executor_timers.hpp>
#include <millrace/time/timestamp.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace millrace::detail {

class Actor;
class Job;

/// The one thread of a pool that knows the time: wakes actors for their processing timers and watches for operators that
/// hold a thread too long. Started by the first job.
/// *Thread safety:* all functions may be called from any thread.
class TimerThread {
public:
    /// Starts a thread that runs `body(argument)`.
    using StartThread = std::thread (*)(void (*body)(void*), void* argument);

    TimerThread() = default;
    /// With threads of another kind: for tests.
    explicit TimerThread(StartThread startThread) : startThread_(startThread) {}
    ~TimerThread() { stop(); }
    TimerThread(const TimerThread&) = delete;
    TimerThread& operator=(const TimerThread&) = delete;

    /// Ends the thread; later calls have no effect.
    void stop();
    void wakeAt(Timestamp time, Actor& actor);
    /// *Failure:* JobExecutionException when the thread cannot be started.
    void watch(Job& job);

    static Timestamp now();
    static Duration monotonicNow();

private:
    void start();
    void run();
    void watchJobs(std::unique_lock<std::mutex>& lock);

    std::mutex mutex_;
    std::condition_variable changed_;
    ExecutorTimers timers_;
    OwnerList<Weak<Job>> jobs_;
    bool stopping_ = false;
    StartThread startThread_ = &startThread;
    std::thread thread_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/timer_thread.ipp>
#endif

#endif  // MILLRACE_RUNTIME_TIMER_THREAD_HPP
