// A pipeline in its stride asks the heap for nothing: what it needs is there after the first records.

#include <millrace/millrace.hpp>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace millrace;
using namespace std::chrono_literals;

constexpr std::uint64_t kWarmUp = 2'000'000;
constexpr std::uint64_t kMeasured = 10'000'000;
constexpr std::uint64_t kAllowed = 100;

/// Allocations of the whole process between the records with the indices kWarmUp and kWarmUp + kMeasured - 1.
struct Probe {
    std::int64_t stepMicros = 1;  ///< of event time between two records
    std::atomic<std::uint64_t> before{0};
    std::atomic<std::uint64_t> after{0};

    void look(std::uint64_t index) {
        if (index == kWarmUp) before = testsupport::allocationCount();
        if (index == kWarmUp + kMeasured - 1) after = testsupport::allocationCount();
    }
    std::int64_t microsOf(std::uint64_t index) const { return static_cast<std::int64_t>(index) * stepMicros; }
    std::uint64_t counted() const { return after - before; }
};

struct Event {
    std::uint64_t key;
    Timestamp time;
    std::int64_t value;
};
struct Trade {
    std::string symbol;  // short: lives inside the string
    Timestamp time;
    std::int64_t quantity = 0;
};

/// All windows between the slowest source and the fastest are open, each with memory of its own: without a bound it depends on the
/// scheduling how many there are.
template <class Strategy>
auto aligned(Strategy strategy) {
    return strategy.withWatermarkAlignment("sources", 500ms);
}

auto events(StreamEnvironment& env, Probe& probe) {
    const auto generate = [&probe](std::uint64_t i) {
        probe.look(i);
        const std::uint64_t key = (i * 0x9E3779B97F4A7C15u >> 32) % 1000;
        return Event{key, Timestamp(1us * probe.microsOf(i)), static_cast<std::int64_t>(i & 0xff)};
    };
    return env.fromSource(DataGeneratorSource(generate, kWarmUp + kMeasured),
                          aligned(WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Event::time)));
}
/// The same events up to 5 ms out of order.
auto delayedEvents(StreamEnvironment& env, Probe& probe) {
    const auto generate = [&probe](std::uint64_t i) {
        probe.look(i);
        const std::uint64_t random = i * 0x9E3779B97F4A7C15u >> 32;
        const auto micros = probe.microsOf(i) - static_cast<std::int64_t>(random % 5000);
        return Event{random % 1000, Timestamp(1us * micros), static_cast<std::int64_t>(i & 0xff)};
    };
    return env.fromSource(
        DataGeneratorSource(generate, kWarmUp + kMeasured),
        aligned(WatermarkStrategy::forBoundedOutOfOrderness(5ms).withTimestampAssigner(&Event::time)));
}
auto trades(StreamEnvironment& env, Probe& probe) {
    const auto generate = [&probe](std::uint64_t i) {
        probe.look(i);
        static constexpr std::string_view kSymbols[] = {"AAPL", "MSFT", "GOOGL", "AMZN", "BRK.B", "JPM", "XOM", "UNH"};
        return Trade{std::string(kSymbols[(i * 0x9E3779B97F4A7C15u) >> 61]), Timestamp(1us * probe.microsOf(i)), 1};
    };
    return env.fromSource(DataGeneratorSource(generate, kWarmUp + kMeasured),
                          aligned(WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time)));
}

template <class T, auto kField>
struct Total {
    std::int64_t createAccumulator() const { return 0; }
    void add(const T& element, std::int64_t& total) const { total += element.*kField; }
    std::int64_t getResult(std::int64_t total) const { return total; }
    void merge(std::int64_t& into, std::int64_t other) const { into += other; }
};

struct SymbolTotal {
    std::string symbol;
    std::int64_t total = 0;
};

