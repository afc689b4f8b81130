#ifndef MILLRACE_OPERATORS_WATERMARK_EMITTER_HPP
#define MILLRACE_OPERATORS_WATERMARK_EMITTER_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/time/watermark_strategy.hpp>

#include <optional>

namespace millrace::detail {

/// One watermark generator at work, with its idleness clock: for one split of a source, or for one subtask of
/// `assignTimestampsAndWatermarks`.
template <class T, class Strategy>
class SplitWatermarks {
    using Generator = typename Strategy::Generator;

public:
    explicit SplitWatermarks(const Strategy& strategy) : generator_(strategy.createGenerator()) {}

    /// True if the generator may emit behind any single record, so that blocks have to be cut there.
    static constexpr bool kPerRecord = !requires(Generator g, std::span<const Timestamp> t) { g.onEvents(t); };

    void onEvents(std::span<const Timestamp> timestamps) {
        activity_ = true;
        generator_.onEvents(timestamps);
    }
    void onEvent(const T& value, Timestamp timestamp) {
        activity_ = true;
        generator_.onEvent(value, timestamp, output_);
    }
    void afterBlock() { generator_.onPeriodicEmit(output_); }
    /// What a tick of the clock does: with an idleness rule, and without one.
    void onTick(Timestamp now, const std::optional<Duration>& timeout) {
        if (timeout.has_value()) {
            onTick(now, *timeout);
        } else {
            afterBlock();
        }
    }

    /// The idleness rule of Flink: counted from the first tick without a record, idle when longer than the timeout.
    void onTick(Timestamp now, Duration timeout) {
        if (std::exchange(activity_, false)) {
            quietSince_.reset();
        } else if (!quietSince_.has_value()) {
            quietSince_ = now;
        } else if (now - *quietSince_ > timeout) {
            output_.markIdle();
            return;
        }
        generator_.onPeriodicEmit(output_);
    }

    WatermarkOutput& output() noexcept { return output_; }
    const WatermarkOutput& output() const noexcept { return output_; }

private:
    Generator generator_;
    WatermarkOutput output_;
    bool activity_ = false;
    std::optional<Timestamp> quietSince_;
};

/// How often idleness is looked at.
inline Duration idlenessTick(Duration timeout) {
    return std::clamp<Duration>(timeout / 4, std::chrono::milliseconds(1), std::chrono::milliseconds(200));
}

/// Whether a strategy wants to hear of the clock, and how often.
template <class Strategy>
bool wantsTicks(const Strategy& strategy) {
    return strategy.periodicEmit().has_value() || strategy.idleness().has_value();
}
template <class Strategy>
Duration tickOf(const Strategy& strategy) {
    return strategy.periodicEmit().has_value() ? *strategy.periodicEmit() : idlenessTick(*strategy.idleness());
}

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
                        Timestamp* scratchTimes, Next& next, Guard&& guarded, Emit&& emit) {
    if (block.size == 0) return;
    if constexpr (Strategy::kAssignsTimestamps) {
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
        if (block.timestamps != nullptr) watermarks.onEvents({block.timestamps, block.size});
        next.pushBlock(block);
    }
    next.flush();
    if (strategy.periodicEmit().has_value()) return;  // the clock asks
    guarded([&] { watermarks.afterBlock(); });
    if (watermarks.output().takeChanged()) emit(true);
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_WATERMARK_EMITTER_HPP
