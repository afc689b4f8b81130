#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_KEYED_PROCESS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_KEYED_PROCESS_HPP

#include <millrace/millrace.hpp>

#include "baselines.hpp"
#include "pipelines.hpp"
#include "records.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace bench {

/// W6 as a keyed process function with one value state, which it changes in place or reads and writes.
template <bool kInPlace>
struct RollingTotal {
    millrace::ValueState<double> total;

    void open(millrace::KeyedRuntimeContext& context) {
        total = context.getState(millrace::ValueStateDescriptor<double>{"total"});
    }
    void processElement(const Event& event, millrace::KeyedProcessContext<std::uint64_t>&,
                        millrace::Collector<Event>& out) {
        double sum = 0;
        if constexpr (kInPlace) {
            total.mutate([&](double& value) { sum = value += event.value; });
        } else {
            sum = total.valueOr(0) + event.value;
            total.update(sum);
        }
        out.collect(Event{event.key, event.micros, sum});
    }
};

template <bool kInPlace>
void rollingProcess(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    env.fromSource(millrace::DataGeneratorSource(EventGenerator{keys}, count),
                   millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .process(RollingTotal<kInPlace>{})
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.addRolling(event.key, event.value); }));
}

// ---- one timer per record, up to 16 s ahead: at the end of 10 M records, most of them wait

/// In nanoseconds; different for all records.
inline std::int64_t timerTime(const Event& event) {
    const std::int64_t micros = event.micros + 1000 * static_cast<std::int64_t>(event.value);
    return micros * 1000 + event.micros / 1000 % 1000;
}
struct Fired {
    std::uint64_t key;
    std::int64_t time;
};
inline void addFired(Result& result, std::uint64_t key, std::int64_t time) {
    result.addRolling(key, static_cast<double>(time));
}

namespace hand {

/// A ring of buckets of a millisecond, each sorted when its time has come; knows that no timer is more than 33 s ahead and
/// that none is registered twice. (A binary heap takes several times as long.)
class Timers {
public:
    Timers() : ring_(kBuckets) {}
    void onBatch(const Event* events, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::int64_t time = timerTime(events[i]);
            const std::int64_t bucket = time / kWidth;
            latest_ = std::max(latest_, bucket);
            ring_[static_cast<std::size_t>(bucket % kBuckets)].push_back({time, events[i].key});
        }
    }
    void onWatermark(std::int64_t micros) {
        const std::int64_t now = micros == kLastWatermark ? std::numeric_limits<std::int64_t>::max() : micros * 1000;
        for (; next_ <= std::min(latest_, now / kWidth); ++next_) {
            auto& bucket = ring_[static_cast<std::size_t>(next_ % kBuckets)];
            std::sort(bucket.begin(), bucket.end());
            auto timer = bucket.begin();
            for (; timer != bucket.end() && timer->first <= now; ++timer) addFired(result, timer->second, timer->first);
            if (timer != bucket.end()) {  // the rest of this millisecond is still to come
                bucket.erase(bucket.begin(), timer);
                return;
            }
            bucket.clear();
        }
    }
    Result result;

private:
    using Timer = std::pair<std::int64_t, std::uint64_t>;
    static constexpr std::int64_t kWidth = 1'000'000;
    static constexpr std::int64_t kBuckets = 1 << 15;
    std::vector<std::vector<Timer>> ring_;
    std::int64_t next_ = 0;
    std::int64_t latest_ = 0;
};

}  // namespace hand

namespace reference {

inline Result timers(std::uint64_t count, std::uint64_t keys) {
    Result result;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Event event = EventGenerator{keys}(i);
        addFired(result, event.key, timerTime(event));
    }
    return result;
}

}  // namespace reference

struct TimerPerRecord {
    void processElement(const Event& event, millrace::KeyedProcessContext<std::uint64_t>& context,
                        millrace::Collector<Fired>&) {
        context.timerService().registerEventTimeTimer(millrace::Timestamp(millrace::Duration(timerTime(event))));
    }
    void onTimer(millrace::Timestamp time, millrace::OnTimerContext<std::uint64_t>& context,
                 millrace::Collector<Fired>& out) {
        out.collect(Fired{context.currentKey(), time.time_since_epoch().count()});
    }
};

inline void timers(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    env.fromSource(WorkloadSource(EventGenerator{keys}, count), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .process(TimerPerRecord{})
        .addSink(Summing(result, [](Result& sum, const Fired& fired) { addFired(sum, fired.key, fired.time); }));
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_KEYED_PROCESS_HPP
