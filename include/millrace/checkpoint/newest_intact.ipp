#ifndef MILLRACE_CHECKPOINT_NEWEST_INTACT_IPP
#define MILLRACE_CHECKPOINT_NEWEST_INTACT_IPP

#include <millrace/checkpoint/newest_intact.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/planted_bugs.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void verifyCheckpoint(const StoredCheckpoint& checkpoint) {
    for (const CheckpointedOperator& each : checkpoint.description().operators) {
        for (const std::string& state : checkpoint.statesOf(each.uid)) {
            checkpoint.read(each.uid, state, [](int, int, std::span<const std::byte>) {});
        }
    }
}

MILLRACE_INLINE_COLD NewestIntact loadNewestIntact(const CheckpointStore& store, bool withSavepoints) {
    NewestIntact result;
    for (const CheckpointInfo& info : store.completed()) {
        if (info.kind == CheckpointKind::Savepoint && !withSavepoints) continue;
        try {
            std::shared_ptr<const StoredCheckpoint> checkpoint = store.load(info.id);
            verifyCheckpoint(*checkpoint);
            result.checkpoint = std::move(checkpoint);
            return result;
        } catch (const CodecException& error) {
            result.skipped.push_back({info.id, info.path, describeException(error)});
            log(LogLevel::Warning, message("checkpoint {} cannot be used, trying the one before: {}",
                                           {info.id, result.skipped.back().problem}));
        }
    }
    return result;
}

MILLRACE_INLINE_COLD void keepNewest(CheckpointStore& store, int count, std::span<const std::int64_t> damaged,
                                     std::int64_t confirmed) {
    const auto counts = [&](const CheckpointInfo& info) {
        return info.kind == CheckpointKind::Checkpoint && info.id <= confirmed &&
               std::find(damaged.begin(), damaged.end(), info.id) == damaged.end();
    };
    const std::vector<CheckpointInfo> infos = store.completed();
    std::size_t kept = 0;
    if (MILLRACE_PLANTED(NewestIsDiscarded) && count > 0 && infos.size() > 1) return store.discard(infos[0].id);
    while (kept < infos.size() && count > 0) count -= counts(infos[kept++]) ? 1 : 0;
    // The oldest first: if the process dies in the middle, the next one must not go on with a checkpoint behind which sinks
    // have committed more.
    for (std::size_t i = infos.size(); i-- > kept;) {
        if (infos[i].kind == CheckpointKind::Checkpoint && infos[i].id <= confirmed) store.discard(infos[i].id);
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_NEWEST_INTACT_IPP
