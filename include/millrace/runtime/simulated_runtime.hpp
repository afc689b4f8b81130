#ifndef MILLRACE_RUNTIME_SIMULATED_RUNTIME_HPP
#define MILLRACE_RUNTIME_SIMULATED_RUNTIME_HPP

#include <millrace/core/config.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/runtime/job_client.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace {

namespace detail {
class SimulatedExecutor;
}

/// Runs jobs on one thread under a virtual clock, in an order drawn from a seed: for tests that must find every order
/// and repeat any of them. @public
/// The seed decides which task runs next and for how long, from which channel it takes, and how short the channels are.
/// The clock stands still while anything can run and then jumps to the next timer. Equal seeds give equal executions,
/// and equal `traceHash`es.
/// Nothing happens but inside `step`, `advance`, and the client's `step`, `runFor`, `result`, `waitFor` and destructor.
/// A job that can go no further (a source waits for data that nobody gives it) fails in `result()`, which names the tasks.
/// *Thread safety:* none, but for waking sources. A copyable handle.
class SimulatedRuntime {
public:
    explicit SimulatedRuntime(std::uint64_t seed = 0, Timestamp start = Timestamp{});
    std::shared_ptr<JobClient> submit(detail::JobGraph graph);
    /// Parallelism of an environment on this runtime that sets none; the same on every machine.
    int defaultParallelism() const noexcept { return 4; }

    /// Runs one task; false when none is ready and no timer pending.
    bool step();
    std::size_t runFor(std::size_t steps);
    /// Runs everything that happens within `time` of virtual time.
    void advance(Duration time);

    /// Virtual time that each step takes from here on (0). With 0 the clock stands still while anything can run, so nothing
    /// that goes by time, such as a checkpoint at an interval, happens in the middle of a bounded job.
    void setStepDuration(Duration duration);

    Timestamp now() const;
    std::uint64_t traceHash() const;

private:
    detail::Shared<detail::SimulatedExecutor> executor_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/simulated_runtime.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SIMULATED_RUNTIME_HPP
