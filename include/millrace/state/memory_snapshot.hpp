#ifndef MILLRACE_STATE_MEMORY_SNAPSHOT_HPP
#define MILLRACE_STATE_MEMORY_SNAPSHOT_HPP

#include <millrace/state/snapshot.hpp>
#include <millrace/state/state_layout.hpp>
#include <millrace/state/state_migration.hpp>

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// A snapshot in memory. @internal
class MemorySnapshot final : public SnapshotSink, public SnapshotSource, public SnapshotPart {
public:
    void write(std::string_view uid, std::string_view state, int keyGroup, std::span<const std::byte> bytes) override {
        pieces_[{std::string(uid), std::string(state)}].emplace_back(
            keyGroup, std::vector<std::byte>(bytes.begin(), bytes.end()));
    }
    void read(std::string_view uid, std::string_view state, const Visitor& visit) const override {
        const auto found = pieces_.find({std::string(uid), std::string(state)});
        if (found == pieces_.end()) return;
        for (const auto& [keyGroup, bytes] : found->second) visit(keyGroup, bytes);
    }
    void readAs(std::string_view uid, std::string_view state, const detail::StateLayout& layout,
                const Visitor& visit) const override {
        detail::readMigrated(*this, schemaOf(uid, state), uid, state, layout, visit);
    }
    void setSchema(std::string_view uid, std::string_view state, std::string schema) override {
        schemas_[{std::string(uid), std::string(state)}] = std::move(schema);
    }
    /// Forgets a state; false if there is none.
    bool erase(std::string_view uid, std::string_view state) {
        const Name name{std::string(uid), std::string(state)};
        schemas_.erase(name);
        return pieces_.erase(name) > 0;
    }
    /// What the pieces of a state look like; empty if nobody has said so.
    std::string schemaOf(std::string_view uid, std::string_view state) const {
        const auto found = schemas_.find({std::string(uid), std::string(state)});
        return found != schemas_.end() ? found->second : std::string();
    }
    /// The pieces that a subtask owning the key groups [first, last] restores; what belongs to no key goes to every caller.
    MemorySnapshot forKeyGroups(int first, int last) const {
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
    void merge(const MemorySnapshot& other) { other.writeTo(*this); }
    /// Calls `visit(uid, state, keyGroup, bytes)` for all pieces: ordered by uid, then state, then as they were written.
    template <class Visit>
    void forEach(Visit visit) const {
        for (const auto& [name, pieces] : pieces_) {
            for (const auto& [keyGroup, bytes] : pieces) visit(name.first, name.second, keyGroup, bytes);
        }
    }
    bool empty() const override { return pieces_.empty(); }
    void writeTo(SnapshotSink& sink) const override {
        for (const auto& [name, schema] : schemas_) sink.setSchema(name.first, name.second, schema);
        forEach([&](const std::string& uid, const std::string& state, int keyGroup, const auto& bytes) {
            sink.write(uid, state, keyGroup, bytes);
        });
    }
    bool operator==(const MemorySnapshot& other) const { return pieces_ == other.pieces_; }

private:
    using Name = std::pair<std::string, std::string>;  ///< uid and state
    std::map<Name, std::vector<std::pair<int, std::vector<std::byte>>>> pieces_;
    std::map<Name, std::string> schemas_;
};

}  // namespace millrace

#endif  // MILLRACE_STATE_MEMORY_SNAPSHOT_HPP
