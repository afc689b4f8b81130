#ifndef MILLRACE_WINDOWING_LOCAL_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_LOCAL_WINDOW_OPERATOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/windowing/local_slices.hpp>
#include <millrace/windowing/partial_result.hpp>
#include <millrace/windowing/pre_aggregation.hpp>
#include <millrace/windowing/slice_runs.hpp>
#include <millrace/windowing/window_failures.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Whether adding up in front of the exchange is worth it: looks at one stretch of elements after the other. When in two
/// in a row too few elements have come for each new key, elements go on as they are for a while. (One alone may just be the
/// first of a slice of time, with many keys that come again.)
class LocalReduction {
public:
    explicit LocalReduction(PreAggregation when) noexcept : adapts_(when == PreAggregation::Adaptive) {}

    /// Elements have been added, of which `sums` were the first of their key in their slice. False: it is not worth it.
    bool added(std::size_t elements, std::size_t sums) noexcept {
        elements_ += elements;
        sums_ += sums;
        if (elements_ < kStretch || !adapts_) [[likely]]
            return true;
        poor_ = elements_ < kLeastReduction * sums_ ? poor_ + 1 : 0;
        elements_ = 0;
        sums_ = 0;
        if (poor_ < 2) return true;
        poor_ = 0;
        toPass_ = kPassed;
        return false;
    }
    bool passes() const noexcept { return toPass_ > 0; }
    void passed(std::size_t elements) noexcept { toPass_ -= std::min(toPass_, elements); }

private:
    static constexpr std::size_t kStretch = std::size_t{1} << 14;
    static constexpr std::size_t kLeastReduction = 4;
    static constexpr std::size_t kPassed = std::size_t{1} << 20;

    bool adapts_;
    int poor_ = 0;  ///< stretches in a row
    std::size_t elements_ = 0;
    std::size_t sums_ = 0;
    std::size_t toPass_ = 0;
};

/// The part of a window operator in front of the exchange: adds the elements of a subtask up by key and slice of time. What a
/// slice comes to goes over the exchange before the watermark that reaches its last timestamp, before idleness, the end of
/// input and the barrier of a checkpoint; so the windows behind it see what they would see without it, only less of it, and
/// there is nothing to be saved here.
///
/// An element that is held back must not be late when it gets there, since its windows could not tell any more which it was.
/// That holds while their event time waits for this subtask, which `Port::isWaitedFor` tells: not when it has been idle and has
/// not caught up with the others yet, nor when they have begun with the event time of a checkpoint that it has not reached yet.
/// Then, and behind its own watermark, elements go on as they are.
///
/// Where the windows are called directly there is nothing to be saved by it: they get the blocks as they are.
template <class T, class KeySelector, class Assigner, class Aggregate>
struct LocalWindowOperator {
    using Key = KeyOf<KeySelector, T>;
    using Input = T;
    using Output = PartialResult<T, Key, typename AggregateTraits<Aggregate, T>::Accumulator>;
    KeySelector keySelector;
    Assigner assigner;
    Aggregate aggregate;
    PreAggregation when{};

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Assigner, class Aggregate>
template <class Next>
class LocalWindowOperator<T, KeySelector, Assigner, Aggregate>::Node : public ForwardingNode<Next> {
    using Accumulator = typename AggregateTraits<Aggregate, T>::Accumulator;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : ForwardingNode<Next>(refs.rest), keySelector_(refs.op.keySelector), aggregate_(refs.op.aggregate),
          slices_(refs.op.assigner.grid(), keySelector_, aggregate_.get()), reduction_(refs.op.when) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        metrics_ = &context.metrics;
        isDirect_ = !stage_->isBatch && outputs_->callsDirectly();
        const OperatorId& id = context.takeOperator();
        aggregate_.open(context, id);
        context.account(memory_, id, "slices");
        slices_.chargeTo(memory_);
        context.checkpoints.add(new FlushAtBarrier(*this));
        this->next_.open(context);
    }
    void close() {
        closeBoth([this] { aggregate_.close(); }, [this] { eventTarget(this->next_).close(); });
    }

