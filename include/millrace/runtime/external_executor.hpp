#ifndef MILLRACE_RUNTIME_EXTERNAL_EXECUTOR_HPP
#define MILLRACE_RUNTIME_EXTERNAL_EXECUTOR_HPP

#include <millrace/core/functional.hpp>
#include <millrace/runtime/thread_pool_runtime.hpp>

#include <memory>

namespace millrace {

/// The caller's own threads, as a function that runs another one on them soon. @public
/// `onExecutor` (runtime/asio_executor.hpp) makes one of any Asio executor or io_context.
struct ExternalExecutor {
    /// Must run every function it is given, once, and not within the call. Thread-safe.
    std::function<void(std::function<void()>)> post;
    /// Optional: a token that keeps the threads waiting for more. Called when a job starts; as many are held as jobs run, and
    /// which of them is given back when a job ends is unspecified. Thread-safe.
    std::function<std::shared_ptr<void>()> holdWork{};
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/external_executor.ipp>
#endif

#endif  // MILLRACE_RUNTIME_EXTERNAL_EXECUTOR_HPP
