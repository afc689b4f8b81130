#ifndef MILLRACE_TESTING_FAULT_INJECTOR_HPP
#define MILLRACE_TESTING_FAULT_INJECTOR_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/testing/fault.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::testing {

/// What goes wrong inside a job of a trial, at the calls that a fault plan names; counted over all subtasks and all
/// restarts. A copyable handle. Sources and sinks of one's own call it where they could fail. @public
/// *Thread safety:* none: for jobs on a SimulatedRuntime.
class FaultInjector {
public:
    MILLRACE_INLINE FaultInjector();

    /// *Failure:* InjectedFailure when the plan says so; also after `killed()` has become true.
    MILLRACE_INLINE void pass(FaultPoint point);
    /// A commit shall be tried again.
    MILLRACE_INLINE bool mustRetry();
    /// A writer shall keep what it has as state instead of preparing it for the commit.
    MILLRACE_INLINE bool mustKeep();
    /// A sink cannot take more now; `wakeUp` is called when it can. For `afterBlock`.
    MILLRACE_INLINE bool mustWait(const std::function<void()>& wakeUp);

    /// The process is about to end: nothing that a writer or committer still does may have an effect outside.
    MILLRACE_INLINE bool killed() const noexcept;
    /// Calls of a point so far.
    MILLRACE_INLINE std::uint64_t calls(FaultPoint point) const noexcept;

    // ---- for trials ----
    MILLRACE_INLINE void arm(const std::vector<Fault>& faults);
    MILLRACE_INLINE void kill() noexcept;
    /// Another process begins.
    MILLRACE_INLINE void revive() noexcept;
    /// Lets sinks go on whose time has come; all of them if `all`. True: there was one.
    MILLRACE_INLINE bool release(bool all);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::testing

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/fault_injector.ipp>
#endif

#endif  // MILLRACE_TESTING_FAULT_INJECTOR_HPP
