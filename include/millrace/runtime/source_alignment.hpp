#ifndef MILLRACE_RUNTIME_SOURCE_ALIGNMENT_HPP
#define MILLRACE_RUNTIME_SOURCE_ALIGNMENT_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/time/timestamp.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace millrace::detail {

class Actor;

/// Keeps sources from running apart in event time, those that reach one stateful operator or those of a group that the
/// user has named: whoever is more than its drift ahead of the slowest pauses until the slowest has come nearer. The
/// slowest itself never pauses, and those without a watermark yet, idle or finished do not count.
/// *Thread safety:* each member calls for itself, from its own task; `slowest` and what else is const from any thread.
class SourceAlignment {
public:
    /// The watermark of a member that does not count.
    static constexpr Timestamp kNotCounted = kMaxTimestamp;

    /// `group`: the user's name for it; empty where nobody has asked.
    explicit SourceAlignment(std::string group) : group_(std::move(group)) {}

    /// While the job is built.
    std::size_t addMember(Actor& actor, Duration drift);
    std::size_t members() const noexcept { return members_.size(); }
    const std::string& group() const noexcept { return group_; }
    Actor& actorOf(std::size_t member) const noexcept { return members_[member].actor; }
    struct Slowest {
        std::size_t member;
        Timestamp watermark;
    };
    /// The member that the others wait for, and its watermark; past the end and kNotCounted when none counts.
    Slowest slowest() const noexcept;

    /// After every poll. Wakes members that need no longer pause.
    void publish(std::size_t member, Timestamp watermark);
    /// Before every poll, for the watermark of the member or of a part of it, such as a split, with what `furthestAllowed`
    /// has just said. After true the member is woken when that may go on.
    bool mustPauseFor(std::size_t member, Timestamp watermark, Timestamp furthest);
    /// How far the watermark of the member may go for now.
    Timestamp furthestAllowed(std::size_t member) const noexcept {
        return saturatingAdd(slowest().watermark, members_[member].drift);
    }

private:
    struct alignas(64) Member {
        Member(Actor& a, Duration d) : actor(a), drift(d) {}
        Actor& actor;
        const Duration drift;
        std::atomic<std::int64_t> watermark{kNotCounted.time_since_epoch().count()};
        std::atomic<std::int64_t> pausedAt{kNotCounted.time_since_epoch().count()};  ///< what waits for the slowest
        std::atomic<bool> paused{false};
    };

    static bool isAhead(const Member& member, Timestamp watermark, Timestamp slowest) noexcept {
        return watermark != kNotCounted && watermark > saturatingAdd(slowest, member.drift);
    }
    void resume(Member& member);

    const std::string group_;
    OwnerList<Member> members_;
    std::atomic<int> pausedCount_{0};
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/source_alignment.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SOURCE_ALIGNMENT_HPP
