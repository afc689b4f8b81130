// One workload over a number of records on the calling thread, for counting its instructions: benchmarks/check_costs.
//
//   instructions --list                the workloads, a line each
//   instructions WORKLOAD RECORDS

#include <millrace/millrace.hpp>

#include <millrace/runtime/caller_runtime.hpp>

#include "throughput/interval_join.hpp"
#include "throughput/keyed_process.hpp"
#include "throughput/pipelines.hpp"
#include "throughput/records.hpp"
#include "throughput/sessions.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace bench;
using namespace std::chrono_literals;
using millrace::StreamEnvironment;

struct Workload {
    const char* name;
    void (*build)(StreamEnvironment& env, std::uint64_t records, Result& result);
};

/// Records of 24 bytes by key between two subtasks of one operator each, and nothing else to do for them.
void exchange(StreamEnvironment& env, std::uint64_t records, Result& result) {
    env.setParallelism(2);
    env.fromSource(WorkloadSource(EventGenerator{1'000}, records), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.count += event.key & 1; }));
}

/// Windows by the general operator, which keeps elements and asks a trigger for each.
void countTrigger(StreamEnvironment& env, std::uint64_t records, Result& result) {
    env.fromSource(WorkloadSource(EventGenerator{1'000}, records), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .window(millrace::TumblingEventTimeWindows::of(1s))
        .trigger(millrace::CountTrigger::of(100))
        .reduce([](const Event& a, const Event& b) {
            return Event{a.key, b.micros, a.value + b.value};
        })
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.addRolling(event.key, event.value); }));
}

struct LastOfBucket {
    millrace::MapState<int, double> last;

    void open(millrace::KeyedRuntimeContext& context) {
        last = context.getMapState(millrace::MapStateDescriptor<int, double>{"last"});
    }
    void processElement(const Event& event, millrace::KeyedProcessContext<std::uint64_t>&,
                        millrace::Collector<Event>& out) {
        const int bucket = static_cast<int>(event.micros & 3);
        const double* const before = last.get(bucket);
        const double difference = before != nullptr ? event.value - *before : 0;
        last.put(bucket, event.value);
        out.collect(Event{event.key, event.micros, difference});
    }
};
void mapState(StreamEnvironment& env, std::uint64_t records, Result& result) {
    env.fromSource(WorkloadSource(EventGenerator{1'000}, records), millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .process(LastOfBucket{})
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.addRolling(event.key, event.value); }));
}

void stringKeys(StreamEnvironment& env, std::uint64_t records, Result& result) {
    averagePrice(env, records, result);
}
void outOfOrder(StreamEnvironment& env, std::uint64_t records, Result& result) {
    tumblingAverage(env, records, DelayedEvents{1'000}, result);
}

const Workload kWorkloads[] = {
    {"fused_chain", mapFilterMap},
    {"exchange", exchange},
    {"tumbling_windows", [](StreamEnvironment& env, std::uint64_t n,
                            Result& result) { tumblingAverage(env, n, EventGenerator{1'000}, result); }},
    {"tumbling_windows_out_of_order", outOfOrder},
    {"sliding_windows",
     [](StreamEnvironment& env, std::uint64_t n, Result& result) { slidingStatistics(env, n, 10s, result); }},
    {"session_windows",
     [](StreamEnvironment& env, std::uint64_t n, Result& result) { sessions(env, n, 1'000, result); }},
    {"windows_with_count_trigger", countTrigger},
    {"windows_of_string_keys", stringKeys},
    {"rolling_reduce",
     [](StreamEnvironment& env, std::uint64_t n, Result& result) { rollingSum(env, n, 1'000, result); }},
    {"value_state",
     [](StreamEnvironment& env, std::uint64_t n, Result& result) { rollingProcess<true>(env, n, 1'000, result); }},
    {"map_state", mapState},
    {"timers", [](StreamEnvironment& env, std::uint64_t n, Result& result) { timers(env, n, 1'000, result); }},
    {"interval_join",
     [](StreamEnvironment& env, std::uint64_t n, Result& result) { intervalJoin(env, n, 1'000, result); }},
};

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--list") {
        for (const Workload& workload : kWorkloads) std::printf("%s\n", workload.name);
        return 0;
    }
    for (const Workload& workload : kWorkloads) {
        if (argc != 3 || std::string_view(argv[1]) != workload.name) continue;
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
        workload.build(env, std::strtoull(argv[2], nullptr, 10), result);
        env.execute();
        std::printf("%llu %016llx\n", static_cast<unsigned long long>(result.count),
                    static_cast<unsigned long long>(result.checksum));
        return 0;
    }
    std::fprintf(stderr, "usage: instructions --list | WORKLOAD RECORDS\n");
    return 2;
}
