#ifndef MILLRACE_OPERATORS_WATERMARK_EMITTER_HPP
#define MILLRACE_OPERATORS_WATERMARK_EMITTER_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/time/watermark_strategy.hpp>

namespace millrace::detail {

/// One watermark generator at work, with its idleness clock: for one split of a source, or for one subtask of
/// `assignTimestampsAndWatermarks`.
template <class T, class Strategy>
class SplitWatermarks {
    using Generator = typename Strategy::Generator;

public:
    explicit SplitWatermarks(const Strategy& strategy) : generator_(strategy.createGenerator()) {}
    /// Before the first record: what had been emitted when the snapshot was taken is emitted again, so that event time
    /// does not go back.
    void restore(Timestamp watermark) {
        if (watermark == kMinTimestamp) return;
        output_.emitWatermark(watermark);
        if constexpr (Strategy::kIngestionTime) generator_.arrive(saturatingAdd(watermark, Duration(1)));
    }

    /// True if the generator may emit behind any single record, so that blocks have to be cut there.
    static constexpr bool kPerRecord = !requires(Generator g, std::span<const Timestamp> t) { g.onEvents(t); };

    /// Ingestion time: the timestamp of what is read now.
    Timestamp arrive(Timestamp now) { return generator_.arrive(now); }
    void onEvents(std::span<const Timestamp> timestamps) {
        activity_ = true;
        generator_.onEvents(timestamps);
    }
    void onEvent(const T& value, Timestamp timestamp) {
        activity_ = true;
        generator_.onEvent(value, timestamp, output_);
    }
    void afterBlock() { generator_.onPeriodicEmit(output_); }

    /// What a tick of the clock does. The idleness rule of Flink: counted from the first tick without a record, idle when
    /// longer than the timeout. `heldUp` is how long, in all, records could not come because of back pressure or alignment.
    void onTick(Timestamp now, Duration heldUp, Duration timeout) {
        if constexpr (Strategy::kIngestionTime) generator_.arrive(now);
        if (timeout > Duration::zero()) {
            const Timestamp quiet = now - heldUp;
            if (std::exchange(activity_, false)) {
                quietSince_ = kMinTimestamp;
            } else if (quietSince_ == kMinTimestamp) {
                quietSince_ = quiet;
            } else if (quiet - quietSince_ > timeout) {
                output_.markIdle();
                return;
            }
        }
        generator_.onPeriodicEmit(output_);
    }
    /// Not the fault of the input that no record comes.
    void restartIdleness() noexcept { activity_ = true; }

    WatermarkOutput& output() noexcept { return output_; }
    const WatermarkOutput& output() const noexcept { return output_; }

private:
    Generator generator_;
    WatermarkOutput output_;
    bool activity_ = false;
    Timestamp quietSince_ = kMinTimestamp;  ///< kMinTimestamp: not quiet
};

/// How often a stage looks at the clock for its generators.
class WatermarkTicks {
public:
    WatermarkTicks() = default;
    WatermarkTicks(const WatermarkSettings& settings, bool emitsWatermarks, bool ingestionTime,
                   const StageContext& context)
        : interval_(!emitsWatermarks                           ? Duration::zero()
                    : settings.periodicEmit < Duration::zero() ? context.autoWatermarkInterval
                                                               : settings.periodicEmit) {
        constexpr Duration kLongest = std::chrono::milliseconds(200);
        if (interval_ > Duration::zero()) {
            tick_ = interval_;
        } else if (settings.idleness > Duration::zero()) {
            tick_ = std::clamp<Duration>(settings.idleness / 4, std::chrono::milliseconds(1), kLongest);
        } else if (ingestionTime) {
            tick_ = kLongest;
        }
    }

    /// Watermarks are asked for by the clock, and not after every block.
    bool byInterval() const noexcept { return interval_ > Duration::zero(); }
    bool due(Timestamp now) const noexcept { return now >= next_; }
    [[gnu::cold]] void schedule(StageContext& context) {
        if (tick_ == Duration::zero()) return;
        next_ = saturatingAdd(context.currentProcessingTime(), tick_);
        context.registerProcessingTimer(next_);
    }

private:
    Duration interval_{0};
    Duration tick_{0};
    Timestamp next_ = kMaxTimestamp;
};

template <class Assigner, class T>
concept TimestampAssignerFor =
    std::is_same_v<Assigner, KeepTimestamps> || std::is_invocable_r_v<Timestamp, const Assigner&, const T&> ||
    std::is_invocable_r_v<Timestamp, const Assigner&, const T&, Timestamp>;

template <class Assigner, class T>
Timestamp assignTimestamp(const Assigner& assigner, const T& value, Timestamp current) {
    if constexpr (std::is_invocable_r_v<Timestamp, const Assigner&, const T&>) {
        return detail::invoke(assigner, value);
    } else {
        return detail::invoke(assigner, value, current);
    }
}

/// Gives the records of a block their timestamps, pushes them to `next` and follows them with the watermarks that they
/// cause: behind single records for generators that ask for it, else behind the block.
/// `guarded(call)` runs the user's assigner and generator; `emit(last)` is called whenever the output has changed and
/// forwards it, `last` telling that no record of this block follows.
template <class T, class Strategy, class Next, class Guard, class Emit>
void pushWithWatermarks(Block<T> block, const Strategy& strategy, SplitWatermarks<T, Strategy>& watermarks,
                        const StageContext& context, const WatermarkTicks& ticks, Timestamp* scratchTimes, Next& next,
                        Guard&& guarded, Emit&& emit) {
    if (block.size == 0) return;
    if constexpr (Strategy::kIngestionTime) {
        std::fill_n(scratchTimes, block.size, watermarks.arrive(context.currentProcessingTime()));
        block.timestamps = scratchTimes;
    } else if constexpr (Strategy::kAssignsTimestamps) {
        guarded([&] {
            if (block.timestamps == nullptr) {
                for (std::size_t i = 0; i < block.size; ++i) {
                    scratchTimes[i] =
                        assignTimestamp(strategy.assigner(), std::as_const(block.values[i]), kMinTimestamp);
                }
                block.timestamps = scratchTimes;
            } else {
                for (std::size_t i = 0; i < block.size; ++i) {
                    block.timestamps[i] =
                        assignTimestamp(strategy.assigner(), std::as_const(block.values[i]), block.timestamps[i]);
                }
            }
        });
    }
    if constexpr (SplitWatermarks<T, Strategy>::kPerRecord) {
        std::size_t from = 0;
        for (std::size_t i = 0; i < block.size; ++i) {
            guarded([&] { watermarks.onEvent(block.values[i], block.timestampOf(i)); });
            if (watermarks.output().takeChanged()) {
                next.pushBlock(block.slice(from, i + 1 - from));
                next.flush();
                from = i + 1;
                emit(false);  // the watermark behind the block may follow: nothing must stop half-way here
            }
        }
        if (from < block.size) next.pushBlock(block.slice(from, block.size - from));
    } else {
        // without timestamps they say nothing but that there are some
        watermarks.onEvents({block.timestamps, block.timestamps != nullptr ? block.size : 0});
        next.pushBlock(block);
    }
    next.flush();
    if (ticks.byInterval()) return;  // the clock asks
    guarded([&] { watermarks.afterBlock(); });
    if (watermarks.output().takeChanged()) emit(true);
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_WATERMARK_EMITTER_HPP
