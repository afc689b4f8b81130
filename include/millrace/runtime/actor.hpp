#ifndef MILLRACE_RUNTIME_ACTOR_HPP
#define MILLRACE_RUNTIME_ACTOR_HPP

#include <millrace/core/config.hpp>
#include <millrace/runtime/executor.hpp>

#include <atomic>
#include <cstdint>

namespace millrace::detail {

/// Something that runs in quanta on threads lent by an executor, on one at a time, whenever someone has woken it.
/// All of its scheduling is one atomic state; waking costs one post at most, and nothing when it is already due.
class Actor {
public:
    Actor(TaskExecutor& executor, int id) : executor_(executor), id_(id) {}
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;
    virtual ~Actor() = default;

    // ---- from any thread ----
    /// Makes it run soon, if it is not about to anyway. What was stored (sequentially consistent) before is seen then.
    void wake();
    /// Its timer at the executor has rung, which the executor has forgotten with that.
    void ring() {
        timerRang_.store(true);
        wake();
    }
    int id() const noexcept { return id_; }
    /// What it lives and dies with: timers and wake-ups hold this and look whether it is still there before they touch the actor.
    /// Empty: it is never rung.
    virtual WeakReference keeper() const noexcept = 0;
    bool ended() const noexcept { return state_.load() == State::Ended; }
    /// Woken, and no thread has taken it up yet.
    bool isDue() const noexcept { return state_.load(std::memory_order_relaxed) == State::Scheduled; }
    /// When the current quantum began on the executor's monotonic clock; 0 while it does not run.
    Duration runningSince() const noexcept { return Duration{runningSince_.load(std::memory_order_relaxed)}; }
    /// True while the calling thread is inside some actor's quantum.
    static bool insideActor() noexcept { return insideFlag(); }

    // ---- from the executor ----
    /// One quantum. Afterwards the actor may be gone.
    void run();
    Actor* nextReady = nullptr;  ///< the executor's, while it is posted

protected:
    enum class Outcome : unsigned char { Yield, Wait, Ended };

    /// Works until `quantumLeft()` is used up (Yield), there is nothing left to do (Wait) or for ever (Ended).
    virtual Outcome advance() noexcept = 0;
    /// The last thing after Ended; `this` may be destroyed by it.
    virtual void onEnded() = 0;

    TaskExecutor& executor() const noexcept { return executor_; }
    Duration quantumStart() const noexcept { return quantumStart_; }
    /// Whether that has happened since the last call. It cannot be told from the clock, which may have been set back since.
    bool takeRing() noexcept { return timerRang_.load(std::memory_order_relaxed) && timerRang_.exchange(false); }
    int quantumLeft_ = 0;  ///< blocks

private:
    enum class State : int { Idle, Scheduled, Running, Notified, Ended };
    static bool& insideFlag() noexcept;

    std::atomic<State> state_{State::Idle};
    std::atomic<std::int64_t> runningSince_{0};
    std::atomic<bool> timerRang_{false};
    TaskExecutor& executor_;
    const int id_;
    Duration quantumStart_{0};
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/actor.ipp>
#endif

#endif  // MILLRACE_RUNTIME_ACTOR_HPP
