#ifndef MILLRACE_STATE_MEMORY_SNAPSHOT_HPP
#define MILLRACE_STATE_MEMORY_SNAPSHOT_HPP

#include <millrace/core/config.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/snapshot.hpp>
#include <millrace/state/table_snapshot.hpp>

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// A snapshot in memory. @internal
class MemorySnapshot final : public detail::TableSink, public detail::EntrySource, public SnapshotPart {
public:
    MemorySnapshot();
    MemorySnapshot(const MemorySnapshot& other);
    MemorySnapshot(MemorySnapshot&& other) noexcept;
    MemorySnapshot& operator=(const MemorySnapshot& other);
    MemorySnapshot& operator=(MemorySnapshot&& other) noexcept;
    MILLRACE_INLINE ~MemorySnapshot() override;

    MILLRACE_INLINE void write(std::string_view uid, std::string_view state, int keyGroup,
                               std::span<const std::byte> bytes) override;
    MILLRACE_INLINE void read(std::string_view uid, std::string_view state, const Visitor& visit) const override;
    MILLRACE_INLINE void readAs(std::string_view uid, std::string_view state, const detail::StateLayout& layout,
                                const Visitor& visit) const override;
    MILLRACE_INLINE void setSchema(std::string_view uid, std::string_view state, std::string schema) override;
    /// Forgets a state; false if there is none.
    bool erase(std::string_view uid, std::string_view state);
    /// What the pieces of a state look like; empty if nobody has said so.
    std::string schemaOf(std::string_view uid, std::string_view state) const;
    /// The pieces that a subtask owning the key groups [first, last] restores; what belongs to no key goes to every caller.
    MemorySnapshot forKeyGroups(int first, int last) const;
    void merge(const MemorySnapshot& other) { other.writeTo(*this); }
    /// Calls `visit(uid, state, keyGroup, bytes)` for all pieces: ordered by uid, then state, then as they were written.
    template <class Visit>
    void forEach(Visit visit) const {
        for (const auto& [name, pieces] : pieces_) {
            for (const auto& [keyGroup, bytes] : pieces) visit(name.first, name.second, keyGroup, bytes);
        }
    }
    MILLRACE_INLINE bool empty() const override;
    MILLRACE_INLINE void writeTo(SnapshotSink& sink) const override;
    bool operator==(const MemorySnapshot& other) const;

private:
    using Name = std::pair<std::string, std::string>;  ///< uid and state
    std::map<Name, std::vector<std::pair<int, std::vector<std::byte>>>> pieces_;
    std::map<Name, std::string> schemas_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/memory_snapshot.ipp>
#endif

#endif  // MILLRACE_STATE_MEMORY_SNAPSHOT_HPP
