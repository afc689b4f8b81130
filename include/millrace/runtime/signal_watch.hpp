#ifndef MILLRACE_RUNTIME_SIGNAL_WATCH_HPP
#define MILLRACE_RUNTIME_SIGNAL_WATCH_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>

#include <initializer_list>
#include <memory>

namespace millrace::detail {

/// While it lives, some signals of the process are handled by a function on a thread of its own; the destructor puts the previous
/// handlers back. A signal handler only writes a byte to a pipe.
/// *Failure:* ConfigurationException when another one has one of the signals, IoException when the system refuses.
class SignalWatch {
public:
    /// Called with the number of the signal. When it returns true, also with 0 some milliseconds later, until it returns false.
    using Handler = std::function<bool(int signal)>;

    /// `owner` is for messages.
    SignalWatch(const char* owner, std::initializer_list<int> signals, Handler handler);
    /// Waits for the call of the handler that is under way.
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/signal_watch.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SIGNAL_WATCH_HPP
