#ifndef MILLRACE_OPERATORS_SOURCE_STAGE_HPP
#define MILLRACE_OPERATORS_SOURCE_STAGE_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/late.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/functions/source.hpp>
#include <millrace/operators/chain_stage.hpp>
#include <millrace/operators/shared_enumerator.hpp>
#include <millrace/operators/side_by_side_splits.hpp>
#include <millrace/operators/split_board.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/operators/watermark_emitter.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/types/codec.hpp>

#include <array>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace::detail {

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
    static constexpr bool kSideBySide = SideBySideReaderFor<Reader, T, Split>;
    static_assert(std::is_default_constructible_v<T>,
                  "millrace: records of a source must be default constructible: readers write over a block of them");

public:
    SourceStage(const Source& source, const Strategy& strategy, const List<OperatorId>& operators,
                Shared<SharedState> enumerator)
        : OperatorStage(operators), source_(source), strategy_(strategy), shared_(std::move(enumerator)),
          next_(typename OutputNode<T>::Refs{outputs_, pending_}) {}
    [[gnu::cold]] ~SourceStage() override = default;

    [[gnu::cold]] void close() override {
        if (reader_.has_value()) strategy_.guarded("close() of the source", [&] { reader_->close(); });
        reader_.reset();
    }

    PollStatus poll() override {
        progress_ = Progress::Done;
        if (!resumeEventTime()) return PollStatus::Suspended;
        if constexpr (kSideBySide) {
            return pollSideBySide();
        } else {
            return pollOne();
        }
    }

    Progress onProcessingTime(Timestamp now) override {
        progress_ = Progress::Done;
        if (ticks_.due(now)) {
            tick(now);
            ticks_.schedule(*stage_);
        }
        return progress_;
    }

    const SplitBoard* splits() const noexcept override { return &board_; }

    [[gnu::cold]] Progress finishSource(bool drain) override {
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

    [[gnu::cold]] void prepareBarrier(std::int64_t checkpointId) override {
        takeFirstSplit();
        shared_->onBarrier(stage_->subtaskIndex, checkpointId);
        OperatorStage::prepareBarrier(checkpointId);
    }
    /// Each split is written with the watermark that it has got to; where none is open, the watermark alone.
    [[gnu::cold]] void snapshot(SnapshotSink& sink) override {
        if constexpr (HasCodec<Split>) {
            sink.describe(strategy_.id().uid, "splits", kLayout);
            if constexpr (kSideBySide) {
                splits_.forEach([&](std::size_t slot, const auto& open) {
                    writeSplit(sink, reader_->position(slot), open.watermarks.output().watermark());
                });
            } else {
                if (watermarks_.has_value()) writeSplit(sink, reader_->position(), last_);
            }
            for (std::size_t i = nextRestored_; i < restored_.size(); ++i) {
                writeSplit(sink, restored_[i].split, restored_[i].watermark);
            }
            const Timestamp reached = std::max(last_, resumeFrom_);
            if (hasSplit() || reached == kMinTimestamp || reached == kMaxTimestamp) return;
            ByteWriter bytes;
            bytes.write(kFormat);
            bytes.write(reached.time_since_epoch().count());
            sink.describe(strategy_.id().uid, "watermark", kWatermarkLayout);
            sink.write(strategy_.id().uid, "watermark", kUnionState, bytes.bytes());
        }
    }

private:
    [[gnu::cold, gnu::noinline]] void writeSplit(SnapshotSink& sink, const Split& split, Timestamp watermark) const {
        ByteWriter bytes;
        bytes.write(kFormat);
        Codec<Split>::encode(split, bytes);
        bytes.write(watermark.time_since_epoch().count());
        sink.write(strategy_.id().uid, "splits", kSplitState, bytes.bytes());
    }
    [[gnu::cold, gnu::noinline]] void readSplit(ByteReader& reader) {
        restored_.emplace_back();
        Codec<Split>::decode(reader, restored_.back().split);
        restored_.back().watermark = Timestamp{Duration{reader.read<std::int64_t>("a watermark")}};
    }
    [[gnu::cold]] void openNodes(OpenContext& context) override {
        stage_ = &context.stage;
        strategy_.open(context);
        next_.open(context);
        if (stage_->onlyDeclaresStates) {
            if (const SnapshotSource* const source = context.checkpoints.restoredFrom) {
                declareSplits<Split>(*source, strategy_.id().uid);
            }
            return;
        }
        const SourceReaderContext readerContext{.subtaskIndex = stage_->subtaskIndex,
                                                .parallelism = stage_->parallelism,
                                                .wakeUp = stage_->wakeUp(),
                                                .now = [stage = stage_] { return stage->currentProcessingTime(); },
                                                .accumulators = &stage_->accumulators()};
        strategy_.guarded("the source", [&] { reader_.emplace(source_.createReader(readerContext)); });
        ticks_ =
            WatermarkTicks(strategy_.get().settings(), Strategy::kEmitsWatermarks, Strategy::kIngestionTime, *stage_);
        ticks_.schedule(*stage_);
    }
    [[gnu::cold]] void restoreNodes(const SnapshotSource& source) override {
        if constexpr (HasCodec<Split>) {
            readKeyGroups(source, operators_.front().uid, "splits", kLayout, kFormat,
                          [&](ByteReader& reader) { readSplit(reader); });
            // the smallest: which subtask takes which split next is not known
            Timestamp smallest = kMaxTimestamp;
            readKeyGroups(source, operators_.front().uid, "watermark", kWatermarkLayout, kFormat,
                          [&](ByteReader& reader) {
                              const Timestamp watermark{Duration{reader.read<std::int64_t>("a watermark")}};
                              smallest = std::min(smallest, watermark);
                          });
            // that of an open split counts more
            if (!hasSplit() && smallest != kMaxTimestamp) resumeFrom_ = smallest;
        }
    }

    static constexpr std::uint8_t kFormat = 1;
    static constexpr StateLayout kLayout{"splits",
                                         {{"split", &kTypeInfo<Split>}, {"watermark", &kTypeInfo<std::int64_t>, true}}};
    static constexpr StateLayout kWatermarkLayout{"watermark", {{"watermark", &kTypeInfo<std::int64_t>, true}}};

    struct Restored {
        Split split{};
        Timestamp watermark = kMinTimestamp;
    };
    /// Those of a restored source come first.
    bool takeSplit(Late<Restored>& taken) {
        if (nextRestored_ < restored_.size()) {
            taken.emplace(std::move(restored_[nextRestored_++]));
            return true;
        }
        Late<Split> split;
        enumerator().nextSplit(stage_->subtaskIndex, split, noMoreSplits_);
        if (split.has_value()) taken.emplace(Restored{std::move(*split)});
        return split.has_value();
    }

    /// What a subtask that has not run yet would read first is written as its own: left to the enumerator, after a restore
    /// another subtask that is further in event time could read it, and it would be late.
    void takeFirstSplit() {
        if constexpr (HasCodec<Split>) {
            if (opened_ > 0 || !restored_.empty() || noMoreSplits_) return;
            Late<Split> split;
            strategy_.guarded("the source",
                              [&] { enumerator().nextSplit(stage_->subtaskIndex, split, noMoreSplits_); });
            if (!split.has_value()) return;
            restored_.emplace_back();
            restored_.back().split = std::move(*split);
            restored_.back().watermark = resumeFrom_;
        }
    }
    bool hasSplit() const noexcept {
        if (nextRestored_ < restored_.size()) return true;
        if constexpr (kSideBySide) {
            return !splits_.empty();
        } else {
            return watermarks_.has_value();
        }
    }
    /// Event time goes on where it was before a restore; false when that has suspended the stage.
    bool resumeEventTime() {
        if (resumeFrom_ != kMinTimestamp) sendGenerated(std::exchange(resumeFrom_, kMinTimestamp), true);
        return progress_ != Progress::Suspended;
    }

    /// Opens a split where none is open.
    [[gnu::cold, gnu::noinline]] PollStatus openNext() {
        Late<Restored> next;
        if (!takeSplit(next)) {
            if (noMoreSplits_) return PollStatus::EndOfInput;
            setIdle(true);  // a reader without a split holds nothing back
            return PollStatus::NothingAvailable;
        }
        watermarks_.emplace(strategy_.get()).restore(next->watermark);
        shown_ = &board_.open(splitIdOf(next->split, opened_++));
        strategy_.guarded("the source", [&] { reader_->open(std::move(next->split)); });
        // event time goes on where it was before a restore, and does so before the first record
        if (watermarks_->output().takeChanged()) forwardGenerated(true);
        return progress_ == Progress::Suspended ? PollStatus::Suspended : PollStatus::MoreAvailable;
    }
    [[gnu::cold, gnu::noinline]] void closeSplit() {
        if (ticks_.byInterval()) {  // the last word of this split's generator
            strategy_.guarded("the watermark generator", [&] { watermarks_->afterBlock(); });
            if (watermarks_->output().takeChanged()) forwardGenerated(true);
        }
        watermarks_.reset();
        board_.close(*shown_);
    }

    PollStatus pollOne() {
        if (!watermarks_.has_value()) {
            if (const PollStatus status = openNext(); status != PollStatus::MoreAvailable) return status;
        }
        const FillResult filled = strategy_.guarded("the source", [&] { return reader_->fill(values_, times_); });
        if (filled.count > 0) {
            setIdle(false);
            Block<T> block{values_.data(), kSourceHasTimestamps<Source> ? times_.data() : nullptr, nullptr,
                           filled.count};
            pushWithWatermarks(
                block, strategy_.get(), *watermarks_, *stage_, ticks_, times_.data(), next_,
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
            closeSplit();
        } else if (filled.status == SourceStatus::NothingAvailable && filled.wakeAt != kMaxTimestamp) {
            stage_->registerProcessingTimer(filled.wakeAt);
        }
        if (progress_ == Progress::Suspended) return PollStatus::Suspended;
        return filled.status == SourceStatus::NothingAvailable ? PollStatus::NothingAvailable
                                                               : PollStatus::MoreAvailable;
    }

    PollStatus pollSideBySide() {
        if (askForSplits_) takeSplits();
        if (progress_ == Progress::Suspended) return PollStatus::Suspended;
        if (splits_.empty()) {
            if (noMoreSplits_) return PollStatus::EndOfInput;
            askForSplits_ = true;  // it may be woken for new ones
            setIdle(true);
            return PollStatus::NothingAvailable;
        }
        if constexpr (requires { reader_->pauseSplit(std::size_t{}, true); }) {
            strategy_.guarded("the source",
                              [&] { stage_->earliestPaused = splits_.align(stage_->furthestAllowed, *reader_); });
        }
        const FillResult filled = strategy_.guarded("the source", [&] { return reader_->fill(values_, times_); });
        const std::size_t slot = filled.split;
        if (filled.count > 0) {
            Watermarks& watermarks = splits_.at(slot).watermarks;
            splits_.onRecords(slot, filled.count);
            setIdle(false);
            Block<T> block{values_.data(), kSourceHasTimestamps<Source> ? times_.data() : nullptr, nullptr,
                           filled.count};
            pushWithWatermarks(
                block, strategy_.get(), watermarks, *stage_, ticks_, times_.data(), next_,
                [this](auto&& call) { strategy_.guarded("the timestamp assigner or watermark generator", call); },
                [this, slot, &watermarks](bool last) {
                    if (watermarks.output().idle()) {
                        splits_.setIdle(slot);
                    } else {
                        splits_.advance(slot, watermarks.output().watermark());
                    }
                    if (!last) pass(splits_.combine(), false);  // else below, together with all else of this call
                });
            outputs_.flushSide();
        }
        if constexpr (kSourceEmitsWatermarks<Source>) {
            if (filled.watermark != kMinTimestamp) {
                (void)splits_.at(slot);
                splits_.advance(slot, filled.watermark);
            }
        }
        if (filled.idle) {
            (void)splits_.at(slot);
            splits_.setIdle(slot);
        }
        if (filled.status == SourceStatus::EndOfSplit) {
            Watermarks& watermarks = splits_.at(slot).watermarks;
            if (ticks_.byInterval()) {  // the last word of this split's generator
                strategy_.guarded("the watermark generator", [&] { watermarks.afterBlock(); });
                splits_.takeGenerated(slot);
            }
            pass(splits_.combine(), false);
            splits_.remove(slot, board_);
            askForSplits_ = true;
        } else if (filled.status == SourceStatus::NothingAvailable) {
            askForSplits_ = true;
            if (filled.wakeAt != kMaxTimestamp) stage_->registerProcessingTimer(filled.wakeAt);
        }
        pass(splits_.combine(), true);
        if (progress_ == Progress::Suspended) return PollStatus::Suspended;
        return filled.status == SourceStatus::NothingAvailable ? PollStatus::NothingAvailable
                                                               : PollStatus::MoreAvailable;
    }
    void takeSplits() {
        askForSplits_ = false;
        if (noMoreSplits_ && nextRestored_ == restored_.size()) return;
        for (Late<Restored> next; takeSplit(next);) {
            const std::size_t slot =
                splits_.add(strategy_.get(), next->watermark, board_, splitIdOf(next->split, opened_++));
            strategy_.guarded("the source", [&] { reader_->openSplit(slot, std::move(next->split)); });
            splits_.takeGenerated(slot);
        }
        pass(splits_.combine(), true);  // event time goes on where it was before a restore
    }
    /// What follows from the combined watermarks of splits that are read side by side.
    void pass(const OutputWatermarks::Result& combined, bool last) {
        if (combined.watermark != kMinTimestamp) {
            setIdle(false);
            sendGenerated(combined.watermark, last && !combined.allIdle);
        }
        if (combined.allIdle) setIdle(true);
    }

    [[gnu::cold]] void tick(Timestamp now) {
        const Duration idleness = strategy_.get().settings().idleness;
        const auto tickOf = [&](Watermarks& watermarks) {
            strategy_.guarded("the watermark generator",
                              [&] { watermarks.onTick(now, stage_->timeHeldUp(), idleness); });
        };
        if constexpr (kSideBySide) {
            splits_.forEach([&](std::size_t slot, auto& open) {
                if (open.paused) open.watermarks.restartIdleness();
                tickOf(open.watermarks);
                splits_.takeGenerated(slot);
            });
            pass(splits_.combine(), true);
        } else if (watermarks_.has_value()) {
            tickOf(*watermarks_);
            if (watermarks_->output().takeChanged()) forwardGenerated(true);
        }
    }
    void setIdle(bool idle) {
        if (idle_ != idle) changeIdle(idle);
    }
    [[gnu::cold, gnu::noinline]] void changeIdle(bool idle) {
        idle_ = idle;
        metrics.idle.store(idle, std::memory_order_relaxed);
        if (idle) {
            next_.onIdle();
        } else {
            next_.onActive();
        }
    }
    [[gnu::noinline]] void forwardGenerated(bool last) {
        const WatermarkOutput& output = watermarks_->output();
        if (output.idle()) {
            setIdle(true);
            return;
        }
        setIdle(false);
        if (output.watermark() != kMinTimestamp) sendGenerated(output.watermark(), last);
    }
    /// Unless it is the last one of this event, the stages behind must not stop half-way in it.
    void sendGenerated(Timestamp watermark, bool last) {
        const bool maySuspend =
            std::exchange(stage_->maySuspend, stage_->maySuspend && last && !kSourceEmitsWatermarks<Source>);
        sendWatermark(watermark);
        stage_->maySuspend = maySuspend;
    }
    [[gnu::noinline]] void sendWatermark(Timestamp watermark) {
        if (watermark <= last_ || (stage_->isBatch && watermark != kMaxTimestamp)) return;
        last_ = watermark;
        metrics.setWatermark(watermark);
        if (next_.onWatermark(watermark) == Progress::Suspended) progress_ = Progress::Suspended;
    }

    SplitsOf<Source>& enumerator() const noexcept { return static_cast<SplitsOf<Source>&>(*shared_); }

    Source source_;
    UserFunction<Strategy> strategy_;
    Shared<SharedState> shared_;
    Late<Reader> reader_;
    Late<Watermarks> watermarks_;  // of the open split
    struct NoSplits {};
    [[no_unique_address]] std::conditional_t<kSideBySide, SideBySideSplits<T, Strategy>, NoSplits> splits_;
    SplitBoard board_;
    SplitBoard::Entry* shown_ = nullptr;  // the open split's
    std::uint64_t opened_ = 0;
    List<Restored> restored_;  // to be read before any other
    std::size_t nextRestored_ = 0;
    bool noMoreSplits_ = false;
    bool askForSplits_ = true;
    std::array<T, kBlockRecords<T>> values_{};
    std::array<Timestamp, kBlockRecords<T>> times_{};
    Collector<T> pending_;
    OutputNode<T> next_;
    StageContext* stage_ = nullptr;
    Timestamp last_ = kMinTimestamp;
    Timestamp resumeFrom_ = kMinTimestamp;  // of a restored subtask that had no split open
    WatermarkTicks ticks_;
    Progress progress_ = Progress::Done;
    bool idle_ = false;
    bool ending_ = false;
};

template <class Source, class Strategy>
class SourceStageFactory final : public BindableStageFactory {
public:
    SourceStageFactory(Source source, Strategy strategy) : source_(std::move(source)), strategy_(std::move(strategy)) {}
    [[gnu::cold]] ~SourceStageFactory() override = default;

    [[gnu::cold]] Shared<SharedState> createShared(int parallelism, const SnapshotSource* restored) const override {
        try {
            return Shared<SharedState>(new SplitsOf<Source>(source_, parallelism, operators().front().uid, restored));
        } catch (const std::exception& error) {
            raise<Caused<IoException>>("source '{}': {}", {operators().front().name, error.what()});
        }
    }
    [[gnu::cold]] Owner<Stage> create(const Shared<SharedState>& shared) const override {
        return Owner<Stage>(new SourceStage<Source, Strategy>(source_, strategy_, operators(), shared));
    }

private:
    Source source_;
    Strategy strategy_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SOURCE_STAGE_HPP
