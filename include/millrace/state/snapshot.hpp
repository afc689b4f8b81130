#ifndef MILLRACE_STATE_SNAPSHOT_HPP
#define MILLRACE_STATE_SNAPSHOT_HPP

#include <millrace/core/functional.hpp>

#include <cstddef>
#include <span>
#include <string_view>

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

}  // namespace millrace

#endif  // MILLRACE_STATE_SNAPSHOT_HPP
