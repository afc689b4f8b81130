#ifndef MILLRACE_CONNECTORS_SOCKET_CONNECTION_IPP
#define MILLRACE_CONNECTORS_SOCKET_CONNECTION_IPP

#include <millrace/connectors/network_thread.hpp>
#include <millrace/connectors/socket_connection.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>

#include <array>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millrace::detail {

/// Lives on the network thread; its handlers keep it alive. Only `inbox`, `start` and `stop` are for other threads.
class SocketConnection::Session : public std::enable_shared_from_this<Session> {
    using Error = boost::system::error_code;
    using Tcp = boost::asio::ip::tcp;

public:
    Session(boost::asio::io_context& context, SocketOptions options, std::function<void()> wakeUp)
        : inbox(options.inboxLimit, std::move(wakeUp), [this] { readOn(); }), options_(std::move(options)),
          context_(context), resolver_(context), socket_(context), timer_(context) {}

    void start() {
        post([](Session& session) { session.beginTrying(); });
    }
    void stop() {
        inbox.close();
        post([](Session& session) {
            session.stopped_ = true;
            Error ignored;
            session.resolver_.cancel();
            session.timer_.cancel(ignored);
            session.socket_.close(ignored);
        });
    }

    ByteInbox inbox;

private:
    template <class Fn>
    void post(Fn fn) {
        boost::asio::post(context_, [self = shared_from_this(), fn] { fn(*self); });
    }
    void readOn() {
        post([](Session& session) { session.read(); });
    }

    void beginTrying() {
        tryingSince_ = std::chrono::steady_clock::now();
        connect();
    }
    void connect() {
        if (stopped_) return;
        resolver_.async_resolve(options_.host, std::to_string(options_.port),
                                [self = shared_from_this()](Error error, const Tcp::resolver::results_type& found) {
                                    if (error) return self->failedToConnect(error);
                                    if (!self->stopped_) self->connectTo(found);
                                });
    }
    void connectTo(const Tcp::resolver::results_type& found) {
        boost::asio::async_connect(socket_, found, [self = shared_from_this()](Error error, const Tcp::endpoint&) {
            if (error) return self->failedToConnect(error);
            if (self->stopped_) return;
            Error ignored;
            self->socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
            self->connected_ = true;
            self->read();
        });
    }
    void read() {
        if (stopped_ || !connected_ || reading_) return;
        reading_ = true;
        socket_.async_read_some(
            boost::asio::buffer(chunk_),
            [self = shared_from_this()](Error error, std::size_t size) { self->received(error, size); });
    }
    void received(Error error, std::size_t size) {
        reading_ = false;
        if (stopped_) return;
        if (error) return lost(error);
        const std::string_view bytes(chunk_.data(), size);
        const std::size_t tailSize = options_.delimiter.size();
        tail_.append(bytes.substr(size - std::min(size, tailSize)));
        tail_.erase(0, tail_.size() - std::min(tail_.size(), tailSize));
        if (inbox.append(bytes)) read();
    }

    void lost(Error error) {
        connected_ = false;
        Error ignored;
        socket_.close(ignored);
        // a server that has closed properly and does not come back is the end, not an error
        lastError_ = error == boost::asio::error::eof ? std::string() : describe("connection lost: ", error);
        wasConnected_ = true;
        tryingSince_ = std::chrono::steady_clock::now();
        if (options_.retryFor == Duration::zero()) return inbox.end(lastError_);
        // the rest of a line that was broken off must not run into the first line of the next connection
        if (!tail_.empty() && tail_ != options_.delimiter) inbox.append(options_.delimiter);
        tail_.clear();
        retry();
    }
    void failedToConnect(Error error) {
        if (stopped_) return;
        if (!wasConnected_) lastError_ = describe("cannot connect: ", error);
        const bool forEver = options_.retryFor < Duration::zero();
        if (!forEver && std::chrono::steady_clock::now() - tryingSince_ >= options_.retryFor) {
            return inbox.end(lastError_);
        }
        retry();
    }
    void retry() {
        timer_.expires_after(options_.retryDelay);
        timer_.async_wait([self = shared_from_this()](Error) { self->connect(); });
    }
    std::string describe(const char* what, const Error& error) const {
        return "socket " + options_.host + ":" + std::to_string(options_.port) + ": " + what + error.message();
    }

    const SocketOptions options_;
    boost::asio::io_context& context_;
    Tcp::resolver resolver_;
    Tcp::socket socket_;
    boost::asio::steady_timer timer_;
    std::array<char, 64 * 1024> chunk_;
    std::string tail_;       // the last bytes of this connection, as many as the delimiter has
    std::string lastError_;  // why the source fails if no connection comes about in time; empty: it just ends
    std::chrono::steady_clock::time_point tryingSince_;
    bool wasConnected_ = false;
    bool connected_ = false;
    bool reading_ = false;
    bool stopped_ = false;
};

MILLRACE_INLINE SocketConnection::SocketConnection(SocketOptions options, std::function<void()> wakeUp) {
    auto thread = NetworkThread::instance();
    session_ = std::make_shared<Session>(thread->context(), std::move(options), std::move(wakeUp));
    thread_ = std::move(thread);
    session_->start();
}

MILLRACE_INLINE SocketConnection::SocketConnection(SocketConnection&&) noexcept = default;

MILLRACE_INLINE SocketConnection::~SocketConnection() {
    close();
}

MILLRACE_INLINE ByteInbox& SocketConnection::inbox() noexcept {
    return session_->inbox;
}

MILLRACE_INLINE void SocketConnection::close() {
    if (session_ == nullptr) return;
    session_->stop();
    session_.reset();
    thread_.reset();
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_SOCKET_CONNECTION_IPP
