#ifndef MILLRACE_CONNECTORS_SOCKET_CONNECTION_HPP
#define MILLRACE_CONNECTORS_SOCKET_CONNECTION_HPP

#include <millrace/connectors/byte_inbox.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace millrace::detail {

struct SocketOptions {
    std::string host;
    int port = 0;
    std::string delimiter = "\n";
    Duration retryFor{0};  ///< how long to try to connect again; negative: for ever
    Duration retryDelay = std::chrono::milliseconds(500);
    std::size_t inboxLimit = std::size_t{1} << 20;
};

/// Receives from a TCP server into an inbox, on the network thread. Asio stays in the .ipp.
class SocketConnection {
public:
    SocketConnection(SocketOptions options, std::function<void()> wakeUp);
    SocketConnection(SocketConnection&&) noexcept;
    SocketConnection& operator=(SocketConnection&&) = delete;
    ~SocketConnection();

    ByteInbox& inbox() noexcept;
    /// Ends the connection. No more wake-ups. May be called more than once.
    void close();

private:
    class Session;
    std::shared_ptr<void> thread_;  // before the session, which lives on it
    std::shared_ptr<Session> session_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/socket_connection.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_SOCKET_CONNECTION_HPP
