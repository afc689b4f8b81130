#ifndef MILLRACE_OPERATORS_SOURCE_STAGE_HPP
#define MILLRACE_OPERATORS_SOURCE_STAGE_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/late.hpp>
#include <millrace/core/message.hpp>
#include <millrace/functions/source.hpp>
#include <millrace/operators/chain_stage.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/operators/watermark_emitter.hpp>
#include <millrace/types/codec.hpp>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace millrace::detail {

/// The enumerator of a source with the lock that serialises its readers' questions (one per split, not per record).
template <class Source>
class SharedEnumerator final : public SharedState {
    using Split = typename Source::Split;

public:
    SharedEnumerator(const Source& source, int parallelism) : enumerator_(source.createEnumerator(parallelism)) {}

    /// The next split, and whether there will never be another one.
    std::pair<std::optional<Split>, bool> nextSplit(int subtask) {
        const std::lock_guard lock(mutex_);
        std::optional<Split> split = enumerator_->nextSplit(subtask);
        const bool last = !split.has_value() && enumerator_->noMoreSplits(subtask);
        return {std::move(split), last};
    }
    std::vector<Split> snapshot() const {
        const std::lock_guard lock(mutex_);
        return enumerator_->snapshot();
    }

private:
    mutable std::mutex mutex_;
    std::unique_ptr<SplitEnumerator<Split>> enumerator_;
};

template <class Source>
inline constexpr bool kSourceHasTimestamps = requires { requires Source::kHasTimestamps; };
template <class Source>
inline constexpr bool kSourceEmitsWatermarks = requires { requires Source::kEmitsWatermarks; };

/// Drives the reader of one subtask of a source: fills a block, stamps it, sends it and its watermark.
template <class Source, class Strategy>
class SourceStage final : public OperatorStage {
    using T = typename Source::Output;
    using Split = typename Source::Split;
    using Reader = decltype(std::declval<const Source&>().createReader(std::declval<SourceReaderContext>()));
    using Watermarks = SplitWatermarks<T, Strategy>;
    static_assert(std::is_default_constructible_v<T>,
                  "millrace: records of a source must be default constructible: readers write over a block of them");

public:
    SourceStage(const Source& source, const Strategy& strategy, List<OperatorId> operators,
                std::shared_ptr<SharedState> enumerator)
        : OperatorStage(std::move(operators)), source_(source), strategy_(strategy), shared_(std::move(enumerator)),
          next_(typename OutputNode<T>::Refs{outputs_}) {}

    void open(StageContext& context) override {
        stage_ = &context;
        OpenContext open = opening(context);
        strategy_.open(open);
        next_.open(open);
        SourceReaderContext readerContext;
        readerContext.subtaskIndex = context.subtaskIndex;
        readerContext.parallelism = context.parallelism;
        readerContext.wakeUp = context.wakeUp();
        readerContext.now = [&context] { return context.currentProcessingTime(); };
        readerContext.accumulators = &context.accumulators();
        strategy_.guarded("the source", [&] { reader_.emplace(source_.createReader(readerContext)); });
        if (wantsTicks(strategy_.get())) scheduleTick();
    }
    void close() override {
        if (reader_.has_value()) strategy_.guarded("close() of the source", [&] { reader_->close(); });
        reader_.reset();
    }

    PollStatus poll() override {
        if (!watermarks_.has_value()) {
            auto next =
                nextRestored_ == restored_.size() ? enumerator().nextSplit(stage_->subtaskIndex) : takeRestored();
            auto& split = next.first;
            if (!split.has_value()) {
                if (next.second) return PollStatus::EndOfInput;
                setIdle(true);  // a reader without a split holds nothing back
                return PollStatus::NothingAvailable;
            }
            watermarks_.emplace(strategy_.get());
            strategy_.guarded("the source", [&] { reader_->open(std::move(*split)); });
        }
        const FillResult filled = strategy_.guarded("the source", [&] { return reader_->fill(values_, times_); });
        progress_ = Progress::Done;
        if (filled.count > 0) {
            setIdle(false);
            Block<T> block{values_.data(), kSourceHasTimestamps<Source> ? times_.data() : nullptr, nullptr,
                           filled.count};
            pushWithWatermarks(
                block, strategy_.get(), *watermarks_, times_.data(), next_,
                [this](auto&& call) { strategy_.guarded("the timestamp assigner or watermark generator", call); },
                [this](bool last) { forwardGenerated(last); });
            outputs_.flushSide();
        }
        if constexpr (kSourceEmitsWatermarks<Source>) {
            if (filled.watermark != kMinTimestamp) {
                setIdle(false);
                sendWatermark(filled.watermark);
            }
        }
        if (filled.idle) setIdle(true);
        if (filled.status == SourceStatus::EndOfSplit) {
            if (strategy_.get().periodicEmit().has_value()) {  // the last word of this split's generator
                strategy_.guarded("the watermark generator", [&] { watermarks_->afterBlock(); });
                if (watermarks_->output().takeChanged()) forwardGenerated(true);
            }
            watermarks_.reset();
        } else if (filled.status == SourceStatus::NothingAvailable && filled.wakeAt != kMaxTimestamp) {
            stage_->registerProcessingTimer(filled.wakeAt);
        }
        if (progress_ == Progress::Suspended) return PollStatus::Suspended;
        return filled.status == SourceStatus::NothingAvailable ? PollStatus::NothingAvailable
                                                               : PollStatus::MoreAvailable;
    }

