#ifndef MILLRACE_RUNTIME_JOB_CONTROL_HPP
#define MILLRACE_RUNTIME_JOB_CONTROL_HPP

#include <millrace/core/functional.hpp>

#include <atomic>
#include <exception>
#include <utility>

namespace millrace::detail {

class Actor;
class Task;

/// What a task sees of its job.
/// *Thread safety:* everything may be called from any thread.
class JobControl {
public:
    enum class StopRequest : unsigned char { None, Drain, NoDrain };

    virtual ~JobControl() = default;
    /// All tasks close at their next boundary, without flushing anything.
    bool aborting() const noexcept { return aborting_.load(); }
    /// Sources end; what is on its way is still processed.
    StopRequest stopRequest() const noexcept { return stopRequest_.load(); }
    /// The first failure is the job's, and makes all tasks abort.
    virtual void fail(std::exception_ptr error) = 0;
    /// The same for what a task has thrown, which may concern its region only.
    virtual void taskFailed(Task& /*task*/, std::exception_ptr error) { fail(std::move(error)); }
    /// The caller's task has ended. With the last one the job ends, and may be gone when this returns.
    virtual void taskEnded(Task& task) = 0;
    /// A callback that wakes one of its tasks, from any thread. Does not keep the job alive, and does nothing after its end.
    virtual std::function<void()> wakeUp(Actor& task) = 0;

protected:
    std::atomic<bool> aborting_{false};
    std::atomic<StopRequest> stopRequest_{StopRequest::None};
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_JOB_CONTROL_HPP
