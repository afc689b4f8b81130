#ifndef MILLRACE_STATE_SNAPSHOT_HPP
#define MILLRACE_STATE_SNAPSHOT_HPP

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace millrace {

/// State that does not belong to a key group: positions of sources, accumulators of generators… @internal
inline constexpr int kOperatorState = -1;

/// Where a stage writes its state. The unit is (operator uid, state name, key group). @internal
class SnapshotSink {
public:
    virtual ~SnapshotSink() = default;
    /// Adds one piece of state. Pieces with equal names are kept in the order in which they were written.
    virtual void write(std::string_view uid, std::string_view state, int keyGroup,
                       std::span<const std::byte> bytes) = 0;
};

/// Where a restored stage finds its state: exactly the pieces of the key groups that it owns. @internal
class SnapshotSource {
public:
    using Visitor = std::function<void(int keyGroup, std::span<const std::byte> bytes)>;
    virtual ~SnapshotSource() = default;
    virtual void read(std::string_view uid, std::string_view state, const Visitor& visit) const = 0;
};

/// A snapshot in memory. @internal
class MemorySnapshot final : public SnapshotSink, public SnapshotSource {
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
    /// The pieces that a subtask owning the key groups [first, last] restores; operator state goes to every caller.
    MemorySnapshot forKeyGroups(int first, int last) const {
        MemorySnapshot part;
        for (const auto& [name, pieces] : pieces_) {
            for (const auto& [keyGroup, bytes] : pieces) {
                if (keyGroup == kOperatorState || (first <= keyGroup && keyGroup <= last)) {
                    part.write(name.first, name.second, keyGroup, bytes);
                }
            }
        }
        return part;
    }
    void merge(const MemorySnapshot& other) {
        for (const auto& [name, pieces] : other.pieces_) {
            for (const auto& [keyGroup, bytes] : pieces) write(name.first, name.second, keyGroup, bytes);
        }
    }
    bool empty() const noexcept { return pieces_.empty(); }
    bool operator==(const MemorySnapshot& other) const { return pieces_ == other.pieces_; }

private:
    std::map<std::pair<std::string, std::string>, std::vector<std::pair<int, std::vector<std::byte>>>> pieces_;
};

}  // namespace millrace

#endif  // MILLRACE_STATE_SNAPSHOT_HPP
