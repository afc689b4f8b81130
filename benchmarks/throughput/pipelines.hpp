#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_PIPELINES_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_PIPELINES_HPP

#include "index_blocks.hpp"
#include "records.hpp"

#include <millrace/connectors/index_split.hpp>
#include <millrace/millrace.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

// The same workloads as a user of millrace writes them: through the public API alone.

namespace bench {

using namespace std::chrono_literals;

/// Records of a generator with their event time, and the workloads' watermark behind every 1000 of them.
template <class Generator>
class WorkloadSource {
public:
    using Output = decltype(std::declval<Generator>()(0));
    using Split = millrace::IndexSplit;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;

    WorkloadSource(Generator generate, std::uint64_t count) : generate_(generate), count_(count) {}

    millrace::Boundedness boundedness() const { return millrace::Boundedness::Bounded; }
    std::unique_ptr<millrace::SplitEnumerator<Split>> createEnumerator(int parallelism) const {
        return blocksInTurn(count_, kWatermarkEvery, parallelism);
    }

    class Reader {
    public:
        explicit Reader(Generator generate) : generate_(generate) {}
        void open(Split split) { split_ = split; }
        millrace::FillResult fill(std::span<Output> values, std::span<millrace::Timestamp> timestamps) {
            millrace::FillResult result;
            const std::uint64_t first = split_.next;
            const std::uint64_t end = blockEnd(split_);
            const Generator generate = generate_;
            result.count = std::min<std::uint64_t>(values.size(), end - first);
            millrace::Timestamp inOrder = timeOf(generate, first);
            const auto write = [&](std::size_t i) {
                values[i] = generate(first + i);
                if constexpr (maxDelayOf<Generator>() > 0) {
                    timestamps[i] = millrace::Timestamp(std::chrono::microseconds(values[i].micros));
                } else {
                    timestamps[i] = inOrder;
                    inOrder += std::chrono::microseconds(generate.stepMicros);
                }
            };
            // four at a time: a record takes so few instructions that counting and jumping is a tenth of the time of W2
            std::size_t i = 0;
            for (; i + 4 <= result.count; i += 4) {
                for (std::size_t k = 0; k < 4; ++k) write(i + k);
            }
            for (; i < result.count; ++i) write(i);
            if (advance(split_, result.count, end) && result.count > 0) {
                result.watermark = timeOf(generate, end - 1) - std::chrono::microseconds(maxDelayOf<Generator>());
            }
            if (split_.next == split_.end) result.status = millrace::SourceStatus::EndOfSplit;
            return result;
        }
        Split position() const { return split_; }
        void close() {}

    private:
        static millrace::Timestamp timeOf(const Generator& generate, std::uint64_t index) {
            std::int64_t micros = static_cast<std::int64_t>(index) * generate.stepMicros;
            if constexpr (requires { generate.firstMicros; }) micros += generate.firstMicros;
            return millrace::Timestamp(std::chrono::microseconds(micros));
        }