    void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        if (isDirect_) {
            StageMetrics::add(metrics_->recordsOut, block.size - 1);  // the block itself is counted
            Output all(block);
            this->next_.pushBlock({&all, nullptr, nullptr, 1});
            return;
        }
        if (block.timestamps == nullptr) throwWithoutTimestamp(aggregate_.id(), aggregate_.subtask());
        if (!mayHold_ || reduction_.passes()) {
            pass(block);
            reduction_.passed(block.size);
        } else if (slices_.covers(block.timestamps, block.size)) [[likely]] {
            addRun(block, 0, block.size);
        } else {
            runs_.cut(block, *this);
        }
        if (reduction_.passes()) flushAll();
    }
    void push(T&& value, Timestamp timestamp) {
        pushBlock({&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1});
    }

    Progress onWatermark(Timestamp watermark) {
        if (watermark > watermark_) watermark_ = watermark;
        return goOn();
    }
    Progress resume() { return isFlushing_ ? goOn() : eventTarget(this->next_).resume(); }
    void onIdle() {
        flushAll();
        mayHold_ = false;
        eventTarget(this->next_).onIdle();
    }
    Progress endInput() {
        flushAll();
        return eventTarget(this->next_).endInput();
    }

private:
    friend class SliceRuns<T>;

    struct FlushAtBarrier final : CheckpointHook {
        explicit FlushAtBarrier(Node& whose) : node(whose) {}
        void prepareBarrier(std::int64_t) override { node.flushAll(); }
        Node& node;
    };

    // ---- for SliceRuns
    bool covers(Timestamp time) const noexcept { return slices_.covers(time); }
    bool startSlice(Timestamp time) {
        if (slices_.covers(time)) return true;
        if (time == kMinTimestamp) throwWithoutTimestamp(aggregate_.id(), aggregate_.subtask());
        return slices_.select(time, watermark_);
    }
    void addRun(Block<T> block, std::size_t from, std::size_t end) {
        std::size_t at = from;
        std::size_t sums = 0;
        try {
            sums = slices_.add(block.values, block.hashes, at, end);
        } catch (...) {
            rethrowOfWindow(aggregate_.id(), aggregate_.subtask(), block.values[at], block.timestamps[at],
                            "the aggregate function or key selector");
        }
        (void)reduction_.added(end - from, sums);
    }
    void addBehind(T& value, Timestamp time) { pass({&value, &time, nullptr, 1}); }

    /// Sends elements on as they are.
    void pass(Block<T> block) {
        while (block.size > 0) {
            const std::size_t count = std::min(block.size, kBlockRecords<Output>);
            for (std::size_t i = 0; i < count; ++i) out_.template collect<T>(std::move(block.values[i]));
            this->next_.pushBlock({out_.block(false).values, block.timestamps, nullptr, count});
            out_.clear();
            block = block.slice(count, block.size - count);
        }
    }
    /// Sends sums: those that the watermark has reached, then the watermark.
    Progress goOn() {
        isFlushing_ = true;
        while (!slices_.empty() && slices_.firstEnd() <= watermark_) {
            if (stage_->outputBlocked && stage_->maySuspend) return Progress::Suspended;
            drainSome();
        }
        isFlushing_ = false;
        const Progress progress = eventTarget(this->next_).onWatermark(watermark_);
        if (!mayHold_ && !isDirect_ && !stage_->isBatch) mayHold_ = outputs_->isWaitedFor();
        return progress;
    }
    void flushAll() {
        while (!slices_.empty()) drainSome();
    }
    void drainSome() {
        slices_.drainSome([this](Key&& key, Accumulator&& acc, Timestamp last) {
            out_.collect(Output(std::move(key), std::move(acc)));
            out_.stampNew(last);
            if (out_.full()) send();
        });
        send();
    }
    void send() {
        if (out_.size() == 0) return;
        this->next_.pushBlock(out_.block(true));
        out_.clear();
    }

    KeySelector keySelector_;
    UserFunction<Aggregate> aggregate_;
    StateMemory memory_;
    LocalSlices<T, Key, KeySelector, Aggregate> slices_;
    LocalReduction reduction_;
    SliceRuns<T> runs_;
    Collector<Output> out_;
    Timestamp watermark_ = kMinTimestamp;
    bool isDirect_ = false;    ///< the windows are called directly
    bool mayHold_ = false;     ///< the event time of the windows waits for this subtask
    bool isFlushing_ = false;  ///< for the watermark
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
    StageMetrics* metrics_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_LOCAL_WINDOW_OPERATOR_HPP
