#include <millrace/core/start_thread.hpp>
#include <millrace/runtime/blocking_work_thread.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD BlockingWorkThread::~BlockingWorkThread() {
    stop();
}

MILLRACE_INLINE_COLD void BlockingWorkThread::run(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        work_.add(new std::function<void()>(std::move(work)));
        if (!thread_.joinable()) {
            thread_ = startThread([](void* self) { static_cast<BlockingWorkThread*>(self)->loop(); }, this);
        }
    }
    changed_.notify_one();
}

MILLRACE_INLINE_COLD void BlockingWorkThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

MILLRACE_INLINE_COLD void BlockingWorkThread::loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        while (work_.empty()) {
            if (stopping_) return;
            changed_.wait(lock);
        }
        const std::unique_ptr<std::function<void()>> work(work_.release(0));
        lock.unlock();
        (*work)();
        lock.lock();
    }
}

}  // namespace millrace::detail
