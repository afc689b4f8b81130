#ifndef MILLRACE_RUNTIME_SIGNAL_WATCH_IPP
#define MILLRACE_RUNTIME_SIGNAL_WATCH_IPP

#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/start_thread.hpp>
#include <millrace/runtime/signal_watch.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace millrace::detail {

inline constexpr int kSignalsWatched = 64;
inline constexpr char kEndOfWatch = 0;

/// Where the handler of a signal writes: the end of a pipe, or 0 when nobody watches it.
inline std::atomic<int>& signalPipe(int signal) noexcept {
    static std::atomic<int> pipes[kSignalsWatched]{};
    return pipes[signal];
}

extern "C" inline void millraceOnSignal(int signal) {
    const int savedErrno = errno;
    const int pipe = signalPipe(signal).load(std::memory_order_relaxed);
    const char byte = static_cast<char>(signal);
    // a full pipe holds enough signals already
    if (pipe > 0 && ::write(pipe, &byte, 1) < 0) errno = savedErrno;
    errno = savedErrno;
}

struct SignalWatch::State {
    void watch() {
        bool wantsTicks = false;
        for (;;) {
            pollfd readable{readEnd, POLLIN, 0};
            const int ready = ::poll(&readable, 1, wantsTicks ? 20 : -1);
            if (ready < 0) continue;
            if (ready == 0) {
                wantsTicks = handler(0);
                continue;
            }
            char byte = kEndOfWatch;
            if (::read(readEnd, &byte, 1) < 0 && errno == EINTR) continue;
            if (byte == kEndOfWatch) return;
            wantsTicks = handler(byte);
        }
    }
    void release() {
        for (const auto& [signal, previous] : replaced) {
            ::sigaction(signal, &previous, nullptr);
            signalPipe(signal).store(0);
        }
        ::close(readEnd);
        ::close(writeEnd);
    }

    Handler handler;
    int readEnd = -1;
    int writeEnd = -1;
    std::vector<std::pair<int, struct sigaction>> replaced;
    std::thread thread;
};

MILLRACE_INLINE_COLD SignalWatch::SignalWatch(const char* owner, std::initializer_list<int> signals, Handler handler)
    : state_(std::make_unique<State>()) {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) {
        raise<IoException>("{} could not make a pipe: {}", {owner, std::generic_category().message(errno)});
    }
    state_->handler = std::move(handler);
    state_->readEnd = ends[0];
    state_->writeEnd = ends[1];
    for (const int signal : signals) {
        int none = 0;
        if (!signalPipe(signal).compare_exchange_strong(none, ends[1])) {
            state_->release();
            raise<ConfigurationException>("another {} lives already; one at a time can own the signal", {owner});
        }
        struct sigaction action = {};
        struct sigaction previous = {};
        action.sa_handler = millraceOnSignal;
        action.sa_flags = SA_RESTART;
        sigemptyset(&action.sa_mask);
        ::sigaction(signal, &action, &previous);
        state_->replaced.emplace_back(signal, previous);
    }
    try {
        state_->thread = startThread([](void* state) { static_cast<State*>(state)->watch(); }, state_.get());
    } catch (...) {
        state_->release();
        throw;
    }
}

MILLRACE_INLINE_COLD SignalWatch::~SignalWatch() {
    while (::write(state_->writeEnd, &kEndOfWatch, 1) < 0 && errno == EINTR) continue;
    state_->thread.join();
    state_->release();
}

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_SIGNAL_WATCH_IPP
