#ifndef MILLRACE_WINDOWING_SLICE_RUNS_HPP
#define MILLRACE_WINDOWING_SLICE_RUNS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/operators/segment.hpp>

#include <cstddef>

namespace millrace::detail {

/// Cuts blocks into runs of records of one slice of time. The host has
///     bool covers(Timestamp)             whether that is in the current slice
///     bool startSlice(Timestamp)         makes the slice around it the current one; false: not for this record
///     void addRun(Block<Record>, std::size_t from, std::size_t end)     records of the current slice
///     void addBehind(Record&, Timestamp)                                a record for which there is no slice
template <class Record>
class SliceRuns {
public:
    template <class Host>
    void cut(Block<Record> block, Host& host) {
        if constexpr (kBlockwise<Record>) {
            for (std::size_t from = 0; from < block.size; from += kBlockRecords<Record>) {
                cutMixed(block.slice(from, std::min(kBlockRecords<Record>, block.size - from)), host);
            }
        } else {
            cutInOrder(block, host);
        }
    }

private:
    /// Takes the records of one slice of time after the other out of the block: those of one slice keep their order, and
    /// those without one keep theirs.
    template <class Host>
    void cutMixed(Block<Record> block, Host& host) {
        constexpr int kMostPasses = 24;
        if (apart_ == nullptr) apart_.reset(new SegmentBuffer<Record>);
        Record* const taken = apart_->values();
        Timestamp* const takenTimes = apart_->timestamps;
        for (int passes = 0; passes < kMostPasses; ++passes) {
            while (block.size > 0 && !host.startSlice(block.timestamps[0])) {
                host.addBehind(block.values[0], block.timestamps[0]);
                block = block.slice(1, block.size - 1);
            }
            if (block.size == 0) return;
            std::size_t count = 0;
            std::size_t left = 0;
            for (std::size_t i = 0; i < block.size; ++i) {  // always write, advance by the predicate: no branch
                const Record value = block.values[i];
                const Timestamp time = block.timestamps[i];
                const bool belongs = host.covers(time);
                taken[count] = value;
                takenTimes[count] = time;
                count += belongs ? 1 : 0;
                block.values[left] = value;
                block.timestamps[left] = time;
                left += belongs ? 0 : 1;
            }
            host.addRun(Block<Record>{taken, takenTimes, nullptr, count}, 0, count);
            block.size = left;
            block.hashes = nullptr;  // they do not move with their records
        }
        cutInOrder(block, host);
    }
    /// Cuts the block where the slice of time changes.
    template <class Host>
    void cutInOrder(Block<Record> block, Host& host) {
        for (std::size_t at = 0; at < block.size;) {
            if (!host.startSlice(block.timestamps[at])) {
                host.addBehind(block.values[at], block.timestamps[at]);
                ++at;
                continue;
            }
            std::size_t end = at + 1;
            while (end < block.size && host.covers(block.timestamps[end])) ++end;
            host.addRun(block, at, end);
            at = end;
        }
    }

    Owner<SegmentBuffer<Record>> apart_;  ///< records of one slice, picked out of a block
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_SLICE_RUNS_HPP
