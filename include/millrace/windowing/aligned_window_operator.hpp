#ifndef MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP

#include <millrace/windowing/event_time_windows_node.hpp>
#include <millrace/windowing/pane_windows.hpp>
#include <millrace/windowing/slice_runs.hpp>
#include <millrace/windowing/sliced_windows.hpp>

#include <cstddef>
#include <string>
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

    void pushBlock(Block<T> block) { pushRecords(block, runs_); }
    void push(T&& value, Timestamp timestamp) { pushBlock({&value, &timestamp, nullptr, 1}); }

protected:
    /// For whatever can be added to the windows; see WindowRecord.
    template <class Record>
    void pushRecords(Block<Record> block, SliceRuns<Record>& runs) {
        if (block.size == 0) return;
        if (block.timestamps == nullptr) this->failWithoutTimestamp();
        if (windows_.covers(block.timestamps, block.size)) [[likely]] {
            addRun(block, 0, block.size);
            return;
        }
        runs.cut(block, *this);
        this->emitResults();
    }

    SliceRuns<T> runs_;

private:
    template <class>
    friend class SliceRuns;

    bool covers(Timestamp time) const noexcept { return windows_.covers(time); }
    template <class Record>
    void addRun(Block<Record> block, std::size_t from, std::size_t end) {
        std::size_t at = from;
        try {
            windows_.add(block.values, block.hashes, at, end);
        } catch (...) {
            this->fail(block.values[at], block.timestamps[at]);
        }
        this->sendLost(block);
    }
    /// Makes the slice of time around `time` the current one; false if a record there has to go through `addBehind`.
    bool startSlice(Timestamp time) {
        if (windows_.covers(time)) return true;
        if (time == kMinTimestamp) this->failWithoutTimestamp();
        return windows_.select(time, watermark_);
    }
    template <class Record>
    [[gnu::cold, gnu::noinline]] void addBehind(Record& value, Timestamp time) {
        bool added = false;
        try {
            added = windows_.addBehind(
                std::as_const(value), time, watermark_,
                [this](const TimeWindow& window, const Key& key, const auto& acc) { this->fireNow(window, key, acc); });
        } catch (...) {
            this->fail(value, time);
        }
        this->sendLost(Block<Record>{&value, &time, nullptr, 1});
        if (!emitter_.hasRoom()) this->emitResults();
        if (!added) late_.missed(WindowRecord<Record>::element(value), time, watermark_);
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP
