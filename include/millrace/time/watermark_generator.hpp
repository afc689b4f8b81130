#ifndef MILLRACE_TIME_WATERMARK_GENERATOR_HPP
#define MILLRACE_TIME_WATERMARK_GENERATOR_HPP

#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

namespace millrace {

/// What a watermark generator writes to. @public
class WatermarkOutput {
public:
    /// Event time has reached `watermark`: no more records with a timestamp at or below it are expected.
    /// A watermark that does not grow is dropped.
    void emitWatermark(Timestamp watermark) noexcept {
        pending_ = std::max(pending_, watermark);
        idle_ = false;
        changed_ = true;
    }
    /// This input has nothing to say for now and shall not hold back event time.
    void markIdle() noexcept {
        idle_ = true;
        changed_ = true;
    }
    void markActive() noexcept {
        idle_ = false;
        changed_ = true;
    }

    // ---- for operators ----
    Timestamp watermark() const noexcept { return pending_; }
    bool idle() const noexcept { return idle_; }
    bool takeChanged() noexcept { return std::exchange(changed_, false); }

private:
    Timestamp pending_ = kMinTimestamp;
    bool idle_ = false;
    bool changed_ = false;
};

/// Derives watermarks from records. @public
/// ```
/// struct Generator {
///     void onEvent(const Record& record, Timestamp timestamp, WatermarkOutput& output);
///     void onPeriodicEmit(WatermarkOutput& output);
/// };
/// ```
/// `onEvent` runs after the record has been forwarded, so a watermark that a *punctuated* generator emits there follows
/// it. `onPeriodicEmit`, where a *periodic* one emits, runs after every block of records and on the idleness clock, or by
/// the interval of `withPeriodicEmit` or `setAutoWatermarkInterval`. Either may do nothing. A watermark that does not
/// grow is dropped, so a generator may be careless about that.
/// A generator that also has `void onEvents(std::span<const Timestamp>)` gets the timestamps of whole blocks instead of
/// single records, which is faster; it can then only emit in `onPeriodicEmit`.
/// *Thread safety:* each split (or subtask) has its own. *State and checkpoints:* what a generator has emitted is kept,
/// so that event time does not go back; what else it remembers begins anew after a restore.
template <class G, class T>
concept WatermarkGeneratorFor = requires(G generator, const T& event, Timestamp timestamp, WatermarkOutput& output) {
    generator.onEvent(event, timestamp, output);
    generator.onPeriodicEmit(output);
};

/// Watermark = largest timestamp so far - delay - 1 tick. @public
class BoundedOutOfOrdernessWatermarks {
public:
    /// *Failure:* ConfigurationException for a negative delay.
    explicit BoundedOutOfOrdernessWatermarks(Duration delay) : delay_(delay) {
        if (delay < Duration::zero()) {
            throw ConfigurationException(
                "forBoundedOutOfOrderness(delay): the delay is negative; give how much later a "
                "record may arrive than one with a greater timestamp, at least 0");
        }
        max_ = saturatingAdd(saturatingAdd(kMinTimestamp, delay), Duration(1));
    }

    template <class T>
    void onEvent(const T&, Timestamp timestamp, WatermarkOutput&) noexcept {
        max_ = std::max(max_, timestamp);
    }
    /// The same for a run of records: such a generator is never asked record by record.
    void onEvents(std::span<const Timestamp> timestamps) noexcept {
        Timestamp max = max_;
        for (const Timestamp t : timestamps) max = std::max(max, t);
        max_ = max;
    }
    void onPeriodicEmit(WatermarkOutput& output) const noexcept {
        output.emitWatermark(saturatingSubtract(saturatingSubtract(max_, delay_), Duration(1)));
    }

private:
    Duration delay_;
    Timestamp max_ = kMinTimestamp;
};

/// Like `BoundedOutOfOrdernessWatermarks`, but emits after every single record, so that results depend on the order of
/// the records alone and not on how they fall into blocks. Costs more. @public
class PerRecordWatermarks {
public:
    explicit PerRecordWatermarks(Duration delay) : bounded_(delay) {}
    template <class T>
    void onEvent(const T& event, Timestamp timestamp, WatermarkOutput& output) noexcept {
        bounded_.onEvent(event, timestamp, output);
        bounded_.onPeriodicEmit(output);
    }
    void onPeriodicEmit(WatermarkOutput&) const noexcept {}

private:
    BoundedOutOfOrdernessWatermarks bounded_;
};

/// The generator of `WatermarkStrategy::forIngestionTime`: event time is the time at which records arrive. @public
class IngestionTimeWatermarks {
public:
    /// The time of what arrives at `now`: a clock that is set back does not take event time back.
    Timestamp arrive(Timestamp now) noexcept { return last_ = std::max(last_, now); }
    void onEvents(std::span<const Timestamp>) noexcept {}
    template <class T>
    void onEvent(const T&, Timestamp, WatermarkOutput&) noexcept {}
    void onPeriodicEmit(WatermarkOutput& output) const noexcept {
        output.emitWatermark(saturatingSubtract(last_, Duration(1)));
    }

private:
    Timestamp last_ = kMinTimestamp;
};

/// Never emits a watermark. @public
class NoWatermarksGenerator {
public:
    template <class T>
    void onEvent(const T&, Timestamp, WatermarkOutput&) noexcept {}
    void onEvents(std::span<const Timestamp>) noexcept {}
    void onPeriodicEmit(WatermarkOutput&) const noexcept {}
};

}  // namespace millrace

#endif  // MILLRACE_TIME_WATERMARK_GENERATOR_HPP
