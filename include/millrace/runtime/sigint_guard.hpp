#ifndef MILLRACE_RUNTIME_SIGINT_GUARD_HPP
#define MILLRACE_RUNTIME_SIGINT_GUARD_HPP

#include <millrace/core/config.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/signal_watch.hpp>

#include <memory>

namespace millrace {

/// While it lives, Ctrl-C ends a job in good order: the first SIGINT stops it (with drain), the second cancels it. @public
///
///     auto client = env.executeAsync("trades");
///     SigintGuard guard(client);
///     client->result();
///
/// The signal handler only writes a byte to a pipe; a thread of the guard reads it. The destructor puts the previous handler
/// back. *Failure:* ConfigurationException when another guard lives, IoException when the system refuses.
class SigintGuard {
public:
    explicit SigintGuard(std::shared_ptr<JobClient> client);

private:
    detail::SignalWatch watch_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/sigint_guard.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SIGINT_GUARD_HPP
