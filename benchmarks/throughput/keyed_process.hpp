#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_KEYED_PROCESS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_KEYED_PROCESS_HPP

#include <millrace/millrace.hpp>

#include "pipelines.hpp"
#include "records.hpp"

#include <cstdint>

namespace bench {

/// W6 as a keyed process function with one value state.
struct RollingTotal {
    millrace::ValueState<double> total;

    void open(millrace::KeyedRuntimeContext& context) {
        total = context.getState(millrace::ValueStateDescriptor<double>{"total"});
    }
    void processElement(const Event& event, millrace::KeyedProcessContext<std::uint64_t>&,
                        millrace::Collector<Event>& out) {
        double sum = event.value;
        total.mutate([&](double& value) { sum = value += sum; });
        out.collect(Event{event.key, event.micros, sum});
    }
};

inline void rollingProcess(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    env.fromSource(millrace::DataGeneratorSource(EventGenerator{keys}, count),
                   millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .process(RollingTotal{})
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.addRolling(event.key, event.value); }));
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_KEYED_PROCESS_HPP
