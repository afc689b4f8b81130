#include <millrace/connectors/socket_source.hpp>
#include <millrace/connectors/stdin_source.hpp>

#include <connectors/fake_source_context.hpp>
#include <support/catch.hpp>

#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace millrace;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using detail::ByteInbox;
using detail::FileDescriptor;
using testing::FakeSourceContext;
using Lines = std::vector<std::string>;

static_assert(SourceType<SocketTextSource>);
static_assert(SourceType<StdinSource>);

// A server of one connection at a time, on a port that the system has chosen.
class Server {
public:
    Server() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_.get(), 5) != 0 ||
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw std::runtime_error("no test server");
        }
        port_ = ntohs(address.sin_port);
    }
    int port() const noexcept { return port_; }
    FileDescriptor accept() const { return FileDescriptor(::accept(listener_.get(), nullptr, nullptr)); }
    void close() { listener_.reset(); }

private:
    FileDescriptor listener_;
    int port_ = 0;
};

bool sendAll(const FileDescriptor& to, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::write(to.get(), bytes.data(), bytes.size());
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// With this, closing sends a reset instead of a proper end.
void resetOnClose(const FileDescriptor& connection) {
    const linger now{1, 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

TEST_CASE("lines are cut wherever the bytes are broken, and the rest at the end is a line", "[connectors][socket]") {
    const std::string delimiter = GENERATE("\n", "\r\n", "--", "abab");
    const std::string text =
        "one" + delimiter + "two" + delimiter + delimiter + "ababa" + delimiter + "-" + delimiter + "rest";
    CAPTURE(delimiter);
    Lines expected;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(delimiter, at), text.size());
        expected.push_back(text.substr(at, end - at));
        at = end + delimiter.size();
    }
    for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
        CAPTURE(chunk);
        ByteInbox inbox(
            1000, [] {}, [] {});
        Accumulators accumulators;
        auto& incomplete = accumulators.create<LongCounter>("incomplete");
        detail::InboxLineReader reader(delimiter, &incomplete);
        Lines lines;
        Lines block(3);
        FillResult result;
        for (std::size_t at = 0; result.status != SourceStatus::EndOfSplit;) {
            result = reader.fill(inbox, block);
            lines.insert(lines.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(result.count));
            if (result.status != SourceStatus::NothingAvailable) continue;
            if (at < text.size()) {
                inbox.append(std::string_view(text).substr(at, chunk));
                at += chunk;
            } else {
                inbox.end();
            }
        }
        REQUIRE(lines == expected);
        REQUIRE(incomplete.localValue() == 1);
    }
}

TEST_CASE("an inbox stops its sender when full and lets it go on when emptied", "[connectors][socket]") {
    int wakeUps = 0;
    int rooms = 0;
    ByteInbox inbox(
        4, [&] { ++wakeUps; }, [&] { ++rooms; });
    std::string bytes;
    CHECK(inbox.take(bytes) == ByteInbox::Taken::Nothing);
    CHECK(inbox.append("ab"));
    CHECK(wakeUps == 1);
    CHECK_FALSE(inbox.append("cd"));
    CHECK(wakeUps == 1);
    CHECK(inbox.take(bytes) == ByteInbox::Taken::Some);
    CHECK(bytes == "abcd");
    CHECK(rooms == 1);
    inbox.end("broken");
    CHECK(inbox.take(bytes) == ByteInbox::Taken::Ended);
    CHECK(inbox.error() == "broken");
}

TEST_CASE("a socket's lines arrive, the one that was broken off too", "[connectors][socket][threads]") {
    const Server server;
    FakeSourceContext fake;
    auto reader = SocketTextSource("127.0.0.1", server.port()).createReader(fake.context());
    auto sent = std::async(std::launch::async, [&] {
        const FileDescriptor connection = server.accept();
        return sendAll(connection, "one\r\n\ntw") && sendAll(connection, "o\nbroken o");
    });
    Lines lines;
    testing::readSplit(reader, SocketSplit{}, lines, 2, fake);
    reader.close();
    CHECK(sent.get());
    CHECK(lines == Lines{"one", "", "two", "broken o"});
    CHECK(std::get<std::int64_t>(fake.accumulators.values().at("incompleteLines")) == 1);
}

