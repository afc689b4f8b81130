#ifndef MILLRACE_CONNECTORS_NETWORK_THREAD_HPP
#define MILLRACE_CONNECTORS_NETWORK_THREAD_HPP

#include <millrace/runtime/asio.hpp>

#include <memory>
#include <mutex>
#include <thread>

namespace millrace::detail {

/// The one thread on which all sockets of the process are served; there is one while somebody holds it.
/// Only readers and writers hold it, never a handler: the thread must not end up joining itself.
class NetworkThread {
public:
    static std::shared_ptr<NetworkThread> instance() {
        static std::mutex mutex;
        static std::weak_ptr<NetworkThread> current;
        const std::lock_guard lock(mutex);
        std::shared_ptr<NetworkThread> thread = current.lock();
        if (thread == nullptr) {
            thread = std::make_shared<NetworkThread>();
            current = thread;
        }
        return thread;
    }

    NetworkThread() : work_(context_.get_executor()), thread_([this] { context_.run(); }) {}
    NetworkThread(const NetworkThread&) = delete;
    NetworkThread& operator=(const NetworkThread&) = delete;
    ~NetworkThread() {
        context_.stop();
        thread_.join();
    }

    boost::asio::io_context& context() noexcept { return context_; }

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_NETWORK_THREAD_HPP
