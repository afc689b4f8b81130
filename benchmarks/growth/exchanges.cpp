#include "event_source.hpp"
#include "series.hpp"

#include "throughput/pipelines.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace bench {

namespace {

using namespace std::chrono_literals;

/// Events by key from so many subtasks to so many others that only count them: what it costs to bring them there.
/// On two threads.
Side exchange(int from, int to, Events events = {}, millrace::Duration bufferTimeout = 100ms) {
    return [=](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{2});
        env.setParallelism(to).setBufferTimeout(bufferTimeout);
        Events all = events;
        all.count = records;
        all.keys = 100'000;
        env.fromSource(EventSource(all), millrace::WatermarkStrategy::noWatermarks())
            .setParallelism(from)
            .disableChaining()  // a channel also from one to one
            .keyBy(&Event::key)
            .addSink(Summing(result, [](Result& sum, const Event&) { ++sum.count; }));
        env.execute();
        return result;
    };
}

}  // namespace

void growExchanges(Growth& growth) {
    if (growth.wants("parallelism")) {
        const std::uint64_t n = growth.records(8'000'000);
        for (const int p : {1, 2, 4, 8, 16, 32, 64}) {
            Events fewWatermarks;
            fewWatermarks.watermarkEvery = 10'000;
            growth.measure("parallelism", "p to p", p, n, exchange(p, p), n);
            growth.measure("parallelism", "1 to p", p, n, exchange(1, p), n);
            growth.measure("parallelism", "1 to p, watermarks /10", p, n, exchange(1, p, fewWatermarks), n);
            growth.measure("parallelism", "p to 1", p, n, exchange(p, 1), n);
        }
    }
    if (growth.wants("batch")) {
        for (const std::size_t size : {2, 8, 32, 128, 512}) {
            const std::uint64_t n = growth.records(size < 32 ? 500'000 : 4'000'000);
            Events small;
            small.fillAtMost = size;
            growth.measure("batch", "2 to 2", static_cast<double>(size), n, exchange(2, 2, small, 0ms), n);
        }
    }
}

}  // namespace bench