TEST_CASE("a refused connection is an error that names host, port and reason", "[connectors][socket][threads]") {
    Server server;
    server.close();
    FakeSourceContext fake;
    auto reader = SocketTextSource("127.0.0.1", server.port()).createReader(fake.context());
    Lines lines;
    CHECK_THROWS_AS(testing::readSplit(reader, SocketSplit{}, lines, 2, fake), IoException);
    CHECK_THROWS_WITH(testing::readSplit(reader, SocketSplit{}, lines, 2, fake),
                      ContainsSubstring("127.0.0.1:" + std::to_string(server.port())) &&
                          ContainsSubstring("refused", Catch::CaseSensitive::No));
}

TEST_CASE("a connection that is reset is an error, after the lines before it", "[connectors][socket][threads]") {
    const Server server;
    FakeSourceContext fake;
    auto reader = SocketTextSource("127.0.0.1", server.port()).createReader(fake.context());
    reader.open({});
    FileDescriptor connection = server.accept();
    CHECK(sendAll(connection, "one\n"));
    Lines block(2);
    std::vector<Timestamp> times(2);
    FillResult result;
    for (int seen = 0; (result = reader.fill(block, times)).count == 0;) seen = fake.waitForWakeUp(seen);
    CHECK(block[0] == "one");
    CHECK(reader.fill(block, times).status == SourceStatus::NothingAvailable);
    const int seen = fake.wakeUps();
    resetOnClose(connection);
    connection.reset();
    fake.waitForWakeUp(seen);
    CHECK_THROWS_WITH(reader.fill(block, times), ContainsSubstring("connection lost"));
}

TEST_CASE("with retries a lost connection is made again, and lines are not glued together",
          "[connectors][socket][threads]") {
    const Server server;
    FakeSourceContext fake;
    auto reader = SocketTextSource("127.0.0.1", server.port(), '\n', -1).retryDelay(0ms).createReader(fake.context());
    auto sent = std::async(std::launch::async, [&] {
        const bool first = sendAll(server.accept(), "one\nbroken o");  // and closed
        return sendAll(server.accept(), "two\n") && first;
    });
    reader.open({});
    Lines lines;
    Lines block(4);
    std::vector<Timestamp> times(4);
    for (int seen = 0; lines.size() < 3;) {
        const FillResult result = reader.fill(block, times);
        lines.insert(lines.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(result.count));
        if (result.status == SourceStatus::NothingAvailable) seen = fake.waitForWakeUp(seen);
    }
    CHECK(sent.get());
    CHECK(lines == Lines{"one", "broken o", "two"});
    reader.close();  // while it goes on trying
}

TEST_CASE("a socket source can be closed while it waits for the server", "[connectors][socket][threads]") {
    const Server server;
    FakeSourceContext fake;
    const bool connected = GENERATE(true, false);
    auto reader = SocketTextSource("127.0.0.1", server.port()).createReader(fake.context());
    reader.open({});
    const FileDescriptor connection = connected ? server.accept() : FileDescriptor();
    reader.close();
    CHECK(fake.wakeUps() == 0);
}

