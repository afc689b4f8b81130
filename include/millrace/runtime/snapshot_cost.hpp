#ifndef MILLRACE_RUNTIME_SNAPSHOT_COST_HPP
#define MILLRACE_RUNTIME_SNAPSHOT_COST_HPP

#include <millrace/time/timestamp.hpp>

#include <cstdint>

namespace millrace::detail {

/// What a checkpoint has cost one task.
struct SnapshotCost {
    Duration pause{0};      ///< how long it has handled no records to hand over its state
    Duration alignment{0};  ///< from the first barrier that came to the last
    std::uint64_t inFlightBytes = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_SNAPSHOT_COST_HPP
