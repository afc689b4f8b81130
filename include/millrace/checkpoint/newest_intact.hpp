#ifndef MILLRACE_CHECKPOINT_NEWEST_INTACT_HPP
#define MILLRACE_CHECKPOINT_NEWEST_INTACT_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/config.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

/// A checkpoint that cannot be used, and why.
struct SkippedCheckpoint {
    std::int64_t id = 0;
    std::string path;
    std::string problem;
};

struct NewestIntact {
    std::shared_ptr<const StoredCheckpoint> checkpoint;  ///< null: there is none
    std::vector<SkippedCheckpoint> skipped;              ///< newer ones
};

/// Reads all that operators could ask a checkpoint for, so that damage shows before a job restores from it.
/// *Failure:* CodecException or IoException naming the file.
void verifyCheckpoint(const StoredCheckpoint& checkpoint);

/// The newest checkpoint of a store of which every byte can be read; one that cannot is skipped, logged as a warning and
/// left as it is. Savepoints are the user's: they count only when asked for.
/// *Failure:* IoException when the newest cannot be read now, which says nothing of whether it is intact: going back to an
/// older one, sinks would write once more what they have committed since.
NewestIntact loadNewestIntact(const CheckpointStore& store, bool withSavepoints);

/// Discards all completed checkpoints but the newest `count`; savepoints stay. Those that are `damaged` do not count: they stay
/// as long as there are older ones that do. Those newer than `confirmed` are left alone: one may be there, and be given up
/// all the same.
void keepNewest(CheckpointStore& store, int count, std::span<const std::int64_t> damaged = {},
                std::int64_t confirmed = INT64_MAX);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/newest_intact.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_NEWEST_INTACT_HPP
