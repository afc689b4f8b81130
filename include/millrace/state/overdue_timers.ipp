#ifndef MILLRACE_STATE_OVERDUE_TIMERS_IPP
#define MILLRACE_STATE_OVERDUE_TIMERS_IPP

#include <millrace/state/overdue_timers.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void OverdueTimers::restore(const SnapshotSource& source, std::string_view uid) {
    Timestamp before = kMaxTimestamp;
    readKeyGroups(source, uid, kState, kLayout, kFormat, [&](ByteReader& reader) {
        before = std::min(before, Timestamp{Duration{reader.read<std::int64_t>("a watermark")}});
    });
    if (before != kMaxTimestamp) before_ = before;
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_OVERDUE_TIMERS_IPP
