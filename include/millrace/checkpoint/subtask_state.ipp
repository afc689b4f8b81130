#ifndef MILLRACE_CHECKPOINT_SUBTASK_STATE_IPP
#define MILLRACE_CHECKPOINT_SUBTASK_STATE_IPP

#include <millrace/checkpoint/subtask_state.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/planted_bugs.hpp>
#include <millrace/state/state_migration.hpp>
#include <millrace/types/key_group.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void SubtaskState::read(std::string_view uid, std::string_view state, const Visitor& visit) const {
    const KeyGroupRange mine = keyGroups();
    int element = 0;
    int copiedFrom = -1;  // the subtask whose copy is taken of what was broadcast
    checkpoint_->readKeyGroups(uid, state, mine, [&](int subtask, int keyGroup, std::span<const std::byte> bytes) {
        switch (keyGroup) {
            case kSplitState:
                if (element++ % parallelism_ != subtask_) return;
                break;
            case kUnionState:
                break;
            case kBroadcastState:
                if (copiedFrom == -1) copiedFrom = subtask;
                if (copiedFrom != subtask) return;
                break;
            case kSharedState:
            case kChannelState:
                return;
            default:
                if (!mine.contains(keyGroup)) return;
                if (MILLRACE_PLANTED(KeyGroupsOneShort) && !mine.contains(keyGroup + 1)) return;
        }
        visit(keyGroup, bytes);
    });
}

MILLRACE_INLINE_COLD void SharedPieces::read(std::string_view uid, std::string_view state, const Visitor& visit) const {
    checkpoint_->read(uid, state, [&](int, int keyGroup, std::span<const std::byte> bytes) {
        if (keyGroup == kSharedState) visit(keyGroup, bytes);
    });
}

MILLRACE_INLINE_COLD void SubtaskState::readAs(std::string_view uid, std::string_view state, const StateLayout& layout,
                                               const Visitor& visit) const {
    try {
        readMigrated(*this, checkpoint_->schemaOf(uid, state), uid, state, layout, visit);
    } catch (const StateMigrationException& error) {
        raise<StateMigrationException>("checkpoint {} ({}): {}", {checkpointId(), checkpoint_->place(), error.what()});
    }
}

MILLRACE_INLINE_COLD void SharedPieces::readAs(std::string_view uid, std::string_view state, const StateLayout& layout,
                                               const Visitor& visit) const {
    readMigrated(*this, checkpoint_->schemaOf(uid, state), uid, state, layout, visit);
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_SUBTASK_STATE_IPP