struct TimerPerRecord {
    void processElement(const Event& event, KeyedProcessContext<std::uint64_t>& context, Collector<std::uint64_t>&) {
        context.timerService().registerEventTimeTimer(event.time + 10ms);
    }
    void onTimer(Timestamp, OnTimerContext<std::uint64_t>& context, Collector<std::uint64_t>& out) {
        out.collect(context.currentKey());
    }
};

/// Counts what arrives, so that nothing is optimised away.
struct CountingSink {
    std::atomic<std::uint64_t>* count;
    template <class T>
    void operator()(const T&) const {
        count->fetch_add(1, std::memory_order_relaxed);
    }
};

}  // namespace

TEST_CASE("after the first records a pipeline allocates nothing", "[performance][no-asan][no-tsan][threads]") {
    const int parallelism = GENERATE(1, 2);
    StreamExecutionEnvironment env(ThreadPoolRuntime{parallelism});
    env.setParallelism(parallelism);
    Probe probe;
    std::atomic<std::uint64_t> count{0};
    const CountingSink sink{&count};
    // Two sources may be half a second of event time apart: small windows are for a single one. Large ones need longer to be
    // all there for the first time.
    const Duration size = parallelism == 1 ? 10ms : 1s;
    if (parallelism > 1) probe.stepMicros = 10;

    SECTION("maps and a filter") {
        events(env, probe)
            .rebalance()
            .map([](Event event) {
                event.value *= 3;
                return event;
            })
            .filter([](const Event& event) { return event.key % 3 != 0; })
            .map([](const Event& event) { return event.value; })
            .addSink(sink);
    }
    SECTION("strings through maps and a filter") {
        trades(env, probe)
            .rebalance()
            .filter([](const Trade& trade) { return trade.symbol != "XOM"; })
            .map([](Trade trade) { return std::move(trade.symbol); })
            .addSink(sink);
    }
    SECTION("a keyed sum") {
        events(env, probe).keyBy(&Event::key).sum(&Event::value).addSink(sink);
    }
    SECTION("a keyed sum with strings") {
        trades(env, probe).keyBy(&Trade::symbol).sum(&Trade::quantity).addSink(sink);
    }
    SECTION("tumbling windows") {
        events(env, probe)
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(size))
            .aggregate(Total<Event, &Event::value>())
            .addSink(sink);
    }
    SECTION("sliding windows") {
        events(env, probe)
            .keyBy(&Event::key)
            .window(SlidingEventTimeWindows::of(4 * size, size))
            .aggregate(Total<Event, &Event::value>())
            .addSink(sink);
    }
    SECTION("windows of records out of order") {
        delayedEvents(env, probe)
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(size))
            .aggregate(Total<Event, &Event::value>())
            .addSink(sink);
    }
    SECTION("sessions, in order and out of order") {
        const bool inOrder = GENERATE(true, false);
        CAPTURE(inOrder);
        // with two sources apart a shorter gap would make sessions come and go with the scheduling
        const Duration gap = parallelism == 1 ? Duration(700us) : Duration(2s);
        const auto sessions = [&](auto stream) {
            std::move(stream)
                .keyBy(&Event::key)
                .window(EventTimeSessionWindows::withGap(gap))
                .aggregate(Total<Event, &Event::value>())
                .addSink(sink);
        };
        if (inOrder) {
            sessions(events(env, probe));
        } else {
            sessions(delayedEvents(env, probe));
        }
    }
    SECTION("timers") {
        events(env, probe).keyBy(&Event::key).process(TimerPerRecord{}).addSink(sink);
    }
    SECTION("windows with strings") {
        trades(env, probe)
            .keyBy(&Trade::symbol)
            .window(TumblingEventTimeWindows::of(size))
            .aggregate(Total<Trade, &Trade::quantity>(),
                       [](const std::string& symbol, const TimeWindow&, std::int64_t total) {
                           return SymbolTotal{symbol, total};
                       })
            .addSink(sink);
    }
    env.execute();

    CAPTURE(parallelism);
    CHECK(count > 0);
    CHECK(probe.counted() <= kAllowed);
}
