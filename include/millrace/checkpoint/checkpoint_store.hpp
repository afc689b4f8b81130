#ifndef MILLRACE_CHECKPOINT_CHECKPOINT_STORE_HPP
#define MILLRACE_CHECKPOINT_CHECKPOINT_STORE_HPP

#include <millrace/checkpoint/checkpoint_info.hpp>
#include <millrace/core/function_ref.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/time/timestamp.hpp>
#include <millrace/types/key_group.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

namespace detail {

/// What a checkpoint says of one operator.
struct CheckpointedOperator {
    std::string uid;
    std::string name;
    std::string kind;
    int parallelism = 1;
    int finishedSubtasks = 0;  ///< subtasks that had ended before; they have written nothing
};

/// What a checkpoint says of itself.
struct CheckpointDescription {
    std::int64_t id = 0;
    CheckpointKind kind = CheckpointKind::Checkpoint;
    std::string jobName;
    std::string fingerprint;  ///< of the execution plan
    Timestamp triggered{};
    int maxParallelism = 128;
    std::string target;  ///< directory of a savepoint; empty: the store's own
    OwnerList<CheckpointedOperator> operators;
};

/// A completed checkpoint, opened for reading. *Thread safety:* all functions may be called from any thread.
class StoredCheckpoint {
public:
    using Visitor = detail::FunctionRef<void(int subtask, int keyGroup, std::span<const std::byte> bytes)>;

    virtual ~StoredCheckpoint() = default;
    const CheckpointDescription& description() const noexcept { return description_; }
    /// For messages: the directory, or "memory".
    const std::string& place() const noexcept { return place_; }
    /// All pieces of one state: by the subtask that wrote them, then as it wrote them.
    /// *Failure:* CodecException or IoException naming the file for what turns out to be damaged.
    virtual void read(std::string_view uid, std::string_view state, const Visitor& visit) const = 0;
    /// The same for who wants these key groups: pieces of others may be left out, those that belong to no key may not.
    virtual void readKeyGroups(std::string_view uid, std::string_view state, KeyGroupRange /*wanted*/,
                               const Visitor& visit) const {
        read(uid, state, visit);
    }
    /// About how many bytes of pieces `readKeyGroups` will find; 0 where that is not known.
    virtual std::uint64_t bytesOf(std::string_view /*uid*/, std::string_view /*state*/,
                                  KeyGroupRange /*wanted*/) const {
        return 0;
    }
    /// The names of the states of an operator, sorted.
    virtual std::vector<std::string> statesOf(std::string_view uid) const = 0;
    /// What the pieces of a state look like, as `layoutText` spells it; empty if that was not saved.
    virtual std::string schemaOf(std::string_view uid, std::string_view state) const = 0;
    /// Checkpoints of before schemas were saved: their state can be looked at, but not restored.
    virtual bool hasSchemas() const { return true; }

protected:
    CheckpointDescription description_;
    std::string place_;
};

/// The name of the file that says that a job has finished in a directory: this, and the last id that was used.
inline constexpr std::string_view kFinishedPrefix = "finished-";

/// Where a job keeps its checkpoints. *Thread safety:* parts of one checkpoint may be written by several threads at once;
/// everything else is called by one thread at a time. *Failure:* IoException naming the file and what the system said; what
/// had been completed before stays usable.
class CheckpointStore {
public:
    virtual ~CheckpointStore() = default;
    /// The highest id that was ever used here, so that a new job goes on behind it; 0 for none.
    virtual std::int64_t lastId() const = 0;
    virtual void begin(const CheckpointDescription& description) = 0;
    /// What one task has written. `subtask` is its index in all operators that it runs.
    virtual void writePart(std::int64_t id, int task, int subtask, const SnapshotPart& part) = 0;
    /// From here on the checkpoint counts. `description` as it is now, finished subtasks included.
    virtual CheckpointInfo complete(const CheckpointDescription& description) = 0;
    /// Removes a checkpoint, or what there is of one.
    virtual void discard(std::int64_t id) noexcept = 0;
    /// Notes that the job has finished, having used the ids up to this one, so that nobody goes on with what it has saved; with
    /// -1, where another run begins, that it has not.
    virtual void setFinished(std::int64_t /*lastId*/) {}
    /// -1: it has not finished.
    virtual std::int64_t finishedWith() const { return -1; }
    /// Completed ones, newest first.
    virtual std::vector<CheckpointInfo> completed() const = 0;
    virtual std::shared_ptr<const StoredCheckpoint> load(std::int64_t id) const = 0;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_CHECKPOINT_STORE_HPP
