#ifndef MILLRACE_RUNTIME_SAVEPOINT_SIGNAL_GUARD_HPP
#define MILLRACE_RUNTIME_SAVEPOINT_SIGNAL_GUARD_HPP

#include <millrace/core/config.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/signal_watch.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace millrace {

/// What a SIGTERM does to a job. @public
enum class OnTerminate : std::uint8_t {
    StopWithSavepoint,  ///< for a change: the next run is given the savepoint
    Suspend             ///< for a service: the next run goes on by itself, from the job's last checkpoint
};

/// While it lives, a job with checkpoints is steered from the shell. @public
///
///     kill -USR1 PID   takes a savepoint; the job runs on
///     kill -TERM PID   ends the job with a savepoint (or suspends it); when it is sent again meanwhile, cancels the job
///
///     auto client = env.executeAsync("trades");
///     SavepointSignalGuard guard(client, "savepoints");
///     client->result();
///
/// A savepoint goes to a new directory below `directory`, named after the time: `savepoint-20240315-093001` (UTC). The log says
/// where it is (Info), or why there is none (Warning); then the job runs on.
/// The signal handler only writes a byte to a pipe; a thread of the guard reads it. The destructor puts the previous handlers
/// back. A SigintGuard may live beside it.
/// *Failure:* ConfigurationException when another guard lives or the job takes no checkpoints, IoException when the system
/// refuses.
class SavepointSignalGuard {
public:
    SavepointSignalGuard(std::shared_ptr<JobClient> client, std::string directory,
                         OnTerminate onTerminate = OnTerminate::StopWithSavepoint);
    ~SavepointSignalGuard();

    /// Where the savepoint is with which a SIGTERM has ended the job; empty when none has. *Thread safety:* any thread.
    std::string savepointPath() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    std::unique_ptr<detail::SignalWatch> watch_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/savepoint_signal_guard.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SAVEPOINT_SIGNAL_GUARD_HPP
