#ifndef MILLRACE_STATE_TABLE_SNAPSHOT_IPP
#define MILLRACE_STATE_TABLE_SNAPSHOT_IPP

#include <millrace/core/config.hpp>
#include <millrace/state/table_snapshot.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void writeAtOnce(SnapshotSink& sink, const TableEntries& entries, const TablePlace& place) {
    KeyGroupWriter groups(place.maxParallelism, place.format);
    entries.write(groups, entries.slots, entries.capacity);
    entries.writeSide(groups);
    groups.writePieces(sink, place.uid, place.state);
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TABLE_SNAPSHOT_IPP
