#ifndef MILLRACE_RUNTIME_BLOCKING_WORK_THREAD_HPP
#define MILLRACE_RUNTIME_BLOCKING_WORK_THREAD_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/pointer_list.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace millrace::detail {

/// Runs what blocks, one after the other, away from the threads of the tasks. Started by the first piece of work.
/// *Thread safety:* `run` may be called from any thread.
class BlockingWorkThread {
public:
    BlockingWorkThread() = default;
    MILLRACE_INLINE ~BlockingWorkThread();
    BlockingWorkThread(const BlockingWorkThread&) = delete;
    BlockingWorkThread& operator=(const BlockingWorkThread&) = delete;

    /// `work` must not throw.
    void run(std::function<void()> work);
    /// Finishes what there is and ends the thread.
    void stop();

private:
    void loop();

    std::mutex mutex_;
    std::condition_variable changed_;
    OwnerList<std::function<void()>> work_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/blocking_work_thread.ipp>
#endif

#endif  // MILLRACE_RUNTIME_BLOCKING_WORK_THREAD_HPP
