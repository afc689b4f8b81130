#ifndef MILLRACE_API_STREAM_EXECUTION_ENVIRONMENT_HPP
#define MILLRACE_API_STREAM_EXECUTION_ENVIRONMENT_HPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/runtime/thread_pool_runtime.hpp>

#include <memory>
#include <utility>

namespace millrace {

/// A `StreamEnvironment` whose pipelines run on `Runtime`: ThreadPoolRuntime (one thread per core, the default),
/// SimulatedRuntime (seeded, one thread, virtual clock) or CallerRuntime (the caller's own thread). @public
///     StreamExecutionEnvironment env;
///     StreamExecutionEnvironment env(SimulatedRuntime{42});
template <class Runtime = ThreadPoolRuntime>
class StreamExecutionEnvironment final : public StreamEnvironment {
public:
    StreamExecutionEnvironment() : StreamExecutionEnvironment(Runtime{}) {}
    explicit StreamExecutionEnvironment(Runtime runtime)
        : StreamEnvironment(runtime.defaultParallelism()), runtime_(std::move(runtime)) {}

    Runtime& runtime() noexcept { return runtime_; }

protected:
    std::shared_ptr<JobClient> submit(detail::JobGraph graph) override { return runtime_.submit(std::move(graph)); }

private:
    Runtime runtime_;
};

StreamExecutionEnvironment() -> StreamExecutionEnvironment<ThreadPoolRuntime>;

}  // namespace millrace

#endif  // MILLRACE_API_STREAM_EXECUTION_ENVIRONMENT_HPP
