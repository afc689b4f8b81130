#ifndef MILLRACE_CHECKPOINT_MEMORY_CHECKPOINT_STORE_IPP
#define MILLRACE_CHECKPOINT_MEMORY_CHECKPOINT_STORE_IPP

#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

#include <utility>

namespace millrace::detail {

class MemoryCheckpointStore::Stored final : public StoredCheckpoint {
public:
    Stored() { place_ = "memory"; }
    void setDescription(const CheckpointDescription& description) { description_ = description; }

    [[gnu::cold]] void read(std::string_view uid, std::string_view state, const Visitor& visit) const override {
        for (const Part& part : parts) {
            part.state.read(uid, state, [&](int keyGroup, std::span<const std::byte> bytes) {
                visit(part.subtask, keyGroup, bytes);
            });
        }
    }
    [[gnu::cold]] std::vector<std::string> statesOf(std::string_view uid) const override {
        std::vector<std::string> names;
        for (const Part& part : parts) {
            part.state.forEach([&](const std::string& owner, const std::string& state, int, const auto&) {
                if (owner == uid && std::find(names.begin(), names.end(), state) == names.end()) names.push_back(state);
            });
        }
        std::sort(names.begin(), names.end());
        return names;
    }
    [[gnu::cold]] std::string schemaOf(std::string_view uid, std::string_view state) const override {
        for (const Part& part : parts) {
            if (std::string schema = part.state.schemaOf(uid, state); !schema.empty()) return schema;
        }
        return {};
    }

    std::vector<Part> parts;
};

MILLRACE_INLINE_COLD MemoryCheckpointStore::Entry* MemoryCheckpointStore::find(std::int64_t id) {
    for (Entry& entry : entries_) {
        if (entry.id == id) return &entry;
    }
    return nullptr;
}

MILLRACE_INLINE_COLD const MemoryCheckpointStore::Entry* MemoryCheckpointStore::find(std::int64_t id) const {
    return const_cast<MemoryCheckpointStore&>(*this).find(id);
}

MILLRACE_INLINE_COLD std::int64_t MemoryCheckpointStore::lastId() const {
    const std::lock_guard lock(mutex_);
    return lastId_;
}

MILLRACE_INLINE_COLD CheckpointStore* MemoryCheckpointStore::storeOf(std::int64_t id) const {
    const std::lock_guard lock(mutex_);
    return std::find(elsewhere_.begin(), elsewhere_.end(), id) != elsewhere_.end() ? savepoints_.get() : nullptr;
}

MILLRACE_INLINE_COLD void MemoryCheckpointStore::begin(const CheckpointDescription& description) {
    const bool goesElsewhere = savepoints_ != nullptr && description.kind == CheckpointKind::Savepoint;
    if (goesElsewhere) savepoints_->begin(description);
    const std::lock_guard lock(mutex_);
    lastId_ = std::max(lastId_, description.id);
    if (goesElsewhere) {
        elsewhere_.push_back(description.id);
        return;
    }
    Entry entry;
    entry.id = description.id;
    entry.stored = std::make_shared<Stored>();
    entries_.push_back(std::move(entry));
}

MILLRACE_INLINE_COLD void MemoryCheckpointStore::writePart(std::int64_t id, int task, int subtask,
                                                           const SnapshotPart& part) {
    if (CheckpointStore* const other = storeOf(id)) return other->writePart(id, task, subtask, part);
    MemorySnapshot state;
    part.writeTo(state);
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(id);
    if (entry == nullptr) return;  // discarded meanwhile
    state.forEach([&](const auto&, const auto&, int, const auto& bytes) { entry->info.bytes += bytes.size(); });
    std::vector<Part>& parts = entry->stored->parts;
    const auto place = std::find_if(parts.begin(), parts.end(), [&](const Part& each) {
        return std::pair(each.subtask, each.task) > std::pair(subtask, task);
    });
    parts.insert(place, Part{task, subtask, std::move(state)});
}

MILLRACE_INLINE_COLD CheckpointInfo MemoryCheckpointStore::complete(const CheckpointDescription& description) {
    if (CheckpointStore* const other = storeOf(description.id)) return other->complete(description);
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(description.id);
    if (entry == nullptr) raise<IoException>("checkpoint {} was discarded before it was complete", {description.id});
    entry->stored->setDescription(description);
    entry->isComplete = true;
    entry->info.id = description.id;
    entry->info.kind = description.kind;
    entry->info.triggered = description.triggered;
    return entry->info;
}

MILLRACE_INLINE_COLD void MemoryCheckpointStore::discard(std::int64_t id) noexcept {
    if (CheckpointStore* const other = storeOf(id)) return other->discard(id);
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.id == id; });
}

MILLRACE_INLINE_COLD std::vector<CheckpointInfo> MemoryCheckpointStore::completed() const {
    const std::lock_guard lock(mutex_);
    std::vector<CheckpointInfo> infos;
    for (const Entry& entry : entries_) {
        if (entry.isComplete) infos.insert(infos.begin(), entry.info);
    }
    return infos;
}

MILLRACE_INLINE_COLD std::shared_ptr<const StoredCheckpoint> MemoryCheckpointStore::load(std::int64_t id) const {
    if (const CheckpointStore* const other = storeOf(id)) return other->load(id);
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(id);
    if (entry == nullptr || !entry->isComplete)
        raise<IoException>("there is no completed checkpoint {} in memory", {id});
    return entry->stored;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_MEMORY_CHECKPOINT_STORE_IPP
