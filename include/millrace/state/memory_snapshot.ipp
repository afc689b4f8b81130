#ifndef MILLRACE_STATE_MEMORY_SNAPSHOT_IPP
#define MILLRACE_STATE_MEMORY_SNAPSHOT_IPP

#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/state_migration.hpp>

namespace millrace {

MILLRACE_INLINE_COLD MemorySnapshot::MemorySnapshot() = default;
MILLRACE_INLINE_COLD MemorySnapshot::MemorySnapshot(const MemorySnapshot&) = default;
MILLRACE_INLINE MemorySnapshot::MemorySnapshot(MemorySnapshot&&) noexcept = default;
MILLRACE_INLINE_COLD MemorySnapshot& MemorySnapshot::operator=(const MemorySnapshot&) = default;
MILLRACE_INLINE MemorySnapshot& MemorySnapshot::operator=(MemorySnapshot&&) noexcept = default;
MILLRACE_INLINE MemorySnapshot::~MemorySnapshot() = default;

MILLRACE_INLINE void MemorySnapshot::write(std::string_view uid, std::string_view state, int keyGroup,
                                           std::span<const std::byte> bytes) {
    pieces_[{std::string(uid), std::string(state)}].emplace_back(keyGroup,
                                                                 std::vector<std::byte>(bytes.begin(), bytes.end()));
}

MILLRACE_INLINE_COLD void MemorySnapshot::read(std::string_view uid, std::string_view state,
                                               const Visitor& visit) const {
    const auto found = pieces_.find({std::string(uid), std::string(state)});
    if (found == pieces_.end()) return;
    for (const auto& [keyGroup, bytes] : found->second) visit(keyGroup, bytes);
}

MILLRACE_INLINE_COLD void MemorySnapshot::readAs(std::string_view uid, std::string_view state,
                                                 const detail::StateLayout& layout, const Visitor& visit) const {
    detail::readMigrated(*this, schemaOf(uid, state), uid, state, layout, visit);
}

MILLRACE_INLINE_COLD void MemorySnapshot::setSchema(std::string_view uid, std::string_view state, std::string schema) {
    schemas_[{std::string(uid), std::string(state)}] = std::move(schema);
}

MILLRACE_INLINE_COLD bool MemorySnapshot::erase(std::string_view uid, std::string_view state) {
    const Name name{std::string(uid), std::string(state)};
    schemas_.erase(name);
    return pieces_.erase(name) > 0;
}

MILLRACE_INLINE_COLD std::string MemorySnapshot::schemaOf(std::string_view uid, std::string_view state) const {
    const auto found = schemas_.find({std::string(uid), std::string(state)});
    return found != schemas_.end() ? found->second : std::string();
}

MILLRACE_INLINE_COLD MemorySnapshot MemorySnapshot::forKeyGroups(int first, int last) const {
    MemorySnapshot part;
    part.schemas_ = schemas_;
    for (const auto& [name, pieces] : pieces_) {
        for (const auto& [keyGroup, bytes] : pieces) {
            if (keyGroup < 0 || (first <= keyGroup && keyGroup <= last)) {
                part.write(name.first, name.second, keyGroup, bytes);
            }
        }
    }
    return part;
}

MILLRACE_INLINE_COLD bool MemorySnapshot::empty() const {
    return pieces_.empty();
}

MILLRACE_INLINE_COLD void MemorySnapshot::writeTo(SnapshotSink& sink) const {
    for (const auto& [name, schema] : schemas_) sink.setSchema(name.first, name.second, schema);
    forEach([&](const std::string& uid, const std::string& state, int keyGroup, const auto& bytes) {
        sink.write(uid, state, keyGroup, bytes);
    });
}

MILLRACE_INLINE_COLD bool MemorySnapshot::operator==(const MemorySnapshot& other) const {
    return pieces_ == other.pieces_;
}

}  // namespace millrace

#endif  // MILLRACE_STATE_MEMORY_SNAPSHOT_IPP
