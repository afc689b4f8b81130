#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/start_thread.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/real_time_executor.hpp>
#include <millrace/runtime/thread_pool_runtime.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace millrace {

namespace detail {

/// On threads of its own, which take what is ready in turn.
class PoolExecutor final : public RealTimeExecutor {
public:
    [[gnu::cold]] PoolExecutor(int threads, IdleThreads idle) : spins_(idle == IdleThreads::Spin) {
        try {
            for (int i = 0; i < threads; ++i) {
                threads_.add(new std::thread(
                    startThread([](void* executor) { static_cast<PoolExecutor*>(executor)->run(); }, this)));
            }
        } catch (...) {
            join();
            throw;
        }
    }
    MILLRACE_INLINE_COLD ~PoolExecutor() override;

    MILLRACE_INLINE void post(Actor& actor) override;
    MILLRACE_INLINE void postAgain(Actor& actor) override;

private:
    MILLRACE_INLINE_COLD void endShared() const noexcept override;
    [[gnu::cold]] bool owns(std::thread::id id) const noexcept {
        for (const std::thread& thread : threads_) {
            if (thread.get_id() == id) return true;
        }
        return false;
    }
    void append(Actor& actor) noexcept;
    void run();
    void spin() const noexcept;
    void join();

    const bool spins_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<Actor*> first_{nullptr};  ///< written under the mutex
    Actor* last_ = nullptr;
    int idle_ = 0;  ///< threads that wait and have not been notified; may count too many, never too few
    std::atomic<bool> stopping_{false};
    OwnerList<std::thread> threads_;
};

/// A client that is let go inside an operator may leave the last reference to a thread of the pool itself, which cannot join
/// itself; then another thread ends the pool.
MILLRACE_INLINE_COLD void PoolExecutor::endShared() const noexcept {
    if (owns(std::this_thread::get_id())) {
        startThread([](void* left) { delete static_cast<PoolExecutor*>(left); }, const_cast<PoolExecutor*>(this))
            .detach();
    } else {
        delete this;
    }
}

MILLRACE_INLINE_COLD PoolExecutor::~PoolExecutor() {
    timers_.stop();  // it may be in the middle of a post
    join();          // every job has ended by now
}

MILLRACE_INLINE void PoolExecutor::post(Actor& actor) {
    bool notify = false;
    {
        const std::lock_guard lock(mutex_);
        append(actor);
        notify = idle_ > 0;
        if (notify) --idle_;
    }
    if (notify) changed_.notify_one();
}

MILLRACE_INLINE void PoolExecutor::postAgain(Actor& actor) {
    const std::lock_guard lock(mutex_);
    append(actor);
}

/// With the mutex held.
MILLRACE_INLINE void PoolExecutor::append(Actor& actor) noexcept {
    actor.nextReady = nullptr;
    if (last_ == nullptr) {
        first_.store(&actor, std::memory_order_relaxed);
    } else {
        last_->nextReady = &actor;
    }
    last_ = &actor;
}

MILLRACE_INLINE_COLD void PoolExecutor::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        Actor* actor = nullptr;
        while ((actor = first_.load(std::memory_order_relaxed)) == nullptr) {
            if (stopping_) return;
            if (spins_) {
                lock.unlock();
                spin();
                lock.lock();
            } else {
                ++idle_;
                changed_.wait(lock);
            }
        }
        first_.store(actor->nextReady, std::memory_order_relaxed);
        if (actor->nextReady == nullptr) last_ = nullptr;
        lock.unlock();
        actor->run();
        lock.lock();
    }
}

/// Until there may be something to do.
MILLRACE_INLINE void PoolExecutor::spin() const noexcept {
    for (unsigned i = 1; first_.load(std::memory_order_relaxed) == nullptr && !stopping_; ++i) {
        if (i % 1024 == 0) std::this_thread::yield();  // where there are fewer processors than threads after all
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
}

MILLRACE_INLINE_COLD void PoolExecutor::join() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

MILLRACE_INLINE_COLD int hardwareThreads() {
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace detail

MILLRACE_INLINE_COLD ThreadPoolRuntime::ThreadPoolRuntime() : ThreadPoolRuntime(detail::hardwareThreads()) {}

MILLRACE_INLINE_COLD ThreadPoolRuntime::ThreadPoolRuntime(int threads, IdleThreads idle)
    : defaultParallelism_(threads) {
    if (threads < 1) {
        detail::raise<ConfigurationException>(
            "ThreadPoolRuntime needs at least one thread, but got {}; to run a job on the calling thread use "
            "CallerRuntime",
            {threads});
    }
    executor_ = detail::Shared<detail::TaskExecutor>(new detail::PoolExecutor(threads, idle));
}

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> ThreadPoolRuntime::submit(detail::JobGraph graph) {
    return detail::startJob(std::move(graph), executor_);
}

}  // namespace millrace
