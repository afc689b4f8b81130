#include <millrace/core/errors.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/asio.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/thread_pool_runtime.hpp>
#include <millrace/runtime/timer_thread.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>

namespace millrace {

namespace detail {

/// Takes the memory for a posted handler from the actor, which has at most one: Asio's own cache is per thread, and
/// handlers that are posted on one thread and run on another would keep missing it.
template <class T>
struct ActorAllocator {
    using value_type = T;
    explicit ActorAllocator(Actor& a) noexcept : actor(&a) {}
    template <class U>
    ActorAllocator(const ActorAllocator<U>& other) noexcept : actor(other.actor) {}  // NOLINT: as allocators do

    T* allocate(std::size_t n) {
        if (n * sizeof(T) <= Actor::kHandlerBytes && alignof(T) <= alignof(std::max_align_t)) {
            return static_cast<T*>(actor->handlerMemory());
        }
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* memory, std::size_t n) noexcept {
        if (static_cast<void*>(memory) != actor->handlerMemory()) std::allocator<T>().deallocate(memory, n);
    }
    friend bool operator==(const ActorAllocator& a, const ActorAllocator& b) noexcept { return a.actor == b.actor; }

    Actor* actor;
};

struct RunActor {
    using allocator_type = ActorAllocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type(*actor); }
    void operator()() const { actor->run(); }
    Actor* actor;
};

/// Threads of an own pool.
class PoolThreads {
public:
    explicit PoolThreads(int threads) : pool_(static_cast<std::size_t>(threads)) {}
    void post(Actor& actor) { boost::asio::post(pool_, RunActor{&actor}); }
    std::shared_ptr<void> holdWork() { return nullptr; }
    bool includeThisOne() { return pool_.get_executor().running_in_this_thread(); }

private:
    boost::asio::thread_pool pool_;  // its destructor joins; every job has ended by then
};

/// Threads of the caller.
class CallersThreads {
public:
    explicit CallersThreads(ExternalExecutor threads) : threads_(std::move(threads)) {}
    void post(Actor& actor) {
        threads_.post([target = &actor] { target->run(); });  // small enough for std::function not to allocate
    }
    std::shared_ptr<void> holdWork() { return threads_.holdWork ? threads_.holdWork() : nullptr; }
    bool includeThisOne() { return false; }

private:
    ExternalExecutor threads_;
};

/// Runs tasks on such threads, by real clocks.
template <class Threads>
class RealTimeExecutor final : public TaskExecutor {
public:
    template <class Arg>
    static std::shared_ptr<TaskExecutor> create(Arg arg) {
        return {new RealTimeExecutor(std::move(arg)), &RealTimeExecutor::destroy};
    }

    void post(Actor& actor) override { threads_.post(actor); }
    std::shared_ptr<void> holdWork() override { return threads_.holdWork(); }
    Timestamp now() const override { return TimerThread::now(); }
    Duration monotonicNow() const override { return TimerThread::monotonicNow(); }
    void wakeAt(Timestamp time, std::weak_ptr<Actor> actor) override { timers_.wakeAt(time, std::move(actor)); }
    void watch(const std::shared_ptr<Job>& job) override { timers_.watch(job); }
    bool waitFor(Job& job, std::optional<Duration> timeout) override { return job.waitUntilEnded(timeout); }

private:
    template <class Arg>
    explicit RealTimeExecutor(Arg arg) : threads_(std::move(arg)) {}

    /// A client that is let go inside an operator may leave the last reference to a thread of the pool itself, which
    /// cannot join itself; then another thread does it.
    static void destroy(RealTimeExecutor* executor) {
        if (executor->threads_.includeThisOne()) {
            std::thread([executor] { delete executor; }).detach();
        } else {
            delete executor;
        }
    }

    Threads threads_;
    TimerThread timers_;  // joined first: it may be in the middle of a post
};

inline int hardwareThreads() {
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace detail

MILLRACE_INLINE_COLD ThreadPoolRuntime::ThreadPoolRuntime() : ThreadPoolRuntime(detail::hardwareThreads()) {}

MILLRACE_INLINE_COLD ThreadPoolRuntime::ThreadPoolRuntime(int threads) : defaultParallelism_(threads) {
    if (threads < 1) {
        throw ConfigurationException("ThreadPoolRuntime needs at least one thread, but got " + std::to_string(threads) +
                                     "; to run a job on the calling thread use CallerRuntime");
    }
    executor_ = detail::RealTimeExecutor<detail::PoolThreads>::create(threads);
}

MILLRACE_INLINE_COLD ThreadPoolRuntime::ThreadPoolRuntime(ExternalExecutor threads)
    : defaultParallelism_(detail::hardwareThreads()) {
    if (!threads.post)
        throw ConfigurationException("ExternalExecutor::post is empty; give it a function that runs others");
    executor_ = detail::RealTimeExecutor<detail::CallersThreads>::create(std::move(threads));
}

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> ThreadPoolRuntime::submit(detail::JobGraph graph) {
    return detail::startJob(std::move(graph), executor_);
}

}  // namespace millrace
