#ifndef MILLRACE_RUNTIME_EXECUTOR_HPP
#define MILLRACE_RUNTIME_EXECUTOR_HPP

#include <millrace/core/shared.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>

namespace millrace::detail {

/// As a timeout: there is none.
inline constexpr Duration kForever = Duration::max();

class Job;
class Actor;

/// Where the tasks of jobs run, and what time it is there. One per runtime; shared by its jobs.
/// *Thread safety:* all functions may be called from any thread.
class TaskExecutor : public SharedObject {
public:
    /// Lets `actor.run()` be called once, soon, not from within this call. The actor stays alive until it has been;
    /// after it nothing may touch the actor.
    virtual void post(Actor& actor) = 0;
    /// The same at the end of the actor's own `run`: the thread goes on with what is ready, so no other one need wake for it.
    virtual void postAgain(Actor& actor) { post(actor); }
    /// Processing time.
    virtual Timestamp now() const = 0;
    /// Elapsed time from an arbitrary start; never goes back.
    virtual Duration monotonicNow() const = 0;
    /// Wakes the actor once processing time has reached `time`, if it is still there then.
    virtual void wakeAt(Timestamp time, Actor& actor) = 0;

    /// Blocks until the job has ended (then true) or the timeout, unless it is kForever, has passed. Runs tasks where no
    /// thread of its own does.
    virtual bool waitFor(Job& job, Duration timeout) = 0;
    /// Runs one task on the calling thread; false when nothing was ready (always, where a pool runs them).
    virtual bool step() { return false; }
    /// Tasks run only on threads that call `step` or `waitFor`.
    virtual bool runsOnCaller() const noexcept { return false; }

    /// A job is about to begin: for the watchdog. *Failure:* what keeps the job from being started.
    virtual void watch(Job& job) { (void)job; }
    /// Until as many jobs have ended as have started, a caller's io_context has to go on running. *Failure:* what keeps the job
    /// from being started.
    virtual void jobStarted() {}
    virtual void jobEnded() noexcept {}

    // What the simulation makes random.
    virtual int quantumBlocks() { return 64; }
    virtual std::size_t ringCapacity() { return 8; }
    /// Tables of so many bytes are encoded by and by behind a barrier, so many slots at a time (some 20 us).
    virtual std::size_t gradualFrom() const { return 128 * 1024; }
    virtual std::size_t slotsAtOnce() const { return 512; }
    virtual std::size_t firstChannel(std::size_t count, std::size_t next) { return next < count ? next : 0; }
    /// One step of the execution, for the trace hash.
    virtual void trace(std::uint64_t event) { (void)event; }
    virtual std::uint64_t traceHash() const { return 0; }
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_EXECUTOR_HPP
