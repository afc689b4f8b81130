#ifndef MILLRACE_BENCHMARKS_NEXMARK_PACED_SOURCE_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_PACED_SOURCE_HPP

#include "generator.hpp"
#include "results.hpp"

#include <millrace/connectors/index_split.hpp>
#include <millrace/functions/source.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace nexmark {

/// The first `count` events as they fall due, in order, at the rate of the generator by the clock: event time goes as fast as
/// time does. Timestamps are exact to the nanosecond, other than the events' own times, and the watermark follows the clock.
/// An event that is late because the pipeline is busy keeps the timestamp at which it was due (no coordinated omission).
class PacedEventSource {
public:
    using Output = Event;
    using Split = millrace::IndexSplit;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;
    static constexpr int kFixedParallelism = 1;

    PacedEventSource(Generator generator, std::uint64_t count, std::uint64_t eventsPerSecond, Latencies& latencies)
        : generator_(generator), count_(count), eventsPerSecond_(eventsPerSecond), latencies_(&latencies) {}

    millrace::Boundedness boundedness() const { return millrace::Boundedness::Bounded; }
    std::unique_ptr<millrace::SplitEnumerator<Split>> createEnumerator(int /*parallelism*/) const {
        return std::make_unique<millrace::SplitListEnumerator<Split>>(std::vector<Split>{{0, count_, count_, 1}});
    }

    class Reader {
    public:
        Reader(const PacedEventSource& source, std::function<Timestamp()> now)
            : generator_(source.generator_), eventsPerSecond_(source.eventsPerSecond_), latencies_(source.latencies_),
              now_(std::move(now)) {}
        void open(Split split) {
            split_ = split;
            start_ = Latencies::now() + 1'000'000;
            latencies_->start = start_;
        }
        millrace::FillResult fill(std::span<Event> values, std::span<Timestamp> timestamps) {
            millrace::FillResult result;
            const std::int64_t elapsed = Latencies::now() - start_;
            const std::uint64_t due = dueAfter(elapsed);
            const std::size_t most = std::min(values.size(), texts_.size());
            result.count = std::min<std::uint64_t>(most, due - split_.next);
            for (std::size_t i = 0; i < result.count; ++i) {
                generator_.begin(split_.next + i, values[i], texts_[i]);
                timestamps[i] = latencies_->first + nanosOf(split_.next + i);
            }
            for (std::size_t i = 0; i < result.count; ++i) generator_.finish(values[i], texts_[i]);
            split_.next += result.count;
            if (split_.next == split_.end) {
                result.status = millrace::SourceStatus::EndOfSplit;
            } else if (split_.next == due) {
                // all before this time have been emitted
                result.watermark = latencies_->first + std::chrono::nanoseconds(std::max<std::int64_t>(elapsed, 0) - 1);
                result.status = millrace::SourceStatus::NothingAvailable;
                result.wakeAt = now_() + std::chrono::microseconds(20);
            }
            return result;
        }
        Split position() const { return split_; }
        void close() {}

    private:
        std::chrono::nanoseconds nanosOf(std::uint64_t id) const {
            return std::chrono::nanoseconds(static_cast<std::int64_t>(id * 1'000'000'000 / eventsPerSecond_));
        }
        std::uint64_t dueAfter(std::int64_t nanos) const {
            if (nanos < 0) return 0;
            return std::min(split_.end, static_cast<std::uint64_t>(nanos) * eventsPerSecond_ / 1'000'000'000 + 1);
        }

        Generator generator_;
        std::uint64_t eventsPerSecond_;
        Latencies* latencies_;
        std::function<Timestamp()> now_;
        Split split_;
        std::int64_t start_ = 0;
        std::array<Generator::BidTexts, 128> texts_{};
    };
    Reader createReader(const millrace::SourceReaderContext& context) const { return Reader(*this, context.now); }

private:
    Generator generator_;
    std::uint64_t count_;
    std::uint64_t eventsPerSecond_;
    Latencies* latencies_;
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_PACED_SOURCE_HPP