    Progress onProcessingTime(Timestamp now) override {
        progress_ = Progress::Done;
        if (now >= nextTick_) {
            if (watermarks_.has_value()) {
                watermarks_->onTick(now, strategy_.get().idleness());
                if (watermarks_->output().takeChanged()) forwardGenerated(true);
            }
            scheduleTick();
        }
        return progress_;
    }

    Progress finishSource(bool drain) override {
        ending_ = true;
        progress_ = Progress::Done;
        if (drain) {
            setIdle(false);
            sendWatermark(kMaxTimestamp);
        }
        return progress_ == Progress::Suspended ? progress_ : resume();
    }
    Progress resume() override {
        if (!std::exchange(ending_, false)) return Progress::Done;
        return next_.endInput();
    }

    void onBlock(int, BlockRef) override {}
    Progress onWatermark(int, Timestamp) override { return Progress::Done; }
    void onIdle(int) override {}
    void onActive(int) override {}
    Progress endInput(int) override { return Progress::Done; }

    void snapshot(SnapshotSink& sink) override {
        if constexpr (HasCodec<Split>) {
            const auto write = [&](const Split& split) {
                ByteWriter bytes;
                Codec<Split>::encode(split, bytes);
                sink.write(strategy_.id().uid, "splits", kOperatorState, bytes.bytes());
            };
            if (watermarks_.has_value()) write(reader_->position());
            for (std::size_t i = nextRestored_; i < restored_.size(); ++i) write(restored_[i]);
        }
    }
    void restore(const SnapshotSource& source) override {
        if constexpr (HasCodec<Split>) {
            source.read(operators_.front().uid, "splits", [&](int, std::span<const std::byte> bytes) {
                ByteReader reader(bytes);
                restored_.emplace_back();
                Codec<Split>::decode(reader, restored_.back());
            });
        }
    }

private:
    std::pair<std::optional<Split>, bool> takeRestored() { return {std::move(restored_[nextRestored_++]), false}; }
    void scheduleTick() {
        nextTick_ = stage_->currentProcessingTime() + tickOf(strategy_.get());
        stage_->registerProcessingTimer(nextTick_);
    }
    void setIdle(bool idle) {
        if (std::exchange(idle_, idle) == idle) return;
        metrics.idle.store(idle, std::memory_order_relaxed);
        if (idle) {
            next_.onIdle();
        } else {
            next_.onActive();
        }
    }
    void forwardGenerated(bool last) {
        const WatermarkOutput& output = watermarks_->output();
        if (output.idle()) {
            setIdle(true);
            return;
        }
        setIdle(false);
        const bool maySuspend =
            std::exchange(stage_->maySuspend, stage_->maySuspend && last && !kSourceEmitsWatermarks<Source>);
        if (output.watermark() != kMinTimestamp) sendWatermark(output.watermark());
        stage_->maySuspend = maySuspend;
    }
    void sendWatermark(Timestamp watermark) {
        if (watermark <= last_ || (stage_->isBatch && watermark != kMaxTimestamp)) return;
        last_ = watermark;
        metrics.watermark.store(watermark.time_since_epoch().count(), std::memory_order_relaxed);
        if (next_.onWatermark(watermark) == Progress::Suspended) progress_ = Progress::Suspended;
    }

    SharedEnumerator<Source>& enumerator() const noexcept { return static_cast<SharedEnumerator<Source>&>(*shared_); }

    Source source_;
    UserFunction<Strategy> strategy_;
    std::shared_ptr<SharedState> shared_;
    Late<Reader> reader_;
    Late<Watermarks> watermarks_;  // of the open split
    std::vector<Split> restored_;  // to be read before any other
    std::size_t nextRestored_ = 0;
    std::array<T, kBlockRecords<T>> values_{};
    std::array<Timestamp, kBlockRecords<T>> times_{};
    OutputNode<T> next_;
    StageContext* stage_ = nullptr;
    Timestamp last_ = kMinTimestamp;
    Timestamp nextTick_ = kMaxTimestamp;
    Progress progress_ = Progress::Done;
    bool idle_ = false;
    bool ending_ = false;
};

template <class Source, class Strategy>
class SourceStageFactory final : public BindableStageFactory {
public:
    SourceStageFactory(Source source, Strategy strategy) : source_(std::move(source)), strategy_(std::move(strategy)) {}

    std::shared_ptr<SharedState> createShared(int parallelism) const override {
        try {
            return std::shared_ptr<SharedState>(new SharedEnumerator<Source>(source_, parallelism));
        } catch (const std::exception& error) {
            std::throw_with_nested(IoException(message({"source '", operators().front().name, "': ", error.what()})));
        }
    }
    std::unique_ptr<Stage> create(const std::shared_ptr<SharedState>& shared) const override {
        return std::unique_ptr<Stage>(new SourceStage<Source, Strategy>(source_, strategy_, operators(), shared));
    }

private:
    Source source_;
    Strategy strategy_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SOURCE_STAGE_HPP
