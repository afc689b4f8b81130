#ifndef MILLRACE_TESTS_RUNTIME_MANUAL_EXECUTOR_HPP
#define MILLRACE_TESTS_RUNTIME_MANUAL_EXECUTOR_HPP

// An executor whose clocks, timers and steps are the test's.

#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/executor.hpp>
#include <millrace/runtime/executor_timers.hpp>
#include <millrace/runtime/job.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>

namespace millrace::fake {

class ManualExecutor final : public detail::TaskExecutor {
public:
    void post(detail::Actor& actor) override { ready_.push_back(&actor); }
    Timestamp now() const override { return clock; }
    Duration monotonicNow() const override { return elapsed; }
    void wakeAt(Timestamp time, detail::Actor& actor) override {
        ++timersAsked;
        timers_.add(time, actor);
    }
    void watch(detail::Job&) override {
        if (onWatch) onWatch();
    }
    void jobStarted() override {
        if (onStart) onStart();
    }
    bool waitFor(detail::Job& job, Duration) override {
        while (!job.ended() && step()) {}
        return job.ended();
    }
    bool step() override {
        if (ready_.empty()) return false;
        detail::Actor* const actor = ready_.front();
        ready_.pop_front();
        actor->run();
        return true;
    }
    void runAll() {
        while (step()) {}
    }
    /// Rings what is due, and lets nobody run yet.
    void ringDue() {
        while (!timers_.empty() && timers_.earliest() <= clock) {
            timers_.takeEarliest().ring();
        }
    }
    Timestamp earliestTimer() const { return timers_.earliest(); }

    Timestamp clock{};
    Duration elapsed{1};
    int timersAsked = 0;
    std::function<void()> onWatch;
    std::function<void()> onStart;

private:
    std::deque<detail::Actor*> ready_;
    detail::ExecutorTimers timers_;
};

}  // namespace millrace::fake

#endif  // MILLRACE_TESTS_RUNTIME_MANUAL_EXECUTOR_HPP
