#ifndef MILLRACE_CONNECTORS_SOCKET_SOURCE_HPP
#define MILLRACE_CONNECTORS_SOCKET_SOURCE_HPP

#include <millrace/connectors/inbox_line_reader.hpp>
#include <millrace/connectors/socket_connection.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/functions/source.hpp>

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace millrace {

/// A socket has one split, without a position. @evolving
struct SocketSplit {
    friend bool operator==(const SocketSplit&, const SocketSplit&) = default;
};

/// Emits the lines that a TCP server sends; what `socketTextStream` is made of. @public
/// Not parallel; received on a network thread of the process. When a mebibyte waits to be read, nothing more is taken
/// from the socket: back pressure reaches the server.
///
/// The delimiter does not belong to the line, nor, where it is "\n", a "\r" before it. When the server closes the
/// connection the source ends; what was received of a line by then is emitted too, and counted in the accumulator
/// "incompleteLines". With `maxRetrySeconds` above 0 it first tries for so long to connect again, below 0 for ever; this
/// goes for the first connection too.
///
/// *Failure:* IoException naming host, port and reason: no connection, or a connection that breaks other than by a
/// proper close. ConfigurationException: empty delimiter, port outside 1–65535.
/// *State and checkpoints:* at most once: what was received before a failure is not sent again.
class SocketTextSource {
public:
    using Output = std::string;
    using Split = SocketSplit;
    static constexpr bool kSingleSplit = true;

    SocketTextSource(std::string host, int port, std::string delimiter = "\n", long maxRetrySeconds = 0) {
        const std::string where = "socket source for '" + host + ":" + std::to_string(port) + "': ";
        if (host.empty()) throw ConfigurationException(where + "the host is empty");
        if (port < 1 || port > 65535) throw ConfigurationException(where + "the port must be from 1 to 65535");
        if (delimiter.empty()) throw ConfigurationException(where + "the delimiter is empty; the usual one is \"\\n\"");
        options_.host = std::move(host);
        options_.port = port;
        options_.delimiter = std::move(delimiter);
        options_.retryFor = std::chrono::seconds(maxRetrySeconds);
    }
    SocketTextSource(std::string host, int port, char delimiter, long maxRetrySeconds = 0)
        : SocketTextSource(std::move(host), port, std::string(1, delimiter), maxRetrySeconds) {}

    /// How long to wait between two attempts to connect. (Default: half a second.)
    [[nodiscard]] SocketTextSource retryDelay(Duration delay) const {
        SocketTextSource source = *this;
        source.options_.retryDelay = delay;
        return source;
    }

    Boundedness boundedness() const noexcept { return Boundedness::ContinuousUnbounded; }

    class Reader {
    public:
        Reader(detail::SocketOptions options, const SourceReaderContext& context)
            : options_(std::move(options)), wakeUp_(context.wakeUp),
              lines_(options_.delimiter, context.accumulators == nullptr
                                             ? nullptr
                                             : &context.accumulators->create<LongCounter>("incompleteLines")) {}

        void open(Split) { connection_.emplace(options_, wakeUp_); }
        FillResult fill(std::span<std::string> values, std::span<Timestamp> /*timestamps*/) {
            return lines_.fill(connection_->inbox(), values);
        }
        Split position() const noexcept { return {}; }
        void close() { connection_.reset(); }

    private:
        detail::SocketOptions options_;
        std::function<void()> wakeUp_;
        detail::InboxLineReader lines_;
        std::optional<detail::SocketConnection> connection_;
    };

    Reader createReader(const SourceReaderContext& context) const { return Reader(options_, context); }

private:
    detail::SocketOptions options_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_SOCKET_SOURCE_HPP
