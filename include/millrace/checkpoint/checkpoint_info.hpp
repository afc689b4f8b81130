#ifndef MILLRACE_CHECKPOINT_CHECKPOINT_INFO_HPP
#define MILLRACE_CHECKPOINT_CHECKPOINT_INFO_HPP

#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <string>

namespace millrace {

/// Who a snapshot of a job belongs to: checkpoints are the engine's, which deletes old ones; savepoints are the user's. @public
enum class CheckpointKind : std::uint8_t { Checkpoint, Savepoint };

/// What became of a checkpoint. @public
enum class CheckpointStatus : std::uint8_t { InProgress, Completed, Failed };

/// One checkpoint of a running job, for who watches it. @public
struct CheckpointStatistics {
    std::int64_t id = 0;
    CheckpointKind kind = CheckpointKind::Checkpoint;
    CheckpointStatus status = CheckpointStatus::InProgress;
    Timestamp triggered{};
    Duration duration{0};  ///< from the trigger to its end
    /// The longest time for which one task handled no records to hand over its state. Large tables of plain keys and values
    /// take next to none: they are written while the task goes on.
    Duration longestPause{0};
    /// The longest time from the first barrier that came to a task to the last: what came in behind the first ones waited.
    Duration alignmentDuration{0};
    std::uint64_t bytes = 0;              ///< of state, when it is complete
    std::uint64_t persistedInFlight = 0;  ///< bytes of it that barriers have overtaken; 0: it was aligned throughout
    std::string failure{};                ///< why it was given up
};

/// A completed checkpoint or savepoint. @public
struct CheckpointInfo {
    std::int64_t id = 0;
    CheckpointKind kind = CheckpointKind::Checkpoint;
    Timestamp triggered{};    ///< processing time at which it began
    std::string path{};       ///< its directory; empty in memory
    std::uint64_t bytes = 0;  ///< of state
    /// Of them, those that were written for it: fewer where the checkpoint is incremental. 0 if that is not known any more.
    std::uint64_t writtenBytes = 0;
};

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_CHECKPOINT_INFO_HPP
