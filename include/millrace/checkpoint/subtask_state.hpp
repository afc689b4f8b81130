#ifndef MILLRACE_CHECKPOINT_SUBTASK_STATE_HPP
#define MILLRACE_CHECKPOINT_SUBTASK_STATE_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/config.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// What one subtask restores of a checkpoint, at whatever parallelism: its key groups, its share of lists, all of unions, one
/// copy of what was broadcast. Pieces that were written once for all subtasks are for who makes the subtasks, and not here.
class SubtaskState final : public EntrySource {
public:
    SubtaskState(std::shared_ptr<const StoredCheckpoint> checkpoint, int subtask, int parallelism)
        : checkpoint_(std::move(checkpoint)), subtask_(subtask), parallelism_(parallelism) {}

    MILLRACE_INLINE void read(std::string_view uid, std::string_view state, const Visitor& visit) const override;
    MILLRACE_INLINE void readAs(std::string_view uid, std::string_view state, const StateLayout& layout,
                                const Visitor& visit) const override;
    std::uint64_t bytesOf(std::string_view uid, std::string_view state) const override {
        return checkpoint_->bytesOf(uid, state, keyGroups());
    }
    std::int64_t checkpointId() const override { return checkpoint_->description().id; }

private:
    KeyGroupRange keyGroups() const {
        return keyGroupRange(subtask_, parallelism_, checkpoint_->description().maxParallelism);
    }

    std::shared_ptr<const StoredCheckpoint> checkpoint_;
    int subtask_;
    int parallelism_;
};

/// What was written once for all subtasks.
class SharedPieces final : public EntrySource {
public:
    explicit SharedPieces(std::shared_ptr<const StoredCheckpoint> checkpoint) : checkpoint_(std::move(checkpoint)) {}

    MILLRACE_INLINE void read(std::string_view uid, std::string_view state, const Visitor& visit) const override;
    MILLRACE_INLINE void readAs(std::string_view uid, std::string_view state, const StateLayout& layout,
                                const Visitor& visit) const override;

private:
    std::shared_ptr<const StoredCheckpoint> checkpoint_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/subtask_state.ipp>
#include <millrace/state/key_group_state.hpp>
#endif

#endif  // MILLRACE_CHECKPOINT_SUBTASK_STATE_HPP
