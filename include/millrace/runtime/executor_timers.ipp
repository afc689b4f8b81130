#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/executor_timers.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void ExecutorTimers::add(Timestamp time, Actor& actor) {
    WeakReference keeper = actor.keeper();
    for (Timer& each : timers_) {
        if (each.actor != &actor || !(each.keeper == keeper)) continue;
        if (time < each.time) each.time = time;  // once woken, the actor asks for what comes after
        return;
    }
    timers_.add(new Timer{time, std::move(keeper), &actor});
}

MILLRACE_INLINE_COLD Timestamp ExecutorTimers::earliest() const noexcept {
    Timestamp earliest = kMaxTimestamp;
    for (const Timer& each : timers_) {
        if (each.time < earliest) earliest = each.time;
    }
    return earliest;
}

MILLRACE_INLINE_COLD void ExecutorTimers::Taken::ring() {
    if (keeper) actor->ring();
    keeper = SharedReference();
}

MILLRACE_INLINE_COLD ExecutorTimers::Taken ExecutorTimers::takeEarliest() {
    std::size_t first = 0;
    for (std::size_t i = 1; i < timers_.size(); ++i) {
        if (timers_[i].time < timers_[first].time) first = i;
    }
    Taken taken{timers_[first].keeper.lock(), timers_[first].actor};
    delete timers_.release(first);
    return taken;
}

MILLRACE_INLINE_COLD void ExecutorTimers::ringDue(Timestamp time, std::unique_lock<std::mutex>& lock) {
    while (earliest() <= time && !empty()) {
        Taken timer = takeEarliest();
        lock.unlock();
        timer.ring();
        lock.lock();
    }
}

MILLRACE_INLINE_COLD void ExecutorTimers::dropEnded(List<SharedReference>& kept) {
    for (std::size_t i = timers_.size(); i-- > 0;) {
        kept.push_back(timers_[i].keeper.lock());
        if (!kept.back() || timers_[i].actor->ended()) delete timers_.release(i);
    }
}

}  // namespace millrace::detail
