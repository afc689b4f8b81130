#ifndef MILLRACE_TIME_WATERMARK_STRATEGY_HPP
#define MILLRACE_TIME_WATERMARK_STRATEGY_HPP

#include <millrace/core/functional.hpp>
#include <millrace/time/watermark_generator.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

/// "The records keep the timestamps that they have."
struct KeepTimestamps {};

template <class Generator>
struct CopyGenerator {
    Generator prototype;
    Generator operator()() const { return prototype; }
};

}  // namespace detail

/// How records get timestamps and streams get watermarks. Made by `WatermarkStrategy`. @public
/// The supplier makes one generator per source split (or per subtask).
template <class Supplier, class Assigner = detail::KeepTimestamps>
class BasicWatermarkStrategy {
public:
    using Generator = std::remove_cvref_t<std::invoke_result_t<const Supplier&>>;
    static constexpr bool kAssignsTimestamps = !std::is_same_v<Assigner, detail::KeepTimestamps>;
    static constexpr bool kEmitsWatermarks = !std::is_same_v<Generator, NoWatermarksGenerator>;

    BasicWatermarkStrategy(Supplier supplier, Assigner assigner, const std::optional<Duration>& idleness,
                           const std::optional<Duration>& periodicEmit = std::nullopt)
        : supplier_(std::move(supplier)), assigner_(std::move(assigner)), idleness_(idleness),
          periodicEmit_(periodicEmit) {}

    /// Takes timestamps from the record: a pointer to a `Timestamp` member, or a callable `(const T&)` or
    /// `(const T&, Timestamp recordTimestamp)` that returns a Timestamp.
    template <class Fn>
    BasicWatermarkStrategy<Supplier, Fn> withTimestampAssigner(Fn assigner) const {
        return {supplier_, std::move(assigner), idleness_, periodicEmit_};
    }
    /// Without a record for longer than this (processing time), the split or subtask counts as idle and no longer
    /// holds event time back. *Failure:* ConfigurationException unless positive.
    BasicWatermarkStrategy withIdleness(Duration timeout) const {
        if (timeout <= Duration::zero()) {
            throw ConfigurationException("withIdleness(timeout): the timeout must be positive");
        }
        return {supplier_, assigner_, timeout, periodicEmit_};
    }
    /// `onPeriodicEmit` runs every `interval` of processing time instead of after every block of records, and once more
    /// when the input ends: Flink's auto-watermark interval. Fewer watermarks, later results. A record alone does not
    /// end idleness then, only a watermark that it causes does.
    /// *Failure:* ConfigurationException unless positive.
    BasicWatermarkStrategy withPeriodicEmit(Duration interval) const {
        if (interval <= Duration::zero()) {
            throw ConfigurationException(
                "withPeriodicEmit(interval): the interval must be positive; without it, watermarks follow every block "
                "of records");
        }
        return {supplier_, assigner_, idleness_, interval};
    }

    Generator createGenerator() const { return supplier_(); }
    const Assigner& assigner() const noexcept { return assigner_; }
    const std::optional<Duration>& idleness() const noexcept { return idleness_; }
    const std::optional<Duration>& periodicEmit() const noexcept { return periodicEmit_; }

private:
    Supplier supplier_;
    [[no_unique_address]] Assigner assigner_;
    std::optional<Duration> idleness_;
    std::optional<Duration> periodicEmit_;
};

/// The ways to make watermarks. @public
///     WatermarkStrategy::forBoundedOutOfOrderness(5s).withTimestampAssigner(&Trade::time).withIdleness(1min)
class WatermarkStrategy {
    template <class Generator>
    using Of = BasicWatermarkStrategy<detail::CopyGenerator<Generator>>;

public:
    /// Timestamps never decrease (per split): watermark = last timestamp - 1 tick.
    static Of<BoundedOutOfOrdernessWatermarks> forMonotonousTimestamps() {
        return of(BoundedOutOfOrdernessWatermarks(Duration::zero()));
    }
    /// A record arrives at most `delay` later than any record with a greater timestamp.
    /// *Failure:* ConfigurationException for a negative delay.
    static Of<BoundedOutOfOrdernessWatermarks> forBoundedOutOfOrderness(Duration delay) {
        return of(BoundedOutOfOrdernessWatermarks(delay));
    }
    /// The same with a watermark after every record: which records are late depends on their order alone.
    static Of<PerRecordWatermarks> forBoundedOutOfOrdernessPerRecord(Duration delay) {
        return of(PerRecordWatermarks(delay));
    }
    static Of<NoWatermarksGenerator> noWatermarks() { return of(NoWatermarksGenerator()); }
    /// A generator of one's own; `supplier()` is called for each split or subtask.
    template <class Supplier>
    static BasicWatermarkStrategy<Supplier> forGenerator(Supplier supplier) {
        return {std::move(supplier), {}, std::nullopt};
    }

private:
    template <class Generator>
    static Of<Generator> of(Generator generator) {
        return {{std::move(generator)}, {}, std::nullopt};
    }
};

}  // namespace millrace

#endif  // MILLRACE_TIME_WATERMARK_STRATEGY_HPP
