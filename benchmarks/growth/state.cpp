#include "event_source.hpp"
#include "series.hpp"

#include "throughput/pipelines.hpp"

#include <millrace/runtime/caller_runtime.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace bench {

namespace {

using namespace std::chrono_literals;

template <class Build>
Side onCallersThread(Events events, Build build) {
    return [=](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
        Events of = events;
        of.count = records;
        build(env.fromSource(EventSource(of), millrace::WatermarkStrategy::noWatermarks()).keyBy(&Event::key), result);
        env.execute();
        return result;
    };
}

/// One result per record.
Side rollingSum(std::uint64_t keys) {
    return onCallersThread({.keys = keys}, [](auto stream, Result& result) {
        std::move(stream).sum(&Event::value).addSink(Summing(result, [](Result& sum, const Event&) { ++sum.count; }));
    });
}

/// Counts the records in the windows, so that all of them show in the result.
template <class Assigner>
Side windows(Events events, Assigner assigner) {
    return onCallersThread(events, [assigner](auto stream, Result& result) {
        std::move(stream)
            .window(assigner)
            .aggregate(Statistics())
            .addSink(Summing(result,
                             [](Result& sum, const Statistics::Accumulator& window) { sum.count += window.records; }));
    });
}

std::string shortName(std::int64_t keys) {
    return std::to_string(keys) + " keys";
}

}  // namespace

void growState(Growth& growth) {
    if (growth.wants("keys")) {
        for (const std::uint64_t keys : {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000}) {
            const std::uint64_t n = growth.records(keys > 1'000'000 ? 40'000'000 : 10'000'000);
            growth.measure("keys", "rolling sum", static_cast<double>(keys), n, rollingSum(keys), n);
            growth.measure("keys", "windows of 1 s", static_cast<double>(keys), n,
                           windows({.keys = keys}, millrace::TumblingEventTimeWindows::of(1s)), n);
        }
    }
    if (growth.wants("windows")) {
        const std::uint64_t n = growth.records(5'000'000);
        for (const std::int64_t size : {1, 2, 5, 10, 30, 60, 120, 300}) {
            for (const std::uint64_t keys : {10, 1'000}) {
                growth.measure("windows", shortName(static_cast<std::int64_t>(keys)), static_cast<double>(size), n,
                               windows({.keys = keys, .stepMicros = 200},
                                       millrace::SlidingEventTimeWindows::of(std::chrono::seconds(size), 1s)),
                               n * static_cast<std::uint64_t>(size));
            }
        }
    }
    if (growth.wants("disorder")) {
        const std::uint64_t n = growth.records(10'000'000);
        for (const std::int64_t millis : {0, 1, 10, 100, 1'000, 10'000}) {
            growth.measure("disorder", shortName(1'000), static_cast<double>(millis), n,
                           windows({.stepMicros = 10, .maxDelayMicros = 1000 * millis},
                                   millrace::TumblingEventTimeWindows::of(1s)),
                           n);
        }
    }
}

}  // namespace bench
