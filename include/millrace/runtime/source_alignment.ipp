#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/source_alignment.hpp>

#include <millrace/core/algorithm.hpp>

namespace millrace::detail {

MILLRACE_INLINE std::size_t SourceAlignment::addMember(Actor& actor, Duration drift) {
    members_.add(new Member(actor, drift));
    return members_.size() - 1;
}

MILLRACE_INLINE SourceAlignment::Slowest SourceAlignment::slowest() const noexcept {
    Slowest slowest{members_.size(), kNotCounted};
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const Timestamp watermark{Duration{members_[i].watermark.load()}};
        if (watermark < slowest.watermark) slowest = {i, watermark};
    }
    return slowest;
}

// As in Channel: publish stores the watermark and then looks for pausing members; a pausing member says so and then looks
// at the watermarks again. Both sequentially consistent, so one of two that cross sees the other.
MILLRACE_INLINE void SourceAlignment::publish(std::size_t member, Timestamp watermark) {
    Member& mine = members_[member];
    const std::int64_t next = watermark.time_since_epoch().count();
    if (mine.watermark.load(std::memory_order_relaxed) == next) return;
    mine.watermark.store(next);
    if (pausedCount_.load() == 0) return;
    const Timestamp slowest = this->slowest().watermark;
    for (Member& each : members_) {
        if (&each == &mine || !each.paused.load()) continue;
        if (isAhead(each, Timestamp{Duration{each.pausedAt.load()}}, slowest)) continue;
        if (each.paused.exchange(false)) {
            pausedCount_.fetch_sub(1);
            each.actor.wake();
        }
    }
}

MILLRACE_INLINE bool SourceAlignment::mustPauseFor(std::size_t member, Timestamp watermark, Timestamp furthest) {
    Member& mine = members_[member];
    if (watermark == kNotCounted || watermark <= furthest) {
        resume(mine);
        return false;
    }
    mine.pausedAt.store(watermark.time_since_epoch().count());
    if (!mine.paused.exchange(true)) pausedCount_.fetch_add(1);
    if (isAhead(mine, watermark, slowest().watermark)) return true;
    resume(mine);
    return false;
}

MILLRACE_INLINE void SourceAlignment::resume(Member& member) {
    if (member.paused.load(std::memory_order_relaxed) && member.paused.exchange(false)) pausedCount_.fetch_sub(1);
}

}  // namespace millrace::detail
