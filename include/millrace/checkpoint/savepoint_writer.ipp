#ifndef MILLRACE_CHECKPOINT_SAVEPOINT_WRITER_IPP
#define MILLRACE_CHECKPOINT_SAVEPOINT_WRITER_IPP

#include <millrace/checkpoint/block_compression.hpp>
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/savepoint_writer.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>

namespace millrace {

namespace detail {

MILLRACE_INLINE_COLD void throwMapKeyTwice(std::string_view uid, std::string_view state, std::string_view mapKey,
                                           std::string_view key) {
    raise<ConfigurationException>(
        "SavepointWriter: in state '{}' of the operator uid '{}' a map has the key '{}' twice{}{}{}; give each key of "
        "a map once",
        {state, uid, mapKey, key.empty() ? "" : ", that of '", key, key.empty() ? "" : "'"});
}

/// The states of an operator, under another uid; under an empty one they are gone.
[[gnu::cold]] inline void renameStates(MemorySnapshot& snapshot, std::string_view from, std::string_view to) {
    MemorySnapshot renamed;
    std::vector<std::string> states;
    snapshot.forEach([&](const std::string& uid, const std::string& state, int keyGroup, const auto& bytes) {
        if (uid != from) return;
        if (states.empty() || states.back() != state) states.push_back(state);
        if (to.empty()) return;
        renamed.write(to, state, keyGroup, bytes);
        renamed.setSchema(to, state, snapshot.schemaOf(uid, state));
    });
    for (const std::string& state : states) snapshot.erase(from, state);
    snapshot.merge(renamed);
}

}  // namespace detail

MILLRACE_INLINE_COLD SavepointWriter::SavepointWriter(int maxParallelism) {
    if (maxParallelism < 1 || maxParallelism > kMaxParallelismLimit) {
        detail::raise<ConfigurationException>(
            "SavepointWriter({}): the number of key groups must be between 1 and 32768", {maxParallelism});
    }
    description_.id = 1;
    description_.kind = CheckpointKind::Savepoint;
    description_.jobName = "SavepointWriter";
    description_.maxParallelism = maxParallelism;
}

MILLRACE_INLINE_COLD SavepointWriter::SavepointWriter(const SavepointReader& existing) {
    description_ = existing.checkpoint().description();
    description_.kind = CheckpointKind::Savepoint;
    for (const std::string& uid : existing.uids()) {
        for (const std::string& state : existing.states(uid)) {
            const std::string schema = existing.schema(uid, state);
            existing.checkpoint().read(uid, state, [&](int subtask, int keyGroup, std::span<const std::byte> bytes) {
                MemorySnapshot& part = keyGroup >= 0 ? keyed_ : parts_[subtask];
                part.write(uid, state, keyGroup, bytes);
                part.setSchema(uid, state, schema);
            });
        }
    }
}

MILLRACE_INLINE_COLD void SavepointWriter::expectOperator(std::string_view uid) const {
    std::vector<std::string> known;
    for (const detail::CheckpointedOperator& each : description_.operators) {
        if (each.uid == uid) return;
        known.push_back(each.uid);
    }
    detail::raise<ConfigurationException>("SavepointWriter: there is no operator of uid '{}', but {}",
                                          {uid, detail::quotedList(known)});
}

MILLRACE_INLINE_COLD SavepointWriter& SavepointWriter::put(std::string_view uid, std::string_view name,
                                                           const detail::StateLayout& layout,
                                                           const detail::KeyGroupWriter& entries) {
    const std::string state = detail::message("state/{}", {name});
    keyed_.erase(uid, state);
    entries.writeTo(keyed_, uid, state, layout);
    addOperator(uid);
    return *this;
}

MILLRACE_INLINE_COLD void SavepointWriter::addOperator(std::string_view uid) {
    for (const detail::CheckpointedOperator& each : description_.operators) {
        if (each.uid == uid) return;
    }
    description_.operators.add(
        new detail::CheckpointedOperator{std::string(uid), std::string(uid), "bootstrapped", 1, 0});
}

MILLRACE_INLINE_COLD MemorySnapshot& SavepointWriter::emptied(std::string_view uid, std::string_view state) {
    for (auto& [subtask, part] : parts_) part.erase(uid, state);
    addOperator(uid);
    return parts_[0];
}

MILLRACE_INLINE_COLD const MemorySnapshot& SavepointWriter::existingPart(std::string_view uid,
                                                                         std::string_view state) const {
    expectOperator(uid);
    for (const auto& [subtask, part] : parts_) {
        if (!part.schemaOf(uid, state).empty()) return part;
    }
    detail::raise<ConfigurationException>("SavepointWriter: the operator uid '{}' has no '{}' to modify; it has {}",
                                          {uid, state, detail::quotedList(statesOf(uid))});
}

MILLRACE_INLINE_COLD int SavepointWriter::visitList(std::string_view uid, std::string_view name,
                                                    const detail::TypeInfo& info,
                                                    const std::function<void(ByteReader&)>& element) {
    const std::string state = detail::message("{}{}", {detail::kOperatorStatePrefix, name});
    int distribution = kSplitState;
    existingPart(uid, state).read(uid, state, [&](int kind, std::span<const std::byte>) { distribution = kind; });
    for (const auto& [subtask, part] : parts_) detail::readOperatorList(part, uid, state, info, element);
    return distribution;
}

MILLRACE_INLINE_COLD std::vector<std::string> SavepointWriter::statesOf(std::string_view uid) const {
    std::vector<std::string> states;
    const auto add = [&](const std::string& owner, const std::string& state, int, const auto&) {
        if (owner == uid) states.push_back(state);
    };
    keyed_.forEach(add);
    for (const auto& [subtask, part] : parts_) part.forEach(add);
    std::sort(states.begin(), states.end());
    states.erase(std::unique(states.begin(), states.end()), states.end());
    return states;
}

MILLRACE_INLINE_COLD const MemorySnapshot& SavepointWriter::existing(std::string_view uid, std::string_view name) {
    expectOperator(uid);
    const std::string state = detail::message("state/{}", {name});
    if (keyed_.schemaOf(uid, state).empty()) {
        detail::raise<ConfigurationException>(
            "SavepointWriter: the operator uid '{}' has no keyed state '{}' to modify; it has {}",
            {uid, name, detail::quotedList(statesOf(uid))});
    }
    return keyed_;
}

MILLRACE_INLINE_COLD SavepointWriter& SavepointWriter::removeState(std::string_view uid, std::string_view state) {
    expectOperator(uid);
    bool isThere = keyed_.erase(uid, state);
    for (auto& [subtask, part] : parts_) isThere = part.erase(uid, state) || isThere;
    if (!isThere) {
        detail::raise<ConfigurationException>(
            "SavepointWriter: the operator uid '{}' has no state '{}' to remove; it has {}",
            {uid, state, detail::quotedList(statesOf(uid))});
    }
    return *this;
}

MILLRACE_INLINE_COLD SavepointWriter& SavepointWriter::removeOperator(std::string_view uid) {
    expectOperator(uid);
    detail::renameStates(keyed_, uid, {});
    for (auto& [subtask, part] : parts_) detail::renameStates(part, uid, {});
    for (std::size_t i = 0; i < description_.operators.size(); ++i) {
        if (description_.operators[i].uid == uid) {
            delete description_.operators.release(i);
            break;
        }
    }
    return *this;
}

MILLRACE_INLINE_COLD SavepointWriter& SavepointWriter::changeOperatorIdentifier(std::string_view from,
                                                                                std::string_view to) {
    expectOperator(from);
    for (const detail::CheckpointedOperator& each : description_.operators) {
        if (each.uid != to) continue;
        detail::raise<ConfigurationException>(
            "SavepointWriter: '{}' cannot be renamed to '{}', since there is an operator of that uid", {from, to});
    }
    detail::renameStates(keyed_, from, to);
    for (auto& [subtask, part] : parts_) detail::renameStates(part, from, to);
    for (detail::CheckpointedOperator& each : description_.operators) {
        if (each.uid == from) each.uid = to;
    }
    return *this;
}

MILLRACE_INLINE_COLD SavepointWriter& SavepointWriter::setCompression(SnapshotCompression compression) {
    detail::requireCompression(compression, "SavepointWriter: ");
    compression_ = compression;
    return *this;
}

MILLRACE_INLINE_COLD CheckpointInfo SavepointWriter::write(const std::string& directory,
                                                           std::shared_ptr<FileSystem> files) const {
    const std::unique_ptr<detail::CheckpointStore> store =
        detail::FileCheckpointStore::forSavepoints(std::move(files), compression_);
    detail::CheckpointDescription description = description_;
    description.target = directory;
    store->begin(description);
    try {
        int task = 0;
        if (!keyed_.empty()) store->writePart(description.id, task++, 0, keyed_);
        for (const auto& [subtask, part] : parts_) {
            if (!part.empty()) store->writePart(description.id, task++, subtask, part);
        }
        return store->complete(description);
    } catch (...) {
        store->discard(description.id);
        throw;
    }
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_SAVEPOINT_WRITER_IPP
