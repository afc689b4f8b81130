#ifndef MILLRACE_RUNTIME_EXECUTOR_TIMERS_HPP
#define MILLRACE_RUNTIME_EXECUTOR_TIMERS_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/time/timestamp.hpp>

#include <mutex>

namespace millrace::detail {

class Actor;

/// Which actors an executor has to wake when; those of equal time in the order in which they were added.
/// Each actor has one at most, its earliest, so that the list is searched and not sorted.
/// *Thread safety:* none.
class ExecutorTimers {
public:
    bool empty() const noexcept { return timers_.empty(); }
    void add(Timestamp time, Actor& actor);
    /// kMaxTimestamp when there is none.
    Timestamp earliest() const noexcept;
    /// An actor, and what keeps it alive meanwhile; empty when it is gone.
    struct Taken {
        SharedReference keeper;
        Actor* actor;
        /// Once, and not under the lock of the timers: the last reference to much may go with it.
        void ring();
    };
    /// Takes out the actor of the earliest timer; there is one.
    Taken takeEarliest();
    /// Rings those that are due at `time`. Lets go of the lock of the timers meanwhile.
    void ringDue(Timestamp time, std::unique_lock<std::mutex>& lock);
    /// Forgets the actors that have ended or are gone. The last reference to some of them may be in `kept`.
    void dropEnded(List<SharedReference>& kept);

private:
    struct Timer {
        Timestamp time;
        WeakReference keeper;
        Actor* actor;
    };

    OwnerList<Timer> timers_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/executor_timers.ipp>
#endif

#endif  // MILLRACE_RUNTIME_EXECUTOR_TIMERS_HPP
