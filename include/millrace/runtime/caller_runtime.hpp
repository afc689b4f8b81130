#ifndef MILLRACE_RUNTIME_CALLER_RUNTIME_HPP
#define MILLRACE_RUNTIME_CALLER_RUNTIME_HPP

#include <millrace/core/config.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/runtime/job_client.hpp>

#include <cstddef>
#include <memory>

namespace millrace {

/// Runs jobs on the caller's thread, in real time; creates no thread. @public
/// Nothing happens but inside `step`, `runFor`, and the client's `step`, `runFor`, `result`, `waitFor` and destructor, which
/// waits for wake-ups from other threads and for processing timers when nothing is ready.
/// A copyable handle; its jobs take turns.
/// *Thread safety:* one thread at a time steps; sources may be woken from any thread.
class CallerRuntime {
public:
    CallerRuntime();
    std::shared_ptr<JobClient> submit(detail::JobGraph graph);
    /// Parallelism of an environment on this runtime that sets none.
    int defaultParallelism() const noexcept { return 1; }

    /// Runs one task that is ready; false when there was none.
    bool step();
    /// Up to `steps` steps; returns how many found work.
    std::size_t runFor(std::size_t steps);

private:
    detail::Shared<detail::TaskExecutor> executor_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/caller_runtime.ipp>
#endif

#endif  // MILLRACE_RUNTIME_CALLER_RUNTIME_HPP