        Generator generate_;
        Split split_;
    };
    Reader createReader(const millrace::SourceReaderContext&) const { return Reader(generate_); }

private:
    Generator generate_;
    std::uint64_t count_;
};

/// A sink that adds up what it gets; the copies of all subtasks together make the result.
template <class Fn>
class Summing {
public:
    Summing(Result& total, Fn fn) : total_(std::make_shared<Total>(total)), fn_(fn) {}
    template <class T>
    void operator()(const T& element) {
        fn_(mine_, element);
    }
    void close() {
        const std::lock_guard lock(total_->mutex);
        total_->result.count += mine_.count;
        total_->result.checksum += mine_.checksum;
        total_->result.sum += mine_.sum;
    }

private:
    struct Total {
        explicit Total(Result& into) : result(into) {}
        std::mutex mutex;
        Result& result;
    };
    std::shared_ptr<Total> total_;
    Fn fn_;
    Result mine_;
};

inline std::int64_t microsOf(millrace::Timestamp t) {
    return t.time_since_epoch() / 1us;
}

// ---- aggregates

template <class Record, auto kField>
struct CountAndAverage {
    struct Accumulator {
        double total = 0;
        std::uint64_t records = 0;
    };
    struct Average {
        std::uint64_t records = 0;
        double average = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Record& record, Accumulator& acc) const {
        acc.total += record.*kField;
        ++acc.records;
    }
    Average getResult(const Accumulator& acc) const {
        return {acc.records, acc.total / static_cast<double>(acc.records)};
    }
    void merge(Accumulator& into, const Accumulator& other) const {
        into.total += other.total;
        into.records += other.records;
    }
};

struct Statistics {
    struct Accumulator {
        double total = 0;
        double largest = -1e300;
        std::uint64_t records = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Event& event, Accumulator& acc) const {
        acc.total += event.value;
        acc.largest = std::max(acc.largest, event.value);
        ++acc.records;
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
    void merge(Accumulator& into, const Accumulator& other) const {
        into.total += other.total;
        into.largest = std::max(into.largest, other.largest);
        into.records += other.records;
    }
};

template <class Content>
struct WindowResult {
    std::uint64_t key = 0;
    std::int64_t endMicros = 0;
    Content content;
};
/// The window function of all workloads: says which key and window a result is of.
struct WithKeyAndEnd {
    template <class Content>
    WindowResult<Content> operator()(std::uint64_t key, const millrace::TimeWindow& window,
                                     const Content& content) const {
        return {key, microsOf(window.end), content};
    }
};

// ---- the pipelines: each builds them in an environment that the caller executes

inline void mapFilterMap(millrace::StreamEnvironment& env, std::uint64_t count, Result& result) {
    env.fromSource(millrace::DataGeneratorSource(EventGenerator{1000}, count),
                   millrace::WatermarkStrategy::noWatermarks())
        .map([](Event event) {
            event.value *= 1.1;
            return event;
        })
        .filter([](const Event& event) { return event.key % 3 != 0; })
        .map([](Event event) {
            event.value += 1.0;
            return event;
        })
        .addSink(Summing(result, [](Result& sum, const Event& event) {
            sum.sum += event.value;
            ++sum.count;
        }));
}

template <class Generator>
auto secondsByKey(millrace::StreamEnvironment& env, std::uint64_t count, Generator generate) {
    return env.fromSource(WorkloadSource(generate, count), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .window(millrace::TumblingEventTimeWindows::of(1s));
}
template <class Windows>
void averages(const Windows& windows, Result& result) {
    using Aggregate = CountAndAverage<Event, &Event::value>;
    windows.aggregate(Aggregate(), WithKeyAndEnd())
        .addSink(Summing(result, [](Result& sum, const WindowResult<Aggregate::Average>& window) {
            sum.addWindow(window.key, window.endMicros, window.content.records, window.content.average);
        }));
}
template <class Generator>
void tumblingAverage(millrace::StreamEnvironment& env, std::uint64_t count, Generator generate, Result& result) {
    averages(secondsByKey(env, count, generate), result);
}

inline void slidingStatistics(millrace::StreamEnvironment& env, std::uint64_t count, std::chrono::seconds size,
                              Result& result, std::uint64_t keys = 1000, std::chrono::seconds slide = 1s) {
    env.fromSource(WorkloadSource(EventsEvery<10>{keys}, count), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .window(millrace::SlidingEventTimeWindows::of(size, slide))
        .aggregate(Statistics(), WithKeyAndEnd())
        .addSink(Summing(result, [](Result& sum, const WindowResult<Statistics::Accumulator>& window) {
            sum.addWindow(window.key, window.endMicros, window.content.records, window.content.total,
                          window.content.largest);
        }));
}

template <class Generator>
void rollingSumOf(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    using Record = decltype(Generator{keys}(0));
    env.fromSource(millrace::DataGeneratorSource(Generator{keys}, count), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Record::key)
        .sum(&Record::value)
        .addSink(Summing(result, [](Result& sum, const Record& each) { sum.addRolling(each.key, each.value); }));
}
inline void rollingSum(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    rollingSumOf<EventGenerator>(env, count, keys, result);
}

inline void averagePrice(millrace::StreamEnvironment& env, std::uint64_t count, Result& result) {
    using Aggregate = CountAndAverage<Trade, &Trade::price>;
    env.fromSource(WorkloadSource(TradeGenerator(), count), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Trade::industry)
        .window(millrace::TumblingEventTimeWindows::of(1min))
        .aggregate(Aggregate(), WithKeyAndEnd())
        .addSink(Summing(result, [](Result& sum, const WindowResult<Aggregate::Average>& window) {
            sum.addWindow(window.key, window.endMicros, window.content.records, window.content.average);
        }));
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_PIPELINES_HPP
