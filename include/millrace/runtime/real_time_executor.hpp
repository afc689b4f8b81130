#ifndef MILLRACE_RUNTIME_REAL_TIME_EXECUTOR_HPP
#define MILLRACE_RUNTIME_REAL_TIME_EXECUTOR_HPP

#include <millrace/core/config.hpp>
#include <millrace/runtime/executor.hpp>
#include <millrace/runtime/timer_thread.hpp>

namespace millrace::detail {

/// Runs tasks by real clocks.
class RealTimeExecutor : public TaskExecutor {
public:
    Timestamp now() const override { return TimerThread::now(); }
    Duration monotonicNow() const override { return TimerThread::monotonicNow(); }
    void wakeAt(Timestamp time, Actor& actor) override { timers_.wakeAt(time, actor); }
    void watch(Job& job) override { timers_.watch(job); }
    MILLRACE_INLINE_COLD bool waitFor(Job& job, Duration timeout) override;

protected:
    TimerThread timers_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/real_time_executor.ipp>
#endif

#endif  // MILLRACE_RUNTIME_REAL_TIME_EXECUTOR_HPP
