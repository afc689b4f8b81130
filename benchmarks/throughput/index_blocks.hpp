#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_INDEX_BLOCKS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_INDEX_BLOCKS_HPP

#include <millrace/connectors/assigned_splits.hpp>
#include <millrace/connectors/index_split.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

// Sources of numbered records, whose subtasks take blocks of them in turn.

namespace bench {

/// One split for each subtask, also where there is nothing for it.
inline std::unique_ptr<millrace::SplitEnumerator<millrace::IndexSplit>> blocksInTurn(std::uint64_t count,
                                                                                     std::uint64_t block,
                                                                                     int parallelism) {
    const auto lanes = static_cast<std::uint64_t>(parallelism);
    std::vector<millrace::IndexSplit> splits;
    for (std::uint64_t lane = 0; lane < lanes; ++lane) {
        splits.push_back({std::min(lane * block, count), count, block, lanes});
    }
    return std::make_unique<millrace::AssignedSplitEnumerator<millrace::IndexSplit>>(std::move(splits));
}

/// Where the block at hand ends.
inline std::uint64_t blockEnd(const millrace::IndexSplit& split) {
    return std::min(split.end, (split.next / split.block + 1) * split.block);
}
/// Goes on by `count` records of the block that ends at `end`; true if that was the rest of it.
inline bool advance(millrace::IndexSplit& split, std::uint64_t count, std::uint64_t end) {
    split.next += count;
    if (split.next != end) return false;
    split.next = std::min(split.end, end + (split.lanes - 1) * split.block);
    return true;
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_INDEX_BLOCKS_HPP
