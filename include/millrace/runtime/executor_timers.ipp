#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/executor_timers.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void ExecutorTimers::add(Timestamp time, std::weak_ptr<Actor> actor) {
    const std::shared_ptr<Actor> mine = actor.lock();
    for (Timer& each : timers_) {
        if (each.actor.lock() != mine) continue;
        if (time < each.time) each.time = time;  // once woken, the actor asks for what comes after
        return;
    }
    timers_.add(new Timer{time, std::move(actor)});
}

MILLRACE_INLINE_COLD Timestamp ExecutorTimers::earliest() const noexcept {
    Timestamp earliest = kMaxTimestamp;
    for (const Timer& each : timers_) {
        if (each.time < earliest) earliest = each.time;
    }
    return earliest;
}

MILLRACE_INLINE_COLD std::shared_ptr<Actor> ExecutorTimers::takeEarliest() {
    std::size_t first = 0;
    for (std::size_t i = 1; i < timers_.size(); ++i) {
        if (timers_[i].time < timers_[first].time) first = i;
    }
    std::shared_ptr<Actor> actor = timers_[first].actor.lock();
    delete timers_.release(first);
    return actor;
}

MILLRACE_INLINE_COLD void ExecutorTimers::dropEnded() {
    for (std::size_t i = timers_.size(); i-- > 0;) {
        const auto actor = timers_[i].actor.lock();
        if (actor == nullptr || actor->ended()) delete timers_.release(i);
    }
}

}  // namespace millrace::detail