TEST_CASE("a fast server waits for a slow reader: the inbox stays bounded and nothing is lost",
          "[connectors][socket][threads]") {
    constexpr std::size_t kBytes = 4'000'000;
    constexpr std::size_t kLimit = 100'000;
    const Server server;
    FakeSourceContext fake;
    auto sent = std::async(std::launch::async, [&] {
        const FileDescriptor connection = server.accept();
        std::string text;
        while (text.size() < kBytes) text += std::to_string(text.size()) + "\n";
        return sendAll(connection, text) ? text : std::string();
    });
    detail::SocketConnection connection({.host = "127.0.0.1", .port = server.port(), .inboxLimit = kLimit},
                                        fake.context().wakeUp);
    std::string received;
    std::size_t largest = 0;
    for (int seen = 0;;) {
        std::string bytes;
        const ByteInbox::Taken taken = connection.inbox().take(bytes);
        if (taken == ByteInbox::Taken::Ended) break;
        if (taken == ByteInbox::Taken::Nothing) seen = fake.waitForWakeUp(seen);
        largest = std::max(largest, bytes.size());
        received += bytes;
    }
    CHECK(largest < kLimit + 64 * 1024);
    CHECK((received == sent.get()));
}

TEST_CASE("a socket source is checked when it is made", "[connectors][socket]") {
    CHECK_THROWS_AS(SocketTextSource("", 1), ConfigurationException);
    CHECK_THROWS_AS(SocketTextSource("host", 0), ConfigurationException);
    CHECK_THROWS_AS(SocketTextSource("host", 65536), ConfigurationException);
    CHECK_THROWS_AS(SocketTextSource("host", 1, ""), ConfigurationException);
}

struct Pipe {
    FileDescriptor out;
    FileDescriptor in;
    Pipe() {
        int ends[2];
        if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
        out = FileDescriptor(ends[0]);
        in = FileDescriptor(ends[1]);
    }
};

TEST_CASE("lines come from a descriptor until its end", "[connectors][stdin][threads]") {
    Pipe pipe;
    FakeSourceContext fake;
    auto reader = StdinSource::fromDescriptor(pipe.out.get()).createReader(fake.context());
    Lines expected;
    auto written = std::async(std::launch::async, [&pipe] {
        bool ok = true;
        for (int i = 0; i < 300'000 && ok; ++i) ok = sendAll(pipe.in, std::to_string(i) + "\n");
        ok = ok && sendAll(pipe.in, "the end");
        pipe.in.reset();
        return ok;
    });
    for (int i = 0; i < 300'000; ++i) expected.push_back(std::to_string(i));
    expected.emplace_back("the end");
    Lines lines;
    testing::readSplit(reader, StdinSplit{}, lines, 100, fake);
    reader.close();
    CHECK(written.get());
    CHECK((lines == expected));
}

TEST_CASE("a source that waits on a silent descriptor can be closed", "[connectors][stdin][threads]") {
    const Pipe pipe;
    FakeSourceContext fake;
    auto reader = StdinSource::fromDescriptor(pipe.out.get()).createReader(fake.context());
    reader.open({});
    Lines block(1);
    std::vector<Timestamp> times(1);
    CHECK(reader.fill(block, times).status == SourceStatus::NothingAvailable);
    reader.close();
}

TEST_CASE("a source that was stopped by back pressure can be closed", "[connectors][stdin][threads]") {
    const Pipe pipe;
    FakeSourceContext fake;
    {
        detail::DescriptorReader reader(pipe.out.get(), 1, fake.context().wakeUp);
        std::string bytes;
        const int seen = fake.wakeUps();
        if (reader.inbox().take(bytes) == ByteInbox::Taken::Nothing) {
            CHECK(sendAll(pipe.in, "more than it takes"));
            fake.waitForWakeUp(seen);
        }
        CHECK(sendAll(pipe.in, "and more"));  // stays in the pipe
    }
    SUCCEED();
}

TEST_CASE("a descriptor that cannot be read is an error", "[connectors][stdin][threads]") {
    FakeSourceContext fake;
    Lines lines;
    auto bad = StdinSource::fromDescriptor(1'000'000).createReader(fake.context());
    CHECK_THROWS_WITH(testing::readSplit(bad, StdinSplit{}, lines, 2, fake),
                      ContainsSubstring("1000000") && ContainsSubstring("Bad file descriptor"));
}

}  // namespace
