#include "run.hpp"

#include "paced_source.hpp"
#include "source.hpp"

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nexmark {
namespace {

using namespace std::chrono_literals;

double secondsOf(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class Stopwatch {
public:
    void stop(Outcome& outcome) const {
        outcome.wallSeconds = secondsOf(CLOCK_MONOTONIC) - wall_;
        outcome.cpuSeconds = secondsOf(CLOCK_PROCESS_CPUTIME_ID) - cpu_;
    }

private:
    double wall_ = secondsOf(CLOCK_MONOTONIC);
    double cpu_ = secondsOf(CLOCK_PROCESS_CPUTIME_ID);
};

void build(millrace::StreamEnvironment& env, const Query& query, const RunConfig& config, Results& results) {
    EventSource source(Generator(config.generator), config.events);
    // windows by the clock would be lost with the end of the job
    if (query.byClock && config.simulationSeed.has_value()) source = source.linger(20s);
    const EventStream events =
        env.fromSource(source, millrace::WatermarkStrategy::forBoundedOutOfOrderness(4s), "events");
    query.build(events, {results, config.directory});
}

/// The first second is for warming up.
std::unique_ptr<Latencies> latenciesOf(const Query& query, const RunConfig& config) {
    const Generator generator(config.generator);
    auto latencies = std::make_unique<Latencies>();
    latencies->first = Timestamp(std::chrono::milliseconds(generator.millisAt(0)));
    latencies->from = latencies->first + 1s;
    latencies->until = Timestamp(std::chrono::milliseconds(generator.millisAt(config.events - 1)));
    latencies->byClock = query.byClock;
    return latencies;
}

struct CountEvents {
    Results* results;
    std::int64_t count = 0;
    void operator()(const Event&) { ++count; }
    void close() { std::atomic_ref(results->rows) += std::exchange(count, 0); }  // of several subtasks at once
};

}  // namespace

Outcome run(const Query& query, const RunConfig& config) {
    Outcome outcome;
    outcome.results.keepsRows = config.keepsRows;
    const std::unique_ptr<Latencies> latencies = config.isPaced ? latenciesOf(query, config) : nullptr;
    outcome.results.latencies = latencies.get();
    const Stopwatch stopwatch;
    if (config.isPaced) {
        millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{config.parallelism});
        env.setParallelism(config.parallelism).setBufferTimeout(1ms);
        const EventStream events = env.fromSource(
            PacedEventSource(Generator(config.generator), config.events, config.generator.eventsPerSecond, *latencies),
            millrace::WatermarkStrategy::noWatermarks(), "events");
        query.build(events, {outcome.results, config.directory});
        env.execute(query.name);
        outcome.latency.add(latencies->histogram);
        outcome.results.latencies = nullptr;
    } else if (config.simulationSeed.has_value()) {
        millrace::SimulatedRuntime runtime(*config.simulationSeed);
        runtime.setStepDuration(10ms);
        millrace::StreamExecutionEnvironment env(runtime);
        env.setParallelism(config.parallelism);
        build(env, query, config, outcome.results);
        env.execute(query.name);
    } else if (config.parallelism == 1) {
        millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
        build(env, query, config, outcome.results);
        env.execute(query.name);
    } else {
        millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{config.parallelism});
        env.setParallelism(config.parallelism);
        build(env, query, config, outcome.results);
        env.execute(query.name);
    }
    stopwatch.stop(outcome);
    return outcome;
}

Outcome generateOnly(const RunConfig& config) {
    Outcome outcome;
    const Generator generator(config.generator);
    std::vector<Event> block(16 * 1024 / sizeof(Event));
    std::vector<Generator::BidTexts> texts(block.size());
    const Stopwatch stopwatch;
    for (std::uint64_t place = 0; place < config.events;) {
        const std::size_t count = std::min<std::uint64_t>(block.size(), config.events - place);
        for (std::size_t i = 0; i < count; ++i) generator.begin(generator.idAt(place + i), block[i], texts[i]);
        for (std::size_t i = 0; i < count; ++i) generator.finish(block[i], texts[i]);
        place += count;
    }
    stopwatch.stop(outcome);
    outcome.results.rows = static_cast<std::int64_t>(config.events);
    return outcome;
}

Query sourceOnly() {
    return {"source", [](const EventStream& events, const QueryContext& context) {
                events.addSink(CountEvents{&context.results});
            }};
}

std::vector<Query> allQueries() {
    std::vector<Query> all;
    for (auto& group : {bidQueries(), windowQueries(), auctionQueries(), joinQueries(), tableQueries()}) {
        all.insert(all.end(), group.begin(), group.end());
    }
    std::sort(all.begin(), all.end(),
              [](const Query& a, const Query& b) { return std::stoi(a.name.substr(1)) < std::stoi(b.name.substr(1)); });
    return all;
}

}  // namespace nexmark
