#ifndef MILLRACE_CHECKPOINT_CHECKPOINT_CONFIG_HPP
#define MILLRACE_CHECKPOINT_CHECKPOINT_CONFIG_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/checkpoint/restart_strategy.hpp>
#include <millrace/checkpoint/snapshot_compression.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace millrace {

/// What a checkpoint promises for the state. @public
enum class CheckpointingMode : std::uint8_t {
    ExactlyOnce,  ///< inputs that have delivered the barrier wait for the others
    AtLeastOnce   ///< they do not wait: what comes behind their barrier may count twice after a restore
};

/// Which checkpoints stay when the job is cancelled or fails for good. Those of a job that finishes are removed. @public
enum class CheckpointRetention : std::uint8_t {
    RetainOnCancellation,  ///< all that are kept stay: the next run goes on from the newest
    DeleteOnCancellation,  ///< they stay after a failure only
    NoExternalized         ///< none stays
};

/// How a job takes checkpoints. @public
struct CheckpointConfig {
    /// Time between the starts of two checkpoints. None: only when asked for by the JobClient.
    std::optional<Duration> interval{};
    /// Where they are kept; created if missing. Empty: in memory, where they survive failures of the job, but not of the
    /// process.
    std::string directory{};
    CheckpointingMode mode = CheckpointingMode::ExactlyOnce;
    /// Barriers overtake the records that wait in full channels, which become part of the checkpoint; so a checkpoint takes no
    /// longer under back pressure. Needs `ExactlyOnce`, `maxConcurrent` 1, and a codec for all records that go over exchanges.
    bool unaligned = false;
    /// With `unaligned`: for so long from the start of a checkpoint barriers wait their turn; only where they have not got
    /// through by then they overtake.
    Duration alignedCheckpointTimeout{0};
    /// A checkpoint that takes longer is given up.
    Duration timeout = std::chrono::minutes(10);
    /// Least time between the end of one and the start of the next.
    Duration minPause{0};
    int maxConcurrent = 1;
    /// Checkpoints in a row that may fail before the job does.
    int tolerableFailures = 0;
    /// Completed checkpoints that are kept.
    int retained = 1;
    CheckpointRetention retention = CheckpointRetention::RetainOnCancellation;
    /// Of checkpoints in files, and of savepoints. Either kind is read whatever is set here. Flink's setUseSnapshotCompression.
    SnapshotCompression compression = SnapshotCompression::None;
    /// Checkpoints in files write only those parts of keyed state that have changed since the one before, and refer to its files
    /// for the others. Savepoints are always full. Flink's execution.checkpointing.incremental.
    bool incremental = false;
    /// Begin with the newest intact checkpoint in `directory`, if there is one: so a process that was killed goes on when it
    /// is started again. With false the job starts anew, behind those that are there.
    bool resume = true;
    /// A savepoint or checkpoint directory to begin with. May stay when the job is started again: if `directory` has a newer
    /// one, by its id, that was taken since and counts, unless `resume` is false.
    std::string restoreFrom{};
    /// State in the checkpoint whose operator is no longer there is dropped instead of refused.
    bool allowNonRestoredState = false;
    /// What happens after a failure. As it stands the job starts again, waiting longer each time, and fails for good at the
    /// sixth failure without an hour of peace in between: what can never work, such as a directory that is not there, shows
    /// within seconds. Services that shall go on for ever take `RestartStrategy::exponentialDelay()`.
    RestartStrategy restart = RestartStrategy::exponentialDelay({.attempts = 5});

    CheckpointConfig& enableUnalignedCheckpoints(bool enabled = true) {
        unaligned = enabled;
        return *this;
    }
    CheckpointConfig& setAlignedCheckpointTimeout(Duration duration) {
        alignedCheckpointTimeout = duration;
        return *this;
    }
};

namespace detail {

/// Makes the store of a job. *Failure:* says what is wrong with its directory.
using CheckpointStoreFactory = std::function<std::shared_ptr<CheckpointStore>(const CheckpointConfig& config)>;
/// Opens a savepoint or checkpoint by its directory.
using CheckpointOpener = std::function<std::shared_ptr<const StoredCheckpoint>(const std::string& directory)>;

}  // namespace detail

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_CHECKPOINT_CONFIG_HPP
