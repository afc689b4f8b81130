#ifndef MILLRACE_TIME_WATERMARK_STRATEGY_HPP
#define MILLRACE_TIME_WATERMARK_STRATEGY_HPP

#include <millrace/core/functional.hpp>
#include <millrace/time/watermark_alignment.hpp>
#include <millrace/time/watermark_generator.hpp>

#include <string>
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

/// What a strategy says besides how it makes timestamps and watermarks. @public
struct WatermarkSettings {
    Duration idleness{0};       ///< 0: never idle
    Duration periodicEmit{-1};  ///< negative: as the environment says; 0: after every block of records
    WatermarkAlignment alignment;
};

namespace detail {

/// The settings of a strategy on its way through the code of every pipeline: its special members are not inlined there.
struct KeptWatermarkSettings {
    [[gnu::cold, gnu::noinline]] KeptWatermarkSettings() = default;
    KeptWatermarkSettings(WatermarkSettings given)
        : settings(std::move(given)) {}  // NOLINT(google-explicit-constructor)
    [[gnu::cold, gnu::noinline]] KeptWatermarkSettings(const KeptWatermarkSettings&) = default;
    [[gnu::cold, gnu::noinline]] KeptWatermarkSettings(KeptWatermarkSettings&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] KeptWatermarkSettings& operator=(const KeptWatermarkSettings&) = default;
    [[gnu::cold, gnu::noinline]] KeptWatermarkSettings& operator=(KeptWatermarkSettings&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~KeptWatermarkSettings() = default;

    WatermarkSettings settings{};
};

}  // namespace detail

/// How records get timestamps and streams get watermarks. Made by `WatermarkStrategy`. @public
/// The supplier makes one generator per source split (or per subtask).
template <class Supplier, class Assigner = detail::KeepTimestamps>
class BasicWatermarkStrategy {
public:
    using Generator = std::remove_cvref_t<std::invoke_result_t<const Supplier&>>;
    static constexpr bool kIngestionTime = std::is_same_v<Generator, IngestionTimeWatermarks>;
    static constexpr bool kAssignsTimestamps = kIngestionTime || !std::is_same_v<Assigner, detail::KeepTimestamps>;
    static constexpr bool kEmitsWatermarks = !std::is_same_v<Generator, NoWatermarksGenerator>;
    static_assert(!kIngestionTime || std::is_same_v<Assigner, detail::KeepTimestamps>,
                  "millrace: forIngestionTime() takes the timestamps from the clock, so withTimestampAssigner(fn) has "
                  "nothing to say. For timestamps out of the record use forBoundedOutOfOrderness(delay).");

    BasicWatermarkStrategy(Supplier supplier, Assigner assigner, detail::KeptWatermarkSettings settings = {})
        : supplier_(std::move(supplier)), assigner_(std::move(assigner)), kept_(std::move(settings)) {}

    /// Takes timestamps from the record: a pointer to a `Timestamp` member, or a callable `(const T&)` or
    /// `(const T&, Timestamp recordTimestamp)` that returns a Timestamp.
    template <class Fn>
    BasicWatermarkStrategy<Supplier, Fn> withTimestampAssigner(Fn assigner) const {
        return {supplier_, std::move(assigner), kept_};
    }
    /// Without a record for longer than this (processing time), the split or subtask counts as idle and no longer
    /// holds event time back. The time that it is held up itself, by back pressure or by alignment, does not count.
    /// *Failure:* ConfigurationException unless positive.
    [[gnu::cold]] BasicWatermarkStrategy withIdleness(Duration timeout) const {
        if (timeout <= Duration::zero()) {
            throw ConfigurationException("withIdleness(timeout): the timeout must be positive");
        }
        BasicWatermarkStrategy changed = *this;
        changed.kept_.settings.idleness = timeout;
        return changed;
    }
    /// `onPeriodicEmit` runs every `interval` of processing time instead of after every block of records, and once more
    /// when the input ends: Flink's auto-watermark interval. Fewer watermarks, later results. A record alone does not
    /// end idleness then, only a watermark that it causes does. 0 is after every block, whatever the environment's
    /// `setAutoWatermarkInterval` says. *Failure:* ConfigurationException for a negative interval.
    [[gnu::cold]] BasicWatermarkStrategy withPeriodicEmit(Duration interval) const {
        if (interval < Duration::zero()) {
            throw ConfigurationException(
                "withPeriodicEmit(interval): the interval is negative; give 0 for a watermark after every block of "
                "records");
        }
        BasicWatermarkStrategy changed = *this;
        changed.kept_.settings.periodicEmit = interval;
        return changed;
    }
    /// All sources of one job whose strategies name the same `group` stay together in event time: one whose watermark is
    /// more than `maxDrift` ahead of the smallest in the group pauses until the others have come nearer. The slowest never
    /// pauses; those that are idle, have ended, or have no watermark yet do not count. Each member has its own `maxDrift`.
    /// Such a source takes no part in the alignment that the environment makes by itself (`setSourceAlignment`).
    /// Of a reader with several splits side by side each split pauses for itself, where the reader can pause splits.
    /// The group hears of a member after each of its blocks of records; `updateInterval`, how often it does in Flink, is taken
    /// for the sake of programs that come from there and changes nothing.
    /// Only sources can pause: `assignTimestampsAndWatermarks` refuses such a strategy, `fromSource` takes it.
    /// *Failure:* ConfigurationException for an empty group, or a negative drift or interval.
    [[gnu::cold]] BasicWatermarkStrategy withWatermarkAlignment(std::string group, Duration maxDrift,
                                                                Duration updateInterval = Duration::zero()) const {
        if (group.empty() || maxDrift < Duration::zero() || updateInterval < Duration::zero()) {
            throw ConfigurationException(
                "withWatermarkAlignment(group, maxDrift, updateInterval): the group needs a name, and neither duration "
                "may be negative");
        }
        BasicWatermarkStrategy changed = *this;
        changed.kept_.settings.alignment = {std::move(group), maxDrift};
        return changed;
    }

    Generator createGenerator() const { return supplier_(); }
    const Assigner& assigner() const noexcept { return assigner_; }
    const WatermarkSettings& settings() const noexcept { return kept_.settings; }

private:
    Supplier supplier_;
    [[no_unique_address]] Assigner assigner_;
    detail::KeptWatermarkSettings kept_;
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
    /// For processing time: records keep the timestamps that their source gives them, if any, and no watermark comes but the
    /// last one, at the end of a bounded input.
    static Of<NoWatermarksGenerator> noWatermarks() { return of(NoWatermarksGenerator()); }
    /// Event time is the time at which a record is read, by the clock of the runtime; it never goes back, even if the
    /// clock does. The watermark follows the clock whether records come or not, so a quiet source holds nothing back.
    static Of<IngestionTimeWatermarks> forIngestionTime() { return of(IngestionTimeWatermarks()); }
    /// A generator of one's own; `supplier()` is called for each split or subtask.
    template <class Supplier>
    static BasicWatermarkStrategy<Supplier> forGenerator(Supplier supplier) {
        return {std::move(supplier), {}};
    }

private:
    template <class Generator>
    static Of<Generator> of(Generator generator) {
        return {{std::move(generator)}, {}};
    }
};

}  // namespace millrace

#endif  // MILLRACE_TIME_WATERMARK_STRATEGY_HPP
