#ifndef MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/segment.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/windowing/late_records.hpp>
#include <millrace/windowing/pane_windows.hpp>
#include <millrace/windowing/sliced_windows.hpp>
#include <millrace/windowing/window_emitter.hpp>
#include <millrace/windowing/window_failures.hpp>

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

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
template <class Next>
class AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>::Node : public ForwardingNode<Next> {
    using Key = KeyOf<KeySelector, T>;
    using Traits = AggregateTraits<Aggregate, T>;
    static constexpr bool kSliced = Assigner::kOverlapping && Traits::kMerges;
    using Windows = std::conditional_t<kSliced, SlicedWindows<T, Key, KeySelector, Aggregate>,
                                       PaneWindows<T, Key, KeySelector, Aggregate>>;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : ForwardingNode<Next>(refs.rest), keySelector_(refs.op.keySelector), aggregate_(refs.op.aggregate),
          emitter_(refs.op.windowFunction, aggregate_), late_(refs.op.allowedLateness, refs.op.lateKey),
          windows_(refs.op.assigner.grid(), refs.op.allowedLateness, keySelector_, aggregate_.get()) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        late_.open(context);
        const OperatorId& id = context.takeOperator();
        aggregate_.open(context, id);
        emitter_.open(context, id);
        this->next_.open(context);
        if (const auto* source = std::exchange(restoreFrom_, nullptr)) windows_.restore(*source, id.uid);
    }
    void close() {
        closeBoth([this] { emitter_.close(); },
                  [this] { closeBoth([this] { aggregate_.close(); }, [this] { this->next_.close(); }); });
    }

    void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        if (block.timestamps == nullptr) failWithoutTimestamp();
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
        emitResults();
    }
    void push(T&& value, Timestamp timestamp) { pushBlock({&value, &timestamp, nullptr, 1}); }

    Progress onWatermark(Timestamp watermark) {
        if (watermark > watermark_) watermark_ = watermark;
        emitter_.setWatermark(watermark_);
        if (watermark < windows_.nextEvent()) [[likely]]
            return this->next_.onWatermark(watermark);
        firing_ = true;
        return goOnFiring();
    }
    Progress resume() { return firing_ ? goOnFiring() : this->next_.resume(); }
    Progress endKey() {
        watermark_ = kMaxTimestamp;
        emitter_.setWatermark(watermark_);
        endingKey_ = true;
        firing_ = true;
        return goOnFiring();
    }

    void snapshot(SnapshotSink& sink) {
        windows_.snapshot(sink, aggregate_.id().uid, stage_->maxParallelism);
        this->next_.snapshot(sink);
    }
    /// If called before `open`, the source must live until then.
    void restore(const SnapshotSource& source) {
        if (stage_ != nullptr) {
            windows_.restore(source, aggregate_.id().uid);
        } else {
            restoreFrom_ = &source;
        }
        this->next_.restore(source);
    }

private:
    void addRun(Block<T> block, std::size_t from, std::size_t end) {
        std::size_t at = from;
        try {
            windows_.add(block.values, block.hashes, at, end);
        } catch (...) {
            fail(block.values[at], block.timestamps[at]);
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
        if (time == kMinTimestamp) failWithoutTimestamp();
        return windows_.select(time, watermark_);
    }
    void addBehind(T& value, Timestamp time) {
        bool added = false;
        try {
            added = windows_.addBehind(std::as_const(value), time, watermark_,
                                       [&](const TimeWindow& window, const Key& key, const auto& acc) {
                                           emitter_.begin(window);
                                           emitter_.emit(key, acc);
                                           emitter_.end();
                                       });
        } catch (...) {
            fail(value, time);
        }
        if (emitter_.room() == 0) emitResults();
        if (!added) late_.missed(value, time, watermark_);
    }

    Progress goOnFiring() {
        for (;;) {
            if (stage_->outputBlocked && stage_->maySuspend) {
                this->next_.flush();
                return Progress::Suspended;
            }
            if (!windows_.fireSome(watermark_, emitter_)) break;
            outputs_->flushSide();
            if (emitter_.room() == 0) emitResults();
        }
        firing_ = false;
        emitResults();
        this->next_.flush();
        if (std::exchange(endingKey_, false)) {
            windows_.startOver();
            watermark_ = kMinTimestamp;
            emitter_.setWatermark(watermark_);
            return Progress::Done;
        }
        return this->next_.onWatermark(watermark_);
    }
    void emitResults() {
        Collector<Out>& out = emitter_.out();
        if (out.size() == 0) return;
        this->next_.pushBlock(out.block(true));
        out.clear();
    }

    [[noreturn, gnu::cold, gnu::noinline]] void fail(const T& record, Timestamp timestamp) const {
        try {
            throw;
        } catch (const UserFunctionException&) {
            throw;  // from the window function: says where it happened
        } catch (...) {
            throwUserFunctionError(aggregate_.id(), aggregate_.subtask(), timestamp, describeValue(record),
                                   "the aggregate function or key selector");
        }
    }
    [[noreturn, gnu::cold, gnu::noinline]] void failWithoutTimestamp() const {
        throwWithoutTimestamp(aggregate_.id(), aggregate_.subtask());
    }

    KeySelector keySelector_;
    UserFunction<Aggregate> aggregate_;
    WindowEmitter<T, Key, Aggregate, WindowFn, Out> emitter_;
    LateRecords<T> late_;
    Windows windows_;
    std::unique_ptr<SegmentBuffer<T>> apart_;  ///< records of one slice, picked out of a block
    Timestamp watermark_ = kMinTimestamp;
    bool firing_ = false;
    bool endingKey_ = false;  ///< what is firing is the end of a key, not a watermark
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
    const SnapshotSource* restoreFrom_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_ALIGNED_WINDOW_OPERATOR_HPP
