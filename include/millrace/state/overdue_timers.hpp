#ifndef MILLRACE_STATE_OVERDUE_TIMERS_HPP
#define MILLRACE_STATE_OVERDUE_TIMERS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/config.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <string_view>

namespace millrace::detail {

/// Event-time timers that were set behind the watermark wait for the next one. After a restore the watermark from before
/// comes once more: this tells it from the next one.
/// *State:* "timers/overdue": that watermark, for the key groups that have such timers.
class OverdueTimers {
public:
    /// Whether a watermark is one from before the restore, at which no timer fires.
    bool comesAgain(Timestamp watermark) const noexcept { return watermark <= before_; }
    /// The watermark that timers were set behind, be it before the restore.
    Timestamp reached(Timestamp watermark) const noexcept { return std::max(watermark, before_); }

    /// `forEachKey(mark)` calls `mark(key)` for the keys with timers up to `reached`.
    template <class ForEachKey>
    [[gnu::cold]] void snapshot(SnapshotSink& sink, std::string_view uid, int maxParallelism, Timestamp reached,
                                ForEachKey forEachKey) const {
        KeyGroupWriter writer(maxParallelism, kFormat);
        forEachKey([&](const auto& key) {
            ByteWriter& group = writer.of(key);
            if (group.size() == 1) group.write(reached.time_since_epoch().count());
        });
        writer.writeTo(sink, uid, kState, kLayout);
    }
    void restore(const SnapshotSource& source, std::string_view uid);

private:
    static constexpr const char* kState = "timers/overdue";
    static constexpr std::uint8_t kFormat = 1;
    static constexpr StateLayout kLayout{"overdue timers", {{"watermark", &kTypeInfo<std::int64_t>, true}}};

    Timestamp before_ = kMinTimestamp;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/overdue_timers.ipp>
#endif

#endif  // MILLRACE_STATE_OVERDUE_TIMERS_HPP
