#ifndef MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/segment.hpp>
#include <millrace/windowing/event_time_windows_node.hpp>
#include <millrace/windowing/pane_windows.hpp>
#include <millrace/windowing/sliced_windows.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Tumbling and sliding event-time windows of a keyed stream with the default trigger.
///
/// A window fires when the watermark has reached its last timestamp; its results carry that timestamp and precede the
/// watermark; of several windows the one that ends first fires first. Results of different keys come in no particular
/// order. A window whose last timestamp + allowedLateness has been reached is late and gone; a record that finds all its
/// windows late goes to `lateKey`, or is counted and dropped; one that comes in time for a window that has fired makes it
/// fire again at once, for its key.
/// *State:* "windows", the accumulators by window and key. A restored operator has no watermark.
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn = NoWindowFunction,
          class Out = typename AggregateTraits<Aggregate, T>::Result>
struct AlignedWindowOperator {
    using Input = T;
    using Output = Out;
    KeySelector keySelector;
    Assigner assigner;
    Aggregate aggregate;
    WindowFn windowFunction{};
    Duration allowedLateness{};
    std::string lateKey{};  ///< of the side output for late records; empty: they are dropped

    using Key = KeyOf<KeySelector, T>;
    using Windows =
        std::conditional_t<Assigner::kOverlapping && AggregateTraits<Aggregate, T>::kMerges,
                           SlicedWindows<T, Key, KeySelector, Aggregate>, PaneWindows<T, Key, KeySelector, Aggregate>>;

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
template <class Next>
class AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>::Node
    : public EventTimeWindowsNode<Next, T, KeySelector, Aggregate, WindowFn, Out, Windows> {
    using Base = EventTimeWindowsNode<Next, T, KeySelector, Aggregate, WindowFn, Out, Windows>;
    using Base::emitter_;
    using Base::late_;
    using Base::watermark_;
    using Base::windows_;

public:
    template <class Refs>
    explicit Node(const Refs& refs) : Base(refs, refs.op.assigner.grid()) {}

    void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        if (block.timestamps == nullptr) this->failWithoutTimestamp();
        if (windows_.covers(block.timestamps, block.size)) [[likely]] {
            addRun(block, 0, block.size);
            return;
        }
        if constexpr (kBlockwise<T>) {
            for (std::size_t from = 0; from < block.size; from += kBlockRecords<T>) {
                addMixed(block.slice(from, std::min(kBlockRecords<T>, block.size - from)));
            }
        } else {
            addInRuns(block);
        }
        this->emitResults();
    }
    void push(T&& value, Timestamp timestamp) { pushBlock({&value, &timestamp, nullptr, 1}); }

private:
    void addRun(Block<T> block, std::size_t from, std::size_t end) {
        std::size_t at = from;
        try {
            windows_.add(block.values, block.hashes, at, end);
        } catch (...) {
            this->fail(block.values[at], block.timestamps[at]);
        }
    }
    /// Takes the records of one slice of time after the other out of the block: those of one slice keep their order, and
    /// those behind the watermark keep theirs.
    void addMixed(Block<T> block) {
        constexpr int kMostPasses = 24;
        if (apart_ == nullptr) apart_ = std::make_unique<SegmentBuffer<T>>();
        T* const taken = apart_->values();
        Timestamp* const takenTimes = apart_->timestamps;
        for (int passes = 0; passes < kMostPasses; ++passes) {
            while (block.size > 0 && !startSlice(block.timestamps[0])) {
                addBehind(block.values[0], block.timestamps[0]);
                block = block.slice(1, block.size - 1);
            }
            if (block.size == 0) return;
            std::size_t count = 0;
            std::size_t left = 0;
            for (std::size_t i = 0; i < block.size; ++i) {  // always write, advance by the predicate: no branch
                const T value = block.values[i];
                const Timestamp time = block.timestamps[i];
                const bool belongs = windows_.covers(time);
                taken[count] = value;
                takenTimes[count] = time;
                count += belongs ? 1 : 0;
                block.values[left] = value;
                block.timestamps[left] = time;
                left += belongs ? 0 : 1;
            }
            addRun({taken, takenTimes, nullptr, count}, 0, count);
            block.size = left;
            block.hashes = nullptr;  // they do not move with their records
        }
        addInRuns(block);
    }
    /// Cuts the block where the slice of time changes.
    void addInRuns(Block<T> block) {
        for (std::size_t at = 0; at < block.size;) {
            if (!startSlice(block.timestamps[at])) {
                addBehind(block.values[at], block.timestamps[at]);
                ++at;
                continue;
            }
            std::size_t end = at + 1;
            while (end < block.size && windows_.covers(block.timestamps[end])) ++end;
            addRun(block, at, end);
            at = end;
        }
    }
    /// Makes the slice of time around `time` the current one; false if a record there has to go through `addBehind`.
    bool startSlice(Timestamp time) {
        if (windows_.covers(time)) return true;
        if (time == kMinTimestamp) this->failWithoutTimestamp();
        return windows_.select(time, watermark_);
    }
    void addBehind(T& value, Timestamp time) {
        bool added = false;
        try {
            added = windows_.addBehind(
                std::as_const(value), time, watermark_,
                [this](const TimeWindow& window, const Key& key, const auto& acc) { this->fireNow(window, key, acc); });
        } catch (...) {
            this->fail(value, time);
        }
        if (!emitter_.hasRoom()) this->emitResults();
        if (!added) late_.missed(value, time, watermark_);
    }

    std::unique_ptr<SegmentBuffer<T>> apart_;  ///< records of one slice, picked out of a block
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP
