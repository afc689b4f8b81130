#include "event_source.hpp"
#include "series.hpp"

#include "throughput/pipelines.hpp"

#include <millrace/runtime/caller_runtime.hpp>

#include <cstdint>
#include <utility>

namespace bench {

namespace {

Event addOne(Event event) {
    event.value += 1;
    return event;
}

enum class Joined { InOneStage, ByCalls, ByChannels };

template <int kMore, class Stream>
void sinkAfter(Stream stream, Result& result) {
    if constexpr (kMore > 0) {
        sinkAfter<kMore - 1>(std::move(stream).map([](Event event) { return addOne(event); }), result);
    } else {
        std::move(stream).addSink(Summing(result, [](Result& sum, const Event&) { ++sum.count; }));
    }
}

/// Maps one behind the other, which the compiler sees as one loop.
template <int kMaps>
Side fused() {
    return [](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
        sinkAfter<kMaps>(env.fromSource(EventSource({.count = records}), millrace::WatermarkStrategy::noWatermarks()),
                         result);
        env.execute();
        return result;
    };
}

/// The same maps, each a stage of its own.
Side separate(int maps, bool channels) {
    return [=](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
        if (channels) env.disableOperatorChaining();
        millrace::DataStream<Event> stream =
            env.fromSource(EventSource({.count = records}), millrace::WatermarkStrategy::noWatermarks());
        for (int i = 0; i < maps; ++i) stream = stream.map([](Event event) { return addOne(event); });
        stream.addSink(Summing(result, [](Result& sum, const Event&) { ++sum.count; }));
        env.execute();
        return result;
    };
}

}  // namespace

void growChains(Growth& growth) {
    if (!growth.wants("operators")) return;
    const std::uint64_t n = growth.records(10'000'000);
    const auto inOne = [&]<int kMaps>() { growth.measure("operators", "in one loop", kMaps, n, fused<kMaps>(), n); };
    inOne.template operator()<1>();
    inOne.template operator()<8>();
    inOne.template operator()<16>();
    inOne.template operator()<32>();
    for (const int maps : {1, 8, 16, 32}) {
        growth.measure("operators", "a stage each", maps, n, separate(maps, false), n);
        growth.measure("operators", "over channels", maps, n, separate(maps, true), n);
    }
}

}  // namespace bench
