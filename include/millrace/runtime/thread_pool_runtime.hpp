#ifndef MILLRACE_RUNTIME_THREAD_POOL_RUNTIME_HPP
#define MILLRACE_RUNTIME_THREAD_POOL_RUNTIME_HPP

#include <millrace/core/config.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/runtime/job_client.hpp>

#include <memory>

namespace millrace {

struct ExternalExecutor;  // in runtime/external_executor.hpp, which has to be included to make one

namespace detail {
int hardwareThreads();
}

/// What the threads of a pool do while no task is ready. @public
enum class IdleThreads : unsigned char {
    Block,  ///< sleep, until a task wakes one of them
    Spin    ///< go on looking, which saves waking up: only where each thread has a processor to itself
};

/// Runs jobs on a pool of threads. @public
/// A copyable handle: copies share the pool, which ends with the last of them and of its jobs' clients. Processing timers
/// and a watchdog, which logs operators that hold a thread for more than a second, have one thread of their own.
/// *Thread safety:* all functions may be called from any thread. *Failure:* `submit` throws what is wrong with the graph.
class ThreadPoolRuntime {
public:
    /// As many threads as the machine has.
    ThreadPoolRuntime();
    /// *Failure:* ConfigurationException for fewer than one thread.
    explicit ThreadPoolRuntime(int threads, IdleThreads idle = IdleThreads::Block);
    /// On threads of the caller, who keeps them running until the jobs have ended; waiting for a job on the only such
    /// thread would wait for ever. Needs `#include <millrace/runtime/external_executor.hpp>`.
    explicit ThreadPoolRuntime(ExternalExecutor threads);

    std::shared_ptr<JobClient> submit(detail::JobGraph graph);
    /// Parallelism of an environment on this runtime that sets none: the number of its threads, or of the machine's.
    int defaultParallelism() const noexcept { return defaultParallelism_; }

private:
    int defaultParallelism_;
    detail::Shared<detail::TaskExecutor> executor_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/thread_pool_runtime.ipp>
#endif

#endif  // MILLRACE_RUNTIME_THREAD_POOL_RUNTIME_HPP
