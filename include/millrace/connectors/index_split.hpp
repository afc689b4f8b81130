#ifndef MILLRACE_CONNECTORS_INDEX_SPLIT_HPP
#define MILLRACE_CONNECTORS_INDEX_SPLIT_HPP

#include <millrace/core/algorithm.hpp>

#include <cstdint>
#include <vector>

namespace millrace {

/// Part of the indices 0 … end-1: every `lanes`-th block of `block` indices, read on from `next`. @evolving
/// The subtasks of one source get neighbouring blocks in turn and not one long range each: where event time follows
/// the index, subtasks that run equally fast then stay within `lanes * block` indices of each other.
struct IndexSplit {
    std::uint64_t next = 0;  ///< the first index not read yet; `end` when done
    std::uint64_t end = 0;
    std::uint64_t block = 1;  ///< blocks begin at multiples of it
    std::uint64_t lanes = 1;

    friend bool operator==(const IndexSplit&, const IndexSplit&) = default;
};

namespace detail {

/// One split per subtask over the indices 0 … count-1; fewer where there is nothing for a subtask to do.
/// No subtask gets more than one block more than another.
template <class Split = IndexSplit>
std::vector<Split> splitIndices(std::uint64_t count, int parallelism) {
    const auto lanes = static_cast<std::uint64_t>(std::max(parallelism, 1));
    // small inputs go out in small blocks, so that every subtask has its share
    const std::uint64_t block =
        lanes == 1 ? std::max<std::uint64_t>(count, 1) : std::clamp<std::uint64_t>(count / (lanes * 16), 1, 4096);
    std::vector<Split> splits;
    for (std::uint64_t lane = 0; lane < lanes && lane * block < count; ++lane) {
        splits.push_back({lane * block, count, block, lanes});
    }
    return splits;
}

/// Walks over an IndexSplit in runs of consecutive indices.
class IndexCursor {
public:
    IndexCursor() = default;
    explicit IndexCursor(IndexSplit split) : split_(split) { findRun(); }

    bool done() const noexcept { return split_.next == split_.end; }
    std::uint64_t next() const noexcept { return split_.next; }
    /// Length of the run of consecutive indices that begins at `next()`; 0 only when done.
    std::uint64_t run() const noexcept { return runEnd_ - split_.next; }
    /// Goes on by `count <= run()` indices.
    void advance(std::uint64_t count) noexcept {
        split_.next += count;
        if (split_.next != runEnd_ || done()) return;
        const std::uint64_t skipped = (split_.lanes - 1) * split_.block;
        // compared by difference: `next + skipped` may not fit near 2^64
        split_.next = split_.end - split_.next > skipped ? split_.next + skipped : split_.end;
        findRun();
    }
    const IndexSplit& split() const noexcept { return split_; }

private:
    void findRun() noexcept {
        const std::uint64_t rest = split_.end - split_.next;
        const std::uint64_t inBlock = split_.block - split_.next % split_.block;
        runEnd_ = split_.next + std::min(rest, inBlock);
    }

    IndexSplit split_;
    std::uint64_t runEnd_ = 0;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_INDEX_SPLIT_HPP
