#ifndef MILLRACE_RUNTIME_ASIO_EXECUTOR_HPP
#define MILLRACE_RUNTIME_ASIO_EXECUTOR_HPP

#include <millrace/core/functional.hpp>
#include <millrace/runtime/asio.hpp>
#include <millrace/runtime/external_executor.hpp>

#include <memory>
#include <thread>
#include <utility>

namespace millrace {

/// Lets jobs run on any Asio executor: `ThreadPoolRuntime runtime(onExecutor(pool.get_executor()));`. @public
/// While a job runs, the executor has outstanding work, so that `io_context::run` does not return before its end.
template <class Executor>
ExternalExecutor onExecutor(Executor executor) {
    return {[executor](std::function<void()> task) { boost::asio::post(executor, std::move(task)); },
            [executor]() -> std::shared_ptr<void> {
                return std::make_shared<boost::asio::executor_work_guard<Executor>>(executor);
            }};
}

/// As above, on the threads that run `context`.
inline ExternalExecutor onExecutor(boost::asio::io_context& context) {
    return onExecutor(context.get_executor());
}

namespace detail {

/// An io_context on a thread of its own.
class IoThread {
public:
    IoThread() : work_(context.get_executor()), thread_([this] { context.run(); }) {}
    ~IoThread() {
        context.stop();
        thread_.join();
    }
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;

    boost::asio::io_context context{1};

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

/// The process's thread for sockets, started by the first call and joined at exit. Its handlers must not block.
inline boost::asio::io_context& sharedIoContext() {
    static IoThread thread;
    return thread.context;
}

}  // namespace detail

}  // namespace millrace

#endif  // MILLRACE_RUNTIME_ASIO_EXECUTOR_HPP
