#ifndef MILLRACE_BENCHMARKS_GROWTH_EVENT_SOURCE_HPP
#define MILLRACE_BENCHMARKS_GROWTH_EVENT_SOURCE_HPP

#include "throughput/index_blocks.hpp"
#include "throughput/records.hpp"

#include <millrace/millrace.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

namespace bench {

/// Events whose sizes are chosen at run time, so that all series share one type of pipeline.
struct Events {
    std::uint64_t count = 0;
    std::uint64_t keys = 1'000;
    std::int64_t stepMicros = 1;
    std::int64_t maxDelayMicros = 0;                 ///< uniform; the watermarks wait for it
    std::uint64_t watermarkEvery = kWatermarkEvery;  ///< records of a subtask, which takes as many in a row
    std::size_t fillAtMost = std::numeric_limits<std::size_t>::max();

    Event make(std::uint64_t index) const {
        const std::uint64_t h = randomOf(index);
        const std::uint64_t delay = (((h >> 14) & 0x3ffff) * static_cast<std::uint64_t>(maxDelayMicros)) >> 18;
        const std::int64_t micros = static_cast<std::int64_t>(index) * stepMicros - static_cast<std::int64_t>(delay);
        return {((h >> 32) * keys) >> 32, std::max<std::int64_t>(micros, 0),
                static_cast<double>(static_cast<std::int64_t>(h & 0x3fff))};
    }
};

/// Emits them with a watermark behind every 1000, or as many as they say; subtasks take blocks of that in turn.
class EventSource {
public:
    using Output = Event;
    using Split = millrace::IndexSplit;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;

    explicit EventSource(Events events) : events_(events) {}

    millrace::Boundedness boundedness() const { return millrace::Boundedness::Bounded; }
    std::unique_ptr<millrace::SplitEnumerator<Split>> createEnumerator(int parallelism) const {
        return blocksInTurn(events_.count, events_.watermarkEvery, parallelism);
    }

    class Reader {
    public:
        explicit Reader(Events events) : events_(events) {}
        void open(Split split) { split_ = split; }
        millrace::FillResult fill(std::span<Event> values, std::span<millrace::Timestamp> timestamps) {
            millrace::FillResult result;
            const Events events = events_;
            const std::uint64_t first = split_.next;
            const std::uint64_t end = blockEnd(split_);
            result.count = std::min<std::uint64_t>({values.size(), events.fillAtMost, end - first});
            for (std::size_t i = 0; i < result.count; ++i) {
                values[i] = events.make(first + i);
                timestamps[i] = timeOf(values[i].micros);
            }
            if (advance(split_, result.count, end) && result.count > 0) {
                const auto last = static_cast<std::int64_t>(end - 1) * events.stepMicros;
                result.watermark = timeOf(last - events.maxDelayMicros);
            }
            if (split_.next == split_.end) result.status = millrace::SourceStatus::EndOfSplit;
            return result;
        }
        Split position() const { return split_; }
        void close() {}

    private:
        static millrace::Timestamp timeOf(std::int64_t micros) {
            return millrace::Timestamp(std::chrono::microseconds(micros));
        }
        Events events_;
        Split split_;
    };
    Reader createReader(const millrace::SourceReaderContext&) const { return Reader(events_); }

private:
    Events events_;
};

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_GROWTH_EVENT_SOURCE_HPP
