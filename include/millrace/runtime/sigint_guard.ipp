#include <millrace/core/errors.hpp>
#include <millrace/runtime/sigint_guard.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

namespace millrace {

namespace detail {

/// Where the signal handler writes; -1 without a guard.
inline std::atomic<int>& sigintPipe() noexcept {
    static std::atomic<int> pipe{-1};
    return pipe;
}

extern "C" inline void millraceOnSigint(int) {
    const int savedErrno = errno;
    const int pipe = sigintPipe().load(std::memory_order_relaxed);
    const char byte = 's';
    if (pipe >= 0 && ::write(pipe, &byte, 1) < 0) errno = savedErrno;  // a full pipe holds enough signals already
    errno = savedErrno;
}

}  // namespace detail

struct SigintGuard::State {
    explicit State(std::shared_ptr<JobClient> c) : client(std::move(c)) {}

    void watch() {
        int signals = 0;
        for (;;) {
            char byte = 0;
            const auto count = ::read(readEnd, &byte, 1);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0 || byte == 'q') return;
            if (++signals == 1) {
                client->stop();
            } else {
                client->cancel();
            }
        }
    }

    std::shared_ptr<JobClient> client;
    int readEnd = -1;
    int writeEnd = -1;
    struct sigaction previous = {};
    std::thread thread;
};

MILLRACE_INLINE_COLD SigintGuard::SigintGuard(std::shared_ptr<JobClient> client)
    : state_(std::make_unique<State>(std::move(client))) {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
        throw IoException("SigintGuard could not make a pipe: " + std::generic_category().message(errno));
    int none = -1;
    if (!detail::sigintPipe().compare_exchange_strong(none, ends[1])) {
        ::close(ends[0]);
        ::close(ends[1]);
        throw ConfigurationException("another SigintGuard lives already; one at a time can own the signal");
    }
    state_->readEnd = ends[0];
    state_->writeEnd = ends[1];
    state_->thread = std::thread([state = state_.get()] { state->watch(); });
    struct sigaction action = {};
    action.sa_handler = detail::millraceOnSigint;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &state_->previous);
}

MILLRACE_INLINE_COLD SigintGuard::~SigintGuard() {
    ::sigaction(SIGINT, &state_->previous, nullptr);
    detail::sigintPipe().store(-1);
    const char quit = 'q';
    while (::write(state_->writeEnd, &quit, 1) < 0 && errno == EINTR) continue;
    state_->thread.join();
    ::close(state_->readEnd);
    ::close(state_->writeEnd);
}

}  // namespace millrace
