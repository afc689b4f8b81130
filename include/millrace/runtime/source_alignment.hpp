#ifndef MILLRACE_RUNTIME_SOURCE_ALIGNMENT_HPP
#define MILLRACE_RUNTIME_SOURCE_ALIGNMENT_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/time/timestamp.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millrace::detail {

class Actor;

/// Keeps the sources that reach one stateful operator from running apart in event time: whoever is more than `drift`
/// ahead of the slowest pauses until the slowest has come nearer. The slowest itself never pauses, and those without a
/// watermark yet, idle or finished do not count.
/// *Thread safety:* each member calls for itself, from its own task.
class SourceAlignment {
public:
    /// The watermark of a member that does not count.
    static constexpr Timestamp kNotCounted = kMaxTimestamp;

    explicit SourceAlignment(Duration drift) : drift_(drift) {}

    /// While the job is built.
    std::size_t addMember(Actor& actor);
    std::size_t members() const noexcept { return members_.size(); }

    /// After every poll. Wakes members that need no longer pause.
    void publish(std::size_t member, Timestamp watermark);
    /// Before every poll. After true the member is woken when it may go on.
    bool mustPause(std::size_t member);

private:
    struct alignas(64) Member {
        explicit Member(Actor& a) : actor(a) {}
        Actor& actor;
        std::atomic<std::int64_t> watermark{kNotCounted.time_since_epoch().count()};
        std::atomic<bool> paused{false};
    };

    Timestamp furthestAllowed() const noexcept;
    static bool isAhead(const Member& member, Timestamp furthest) noexcept;
    void resume(Member& member);

    const Duration drift_;
    OwnerList<Member> members_;
    std::atomic<int> pausedCount_{0};
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/source_alignment.ipp>
#endif

#endif  // MILLRACE_RUNTIME_SOURCE_ALIGNMENT_HPP
