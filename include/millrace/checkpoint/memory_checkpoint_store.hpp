#ifndef MILLRACE_CHECKPOINT_MEMORY_CHECKPOINT_STORE_HPP
#define MILLRACE_CHECKPOINT_MEMORY_CHECKPOINT_STORE_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/config.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::detail {

/// Checkpoints that survive a failure of the job, not of the process. Savepoints go to another store, if there is one.
class MemoryCheckpointStore final : public CheckpointStore {
public:
    MemoryCheckpointStore() = default;
    explicit MemoryCheckpointStore(std::unique_ptr<CheckpointStore> savepoints) : savepoints_(std::move(savepoints)) {}

    MILLRACE_INLINE std::int64_t lastId() const override;
    MILLRACE_INLINE void begin(const CheckpointDescription& description) override;
    MILLRACE_INLINE void writePart(std::int64_t id, int task, int subtask, const SnapshotPart& part) override;
    MILLRACE_INLINE CheckpointInfo complete(const CheckpointDescription& description) override;
    MILLRACE_INLINE void discard(std::int64_t id) noexcept override;
    MILLRACE_INLINE std::vector<CheckpointInfo> completed() const override;
    MILLRACE_INLINE std::shared_ptr<const StoredCheckpoint> load(std::int64_t id) const override;

private:
    struct Part {
        int task;
        int subtask;
        MemorySnapshot state;
    };
    class Stored;
    struct Entry {
        std::int64_t id;
        bool isComplete = false;
        CheckpointInfo info;
        std::shared_ptr<Stored> stored;
    };
    /// The other store, if this is one of its savepoints.
    CheckpointStore* storeOf(std::int64_t id) const;
    Entry* find(std::int64_t id);
    const Entry* find(std::int64_t id) const;

    const std::unique_ptr<CheckpointStore> savepoints_;
    mutable std::mutex mutex_;
    std::int64_t lastId_ = 0;
    std::vector<std::int64_t> elsewhere_;  ///< ids of savepoints in the other store
    std::vector<Entry> entries_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/memory_checkpoint_store.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_MEMORY_CHECKPOINT_STORE_HPP
