#ifndef MILLRACE_OPERATORS_TIMESTAMPS_AND_WATERMARKS_HPP
#define MILLRACE_OPERATORS_TIMESTAMPS_AND_WATERMARKS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/operators/watermark_emitter.hpp>
#include <millrace/state/key_group_state.hpp>

#include <millrace/core/bytes.hpp>
#include <millrace/state/snapshot.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace millrace::detail {

/// `assignTimestampsAndWatermarks`: swallows the watermarks and the idleness of its input, except the last watermark.
template <class T, class Strategy>
struct TimestampsAndWatermarksOperator {
    using Input = T;
    using Output = T;
    static constexpr bool kGeneratesWatermarks = true;
    Strategy strategy;

    template <class Next>
    class Node;
};

template <class T, class Strategy>
template <class Next>
class TimestampsAndWatermarksOperator<T, Strategy>::Node : public ForwardingNode<Next> {
public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : ForwardingNode<Next>(refs.rest), strategy_(refs.op.strategy), watermarks_(strategy_.get()) {}

    void open(OpenContext& context) {
        stage_ = &context.stage;
        metrics_ = &context.metrics;
        strategy_.open(context);
        this->next_.open(context);
        ticks_ = WatermarkTicks(strategy_.get().settings(), Strategy::kEmitsWatermarks, Strategy::kIngestionTime,
                                context.stage);
        ticks_.schedule(*stage_);
    }
    void pushBlock(Block<T> block) {
        if (std::exchange(restored_, false) && watermarks_.output().takeChanged()) emit();
        constexpr std::size_t kStep = kBlockRecords<T>;
        for (std::size_t from = 0; from < block.size; from += kStep) {
            pushWithWatermarks(
                block.slice(from, std::min(kStep, block.size - from)), strategy_.get(), watermarks_, *stage_, ticks_,
                times_.data(), this->next_,
                [this](auto&& call) { strategy_.guarded("the timestamp assigner or watermark generator", call); },
                [this](bool) { emit(); });
        }
    }
    void push(T&& value, Timestamp timestamp) {
        const std::size_t at = pending_.size();
        pending_.collect(std::move(value));
        pending_.stampFrom(at, timestamp);
        timed_ = timed_ || timestamp != kMinTimestamp;
        if (pending_.full()) flushPending();
    }
    void flush() {
        if (pending_.size() > 0) flushPending();
        this->next_.flush();
    }

    Progress onWatermark(Timestamp watermark) {
        if (watermark != kMaxTimestamp) return Progress::Done;
        advanceTo(watermark);
        return eventTarget(this->next_).onWatermark(watermark);
    }
    void onIdle() {}
    void onActive() {}
    Progress onProcessingTime(Timestamp now) {
        if (ticks_.due(now)) {
            tick(now);
            ticks_.schedule(*stage_);
        }
        return eventTarget(this->next_).onProcessingTime(now);
    }
    Progress endInput() {
        if (ticks_.byInterval()) tick(stage_->currentProcessingTime());
        return eventTarget(this->next_).endInput();
    }

    /// The watermark is all that is kept of the generator: event time does not go back.
    [[gnu::cold]] void snapshot(SnapshotSink& sink) {
        ByteWriter bytes;
        bytes.write(kFormat);
        // before the first record what was restored has not been emitted yet
        const Timestamp reached = restored_ ? std::max(last_, watermarks_.output().watermark()) : last_;
        bytes.write(reached.time_since_epoch().count());
        sink.describe(strategy_.id().uid, "watermark", kLayout);
        sink.write(strategy_.id().uid, "watermark", kUnionState, bytes.bytes());
        eventTarget(this->next_).snapshot(sink);
    }
    [[gnu::cold]] void restore(const SnapshotSource& source) {
        restoreWatermark(source);
        eventTarget(this->next_).restore(source);
    }

private:
    static constexpr std::uint8_t kFormat = 1;
    static constexpr StateLayout kLayout{"watermark", {{"watermark", &kTypeInfo<std::int64_t>, true}}};

    /// The smallest of those of all subtasks: which of their keys or splits this one gets is not known here.
    [[gnu::cold]] void restoreWatermark(const SnapshotSource& source) {
        Timestamp smallest = kMaxTimestamp;
        readKeyGroups(source, strategy_.id().uid, "watermark", kLayout, kFormat, [&](ByteReader& reader) {
            smallest = std::min(smallest, Timestamp{Duration{reader.read<std::int64_t>("a watermark")}});
        });
        if (smallest == kMaxTimestamp) return;  // none, or event time had reached its end
        watermarks_.restore(smallest);
        restored_ = true;
    }
    void advanceTo(Timestamp watermark) {
        last_ = watermark;
        metrics_->setWatermark(watermark);
    }
    [[gnu::cold, gnu::noinline]] void markIdle(bool idle) {
        idle_ = idle;
        metrics_->idle.store(idle, std::memory_order_relaxed);
        if (idle) {
            eventTarget(this->next_).onIdle();
        } else {
            eventTarget(this->next_).onActive();
        }
    }
    [[gnu::noinline]] void flushPending() {
        pushBlock(pending_.block(std::exchange(timed_, false)));
        pending_.clear();
    }
    [[gnu::cold]] void tick(Timestamp now) {
        strategy_.guarded("the watermark generator",
                          [&] { watermarks_.onTick(now, stage_->timeHeldUp(), strategy_.get().settings().idleness); });
        if (watermarks_.output().takeChanged()) emit();
    }
    // These watermarks arise in the middle of a block: the operators behind must not stop half-way.
    [[gnu::noinline]] void emit() {
        const bool maySuspend = std::exchange(stage_->maySuspend, false);
        const WatermarkOutput& output = watermarks_.output();
        if (output.idle()) {
            if (!idle_) markIdle(true);
        } else {
            // batch execution keeps the timestamps and does without the watermarks
            const bool grows = output.watermark() > last_ && output.watermark() != kMinTimestamp && !stage_->isBatch;
            if (idle_ && (grows || !ticks_.byInterval())) markIdle(false);
            if (grows) {
                advanceTo(output.watermark());
                eventTarget(this->next_).onWatermark(last_);
            }
        }
        stage_->maySuspend = maySuspend;
    }

    UserFunction<Strategy> strategy_;
    SplitWatermarks<T, Strategy> watermarks_;
    StageContext* stage_ = nullptr;
    StageMetrics* metrics_ = nullptr;
    Collector<T> pending_;  // where records come one by one
    bool timed_ = false;
    std::array<Timestamp, kBlockRecords<T>> times_;
    Timestamp last_ = kMinTimestamp;
    WatermarkTicks ticks_;
    bool idle_ = false;
    bool restored_ = false;  // and the watermark has not been emitted yet
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_TIMESTAMPS_AND_WATERMARKS_HPP
