#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/source_alignment.hpp>

#include <millrace/core/algorithm.hpp>

namespace millrace::detail {

MILLRACE_INLINE std::size_t SourceAlignment::addMember(Actor& actor) {
    members_.add(new Member(actor));
    return members_.size() - 1;
}

MILLRACE_INLINE Timestamp SourceAlignment::furthestAllowed() const noexcept {
    std::int64_t slowest = kNotCounted.time_since_epoch().count();
    for (const Member& each : members_) slowest = std::min(slowest, each.watermark.load());
    return saturatingAdd(Timestamp{Duration{slowest}}, drift_);
}

MILLRACE_INLINE bool SourceAlignment::isAhead(const Member& member, Timestamp furthest) noexcept {
    const Timestamp watermark{Duration{member.watermark.load()}};
    return watermark != kNotCounted && watermark > furthest;
}

// As in Channel: publish stores the watermark and then looks for pausing members; a pausing member says so and then looks
// at the watermarks again. Both sequentially consistent, so one of two that cross sees the other.
MILLRACE_INLINE void SourceAlignment::publish(std::size_t member, Timestamp watermark) {
    Member& mine = members_[member];
    const std::int64_t next = watermark.time_since_epoch().count();
    if (mine.watermark.load(std::memory_order_relaxed) == next) return;
    mine.watermark.store(next);
    if (pausedCount_.load() == 0) return;
    const Timestamp furthest = furthestAllowed();
    for (Member& each : members_) {
        if (&each == &mine || !each.paused.load() || isAhead(each, furthest)) continue;
        if (each.paused.exchange(false)) {
            pausedCount_.fetch_sub(1);
            each.actor.wake();
        }
    }
}

MILLRACE_INLINE bool SourceAlignment::mustPause(std::size_t member) {
    Member& mine = members_[member];
    if (!isAhead(mine, furthestAllowed())) {
        resume(mine);
        return false;
    }
    if (!mine.paused.exchange(true)) pausedCount_.fetch_add(1);
    if (isAhead(mine, furthestAllowed())) return true;
    resume(mine);
    return false;
}

MILLRACE_INLINE void SourceAlignment::resume(Member& member) {
    if (member.paused.load(std::memory_order_relaxed) && member.paused.exchange(false)) pausedCount_.fetch_sub(1);
}

}  // namespace millrace::detail
