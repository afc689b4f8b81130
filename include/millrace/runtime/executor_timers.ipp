#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/executor_timers.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void ExecutorTimers::add(Timestamp time, std::weak_ptr<Actor> actor) {
    timers_.push_back({time, std::move(actor)});
}

MILLRACE_INLINE_COLD Timestamp ExecutorTimers::earliest() const noexcept {
    Timestamp earliest = kMaxTimestamp;
    for (const Timer& each : timers_) {
        if (each.time < earliest) earliest = each.time;
    }
    return earliest;
}

MILLRACE_INLINE_COLD std::shared_ptr<Actor> ExecutorTimers::takeEarliest() {
    auto first = timers_.begin();
    for (auto each = first; each != timers_.end(); ++each) {
        if (each->time < first->time) first = each;
    }
    std::shared_ptr<Actor> actor = first->actor.lock();
    timers_.erase(first);
    return actor;
}

MILLRACE_INLINE_COLD void ExecutorTimers::dropEnded() {
    std::erase_if(timers_, [](const Timer& each) {
        const auto actor = each.actor.lock();
        return actor == nullptr || actor->ended();
    });
}

}  // namespace millrace::detail
