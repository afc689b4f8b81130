#include <millrace/api/windowed_stream.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <map>
#include <random>
#include <tuple>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;

namespace {

Timestamp at(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}

struct Event {
    int key = 0;
    std::int64_t value = 0;
    std::int64_t time = 0;
    auto operator<=>(const Event&) const = default;
};

struct EventTime {
    Timestamp operator()(const Event& e) const { return at(e.time); }
};

/// key, window start, count, sum
using Row = std::tuple<int, std::int64_t, std::int64_t, std::int64_t>;

struct CountAndSum {
    struct Totals {
        std::int64_t count = 0;
        std::int64_t sum = 0;
    };
    Totals createAccumulator() const { return {}; }
    void add(const Event& e, Totals& totals) const {
        ++totals.count;
        totals.sum += e.value;
    }
    Totals getResult(const Totals& totals) const { return totals; }
    void merge(Totals& into, const Totals& other) const {
        into.count += other.count;
        into.sum += other.sum;
    }
};

Row toRow(const int& key, const TimeWindow& window, const CountAndSum::Totals& totals) {
    return {key, window.start.time_since_epoch().count(), totals.count, totals.sum};
}

auto perRecord(Duration delay) {
    return WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(delay).withTimestampAssigner(EventTime{});
}
auto bounded(Duration delay) {
    return WatermarkStrategy::forBoundedOutOfOrderness(delay).withTimestampAssigner(EventTime{});
}

/// Random events whose disorder stays below `disorder`.
std::vector<Event> randomEvents(std::uint64_t seed, int count, int keys, std::int64_t disorder) {
    std::mt19937_64 random(seed);
    std::vector<std::pair<std::int64_t, Event>> arrivals;
    for (int i = 0; i < count; ++i) {
        const std::int64_t time = i * 3 - 500;
        arrivals.push_back({time + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(disorder)),
                            {static_cast<int>(random() % static_cast<std::uint64_t>(keys)),
                             static_cast<std::int64_t>(random() % 100), time}});
    }
    std::stable_sort(arrivals.begin(), arrivals.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Event> events;
    for (const auto& arrival : arrivals) events.push_back(arrival.second);
    return events;
}

std::vector<Row> naiveWindows(const std::vector<Event>& events, std::int64_t size, std::int64_t slide) {
    std::map<std::pair<int, std::int64_t>, std::pair<std::int64_t, std::int64_t>> windows;
    for (const Event& e : events) {
        std::int64_t start = e.time / slide * slide;
        if (start > e.time) start -= slide;
        for (; start > e.time - size; start -= slide) {
            auto& [count, sum] = windows[{e.key, start}];
            ++count;
            sum += e.value;
        }
    }
    std::vector<Row> rows;
    for (const auto& [window, totals] : windows)
        rows.emplace_back(window.first, window.second, totals.first, totals.second);
    return rows;
}

}  // namespace

TEST_CASE("windows do not depend on runtime, seed, parallelism or chaining", "[api][threads]") {
    const std::uint64_t seed = GENERATE(11u, 12u);
    CAPTURE(seed);
    const std::vector<Event> events = randomEvents(seed, 4000, 17, 100);
    const auto tumbling = naiveWindows(events, 64, 64);
    const auto sliding = naiveWindows(events, 100, 30);
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        for (const int parallelism : {1, 4}) {
            for (const bool chaining : {true, false}) {
                INFO(runtime << ", parallelism " << parallelism << ", chaining " << chaining);
                env.setParallelism(parallelism);
                if (!chaining) env.disableOperatorChaining();
                const DataStream<Event> timed =
                    env.fromCollection(events).assignTimestampsAndWatermarks(bounded(Duration{100}));
                const auto keyed = timed.keyBy(&Event::key);
                auto slides = std::make_shared<std::pair<std::mutex, std::vector<Row>>>();
                keyed.window(SlidingEventTimeWindows::of(Duration{100}, Duration{30}))
                    .aggregate(CountAndSum{}, toRow)
                    .addSink([slides](const Row& row) {
                        const std::lock_guard lock(slides->first);
                        slides->second.push_back(row);
                    });
                CHECK(sorted(keyed.window(TumblingEventTimeWindows::of(Duration{64}))
                                 .aggregate(CountAndSum{}, toRow)
                                 .executeAndCollect()) == tumbling);
                CHECK(sorted(slides->second) == sliding);
            }
        }
    });
}

TEST_CASE("late elements go to the side output with their timestamps; without it they are counted", "[api][threads]") {
    const OutputTag<Event> late("late");
    const std::vector<Event> events{{1, 1, 5}, {1, 2, 12}, {1, 4, 3}, {1, 8, 19}, {1, 16, 30}, {1, 32, 11}};
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        env.setParallelism(2);
        auto timed = env.fromCollection(events).assignTimestampsAndWatermarks(perRecord(0ns));
        auto sums = timed.keyBy(&Event::key)
                        .window(TumblingEventTimeWindows::of(10ns))
                        .sideOutputLateData(late)
                        .aggregate(CountAndSum{}, toRow);
        auto rows = std::make_shared<std::vector<Row>>();
        sums.addSink([rows](const Row& row) { rows->push_back(row); });
        std::vector<std::pair<Event, std::int64_t>> lateEvents;
        auto sink = std::make_shared<std::vector<std::pair<Event, std::int64_t>>>();
        sums.getSideOutput(late).addSink([sink](const Event& e, const SinkContext& context) {
            sink->push_back({e, context.timestamp.time_since_epoch().count()});
        });
        env.execute();
        CHECK(*rows == std::vector<Row>{{1, 0, 1, 1}, {1, 10, 2, 10}, {1, 30, 1, 16}});
        CHECK(*sink == std::vector<std::pair<Event, std::int64_t>>{{{1, 4, 3}, 3}, {{1, 32, 11}, 11}});

        env.fromCollection(events)
            .assignTimestampsAndWatermarks(perRecord(0ns))
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .sum(&Event::value)
            .addSink([](const Event&) {});
        const auto client = env.executeAsync();
        client->result();
        std::uint64_t dropped = 0;
        for (const OperatorMetrics& row : client->metrics()) dropped += row.lateRecordsDropped;
        CHECK(dropped == 2);
    });
}

TEST_CASE("allowed lateness fires a window again with what has come", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const std::vector<Event> events{{1, 1, 5}, {1, 2, 12}, {1, 4, 3}, {1, 8, 15}, {1, 16, 4}};
    CHECK(env.fromCollection(events)
              .assignTimestampsAndWatermarks(perRecord(0ns))
              .keyBy(&Event::key)
              .window(TumblingEventTimeWindows::of(10ns))
              .allowedLateness(5ns)
              .aggregate(CountAndSum{}, toRow)
              .executeAndCollect() == std::vector<Row>{{1, 0, 1, 1}, {1, 0, 2, 5}, {1, 10, 2, 10}});
}

TEST_CASE("results carry the last timestamp of their window, so windows can follow windows", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const std::vector<Event> events{{1, 3, 1}, {2, 5, 2}, {1, 4, 8}, {1, 9, 11}, {2, 1, 19}};
    auto perKey = env.fromCollection(events)
                      .assignTimestampsAndWatermarks(perRecord(0ns))
                      .keyBy(&Event::key)
                      .window(TumblingEventTimeWindows::of(10ns))
                      .sum(&Event::value);
    const auto top = perKey.keyBy([](const Event&) { return 0; })
                         .window(TumblingEventTimeWindows::of(10ns))
                         .maxBy(&Event::value)
                         .executeAndCollect();
    CHECK(top == std::vector<Event>{{1, 7, 1}, {1, 9, 11}});
}

TEST_CASE("process sees a whole window, its bounds and the watermark, and has side outputs", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const OutputTag<std::string> about("about");
    const std::vector<Event> events{{1, 3, 1}, {1, 4, 8}, {1, 9, 11}};
    auto windows =
        env.fromCollection(events)
            .assignTimestampsAndWatermarks(perRecord(0ns))
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .process([about](const int& key, WindowContext& context, std::span<const Event> elements,
                             Collector<std::string>& out) {
                std::string text = std::to_string(key) + ":";
                for (const Event& e : elements) text += " " + std::to_string(e.value);
                out.collect(text);
                context.output(
                    about,
                    "watermark " + (context.currentWatermark() == kMaxTimestamp
                                        ? std::string("max")
                                        : std::to_string(context.currentWatermark().time_since_epoch().count())));
            });
    std::vector<std::string> notes;
    windows.getSideOutput(about).addSink([&](const std::string& note) { notes.push_back(note); });
    CHECK(windows.executeAndCollect() == std::vector<std::string>{"1: 3 4", "1: 9"});
    CHECK(notes == std::vector<std::string>{"watermark 10", "watermark max"});
}

TEST_CASE("a union waits for its slower input; an idle one does not hold it back", "[api]") {
    const auto run = [](std::optional<Duration> idleness) {
        StreamExecutionEnvironment env{SimulatedRuntime(3)};
        auto [quiet, channel] = env.fromChannel<Event>(16, "quiet");
        auto [busy, feed] = env.fromChannel<Event>(16, "busy");
        auto strategy = perRecord(0ns);
        DataStream<Event> slow =
            idleness ? DataStream<Event>(quiet.assignTimestampsAndWatermarks(strategy.withIdleness(*idleness)))
                     : DataStream<Event>(quiet.assignTimestampsAndWatermarks(strategy));
        std::vector<Row> rows;
        slow.unionWith(DataStream<Event>(busy.assignTimestampsAndWatermarks(strategy)))
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .aggregate(CountAndSum{}, toRow)
            .addSink([&rows](const Row& row) { rows.push_back(row); });
        const auto client = env.executeAsync();
        REQUIRE(feed.push({1, 7, 3}));
        REQUIRE(feed.push({1, 7, 25}));
        env.runtime().advance(10s);
        const std::size_t beforeTheEnd = rows.size();
        feed.close();
        channel.close();
        client->result();
        CHECK(rows == std::vector<Row>{{1, 0, 1, 7}, {1, 20, 1, 7}});
        return beforeTheEnd;
    };
    CHECK(run(std::nullopt) == 0);
    CHECK(run(1s) == 1);
}

TEST_CASE("stop with drain fires open windows, without it none", "[api]") {
    for (const bool drain : {true, false}) {
        CAPTURE(drain);
        StreamExecutionEnvironment env{SimulatedRuntime(5)};
        auto [events, channel] = env.fromChannel<Event>();
        std::vector<Row> rows;
        events.assignTimestampsAndWatermarks(perRecord(0ns))
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .aggregate(CountAndSum{}, toRow)
            .addSink([&rows](const Row& row) { rows.push_back(row); });
        const auto client = env.executeAsync();
        REQUIRE(channel.push({1, 7, 3}));
        env.runtime().advance(1s);
        CHECK(rows.empty());
        client->stop(drain);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(rows.size() == (drain ? 1u : 0u));
    }
}

TEST_CASE("cancel closes at once and result says so", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        auto [numbers, channel] = env.fromChannel<int>();
        numbers.addSink([](int) {});
        const auto client = env.executeAsync("endless");
        client->cancel();
        CHECK_THROWS_AS(client->result(), JobCancelledException);
        CHECK(client->status() == JobStatus::Canceled);
        CHECK_FALSE(channel.push(1));
    });
}

TEST_CASE("the host feeds a pipeline through a channel and takes results from another", "[api][threads]") {
    StreamExecutionEnvironment env(ThreadPoolRuntime(2));
    Channel<int> in(8);
    Channel<std::string> out(8);
    env.fromChannel(in).map([](int x) { return std::to_string(x * x); }).sinkTo(ChannelSink(out));
    const auto client = env.executeAsync();
    std::thread producer([in] {
        for (int i = 0; i < 1000; ++i) (void)in.push(i);
        in.close();
    });
    std::vector<std::string> received;
    while (auto text = out.pop()) received.push_back(std::move(*text));
    producer.join();
    client->result();
    std::vector<std::string> expected;
    for (int i = 0; i < 1000; ++i) expected.push_back(std::to_string(i * i));
    CHECK(received == expected);
}

TEST_CASE("punctuated and periodic generators of one's own", "[api]") {
    struct OnEven {
        void onEvent(const Event& e, Timestamp timestamp, WatermarkOutput& output) {
            if (e.value % 2 == 0) output.emitWatermark(timestamp);
        }
        void onPeriodicEmit(WatermarkOutput&) {}
    };
    StreamExecutionEnvironment env{CallerRuntime()};
    const std::vector<Event> events{{1, 1, 5}, {1, 3, 12}, {1, 5, 7}, {1, 6, 13}, {1, 7, 8}};
    CHECK(env.fromCollection(events)
              .assignTimestampsAndWatermarks(
                  WatermarkStrategy::forGenerator([] { return OnEven{}; }).withTimestampAssigner(EventTime{}))
              .keyBy(&Event::key)
              .window(TumblingEventTimeWindows::of(10ns))
              .aggregate(CountAndSum{}, toRow)
              .executeAndCollect() == std::vector<Row>{{1, 0, 2, 6}, {1, 10, 2, 9}});
}

TEST_CASE("the plan is the same however often it is built, and knows stages, exchanges and parameters", "[api]") {
    const auto plan = [](bool renamed) {
        StreamExecutionEnvironment env{CallerRuntime()};
        env.setParallelism(2);
        env.fromCollection(std::vector<Event>{})
            .assignTimestampsAndWatermarks(perRecord(0ns))
            .filter([](const Event&) { return true; })
            .name(renamed ? "other name" : "filter")
            .keyBy(&Event::key)
            .window(TumblingEventTimeWindows::of(1min))
            .allowedLateness(5s)
            .sum(&Event::value)
            .uid("sums")
            .print();
        return env.getExecutionPlan();
    };
    CHECK(plan(false).toJson() == plan(false).toJson());
    CHECK(plan(false).fingerprint() == plan(true).fingerprint());
    const std::string json = plan(false).toJson();
    for (const char* part : {"\"uid\": \"sums\"", "\"exchange\": \"HASH\"", "\"exchange\": \"FUSED\"",
                             "\"size\": \"1min\"", "\"allowedLateness\": \"5s\"", "\"parallelism\": 2"}) {
        CHECK_THAT(json, Catch::Matchers::Contains(part));
    }
    CHECK_THAT(plan(false).toDot(), Catch::Matchers::StartsWith("digraph job {"));
    CHECK_THAT(plan(false).toMermaid(), Catch::Matchers::StartsWith("flowchart LR\n"));
}

TEST_CASE("a generator that emits behind a record and behind the block does not disturb a firing window", "[api]") {
    struct Both {
        Timestamp last = kMinTimestamp;
        void onEvent(const Event&, Timestamp timestamp, WatermarkOutput& output) {
            last = timestamp;
            output.emitWatermark(timestamp - 20ns);
        }
        void onPeriodicEmit(WatermarkOutput& output) const { output.emitWatermark(last - 10ns); }
    };
    std::vector<Event> events;
    for (int round = 0; round < 4; ++round) {
        for (int key = 0; key < 5000; ++key) events.push_back({key, 1, round * 100 + key / 100});
    }
    const auto expected = naiveWindows(events, 100, 100);
    for (const std::uint64_t seed : {9, 10, 11}) {
        CAPTURE(seed);
        StreamExecutionEnvironment env{SimulatedRuntime(seed)};
        env.setParallelism(1).disableOperatorChaining();
        auto strategy = WatermarkStrategy::forGenerator([] { return Both{}; }).withTimestampAssigner(EventTime{});
        CHECK(sorted(env.fromSource(CollectionSource<Event>(events), strategy)
                         .keyBy(&Event::key)
                         .window(TumblingEventTimeWindows::of(100ns))
                         .allowedLateness(30ns)
                         .aggregate(CountAndSum{}, toRow)
                         .executeAndCollect()) == expected);
    }
}

TEST_CASE("the watermark of assignTimestampsAndWatermarks is what its metrics show", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    auto [events, channel] = env.fromChannel<Event>();
    events.assignTimestampsAndWatermarks(bounded(0ns)).name("assigner").addSink([](const Event&) {});
    const auto client = env.executeAsync();
    REQUIRE(channel.tryPush(Event{1, 1, 42}));
    while (client->step()) {}
    Timestamp shown = kMinTimestamp;
    for (const OperatorMetrics& row : client->metrics()) {
        if (row.name == "assigner") shown = row.watermark;
    }
    CHECK(shown == at(41));
    channel.close();
    client->result();
}

TEST_CASE("a source that comes back from idleness behind the others: a union leaves it out, connect waits for it",
          "[api]") {
    const bool connected = GENERATE(false, true);
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed, connected);
        StreamExecutionEnvironment env{SimulatedRuntime(seed)};
        env.setParallelism(1);
        Channel<Event> quiet(16);
        Channel<Event> busy(16);
        const auto strategy = bounded(0ns);
        auto first = env.fromSource(ChannelSource<Event>(quiet), strategy.withIdleness(1s), "quiet");
        auto second = env.fromSource(ChannelSource<Event>(busy), strategy, "busy");
        const auto same = [](const Event& event) { return event; };
        if (connected) {
            first.connect(second).map(same, same).name("probe").addSink([](const Event&) {});
        } else {
            first.unionWith(second).map(same).name("probe").addSink([](const Event&) {});
        }
        const auto job = env.executeAsync();
        const auto watermarkAfter = [&](Channel<Event>& channel, std::int64_t time, Duration wait) {
            REQUIRE(channel.push({1, 1, time}));
            env.runtime().advance(wait);
            for (const OperatorMetrics& row : job->metrics()) {
                if (row.name == "probe") return row.watermark;
            }
            return kMinTimestamp;
        };
        CHECK(watermarkAfter(quiet, 6, 10ms) == kMinTimestamp);
        CHECK(watermarkAfter(busy, 10, 10ms) == at(5));
        env.runtime().advance(10s);
        CHECK(watermarkAfter(busy, 10, 10ms) == at(9));  // the quiet one is idle
        CHECK(watermarkAfter(quiet, 8, 10ms) == at(9));  // back at 7: no step back
        CHECK(watermarkAfter(busy, 13, 10ms) == (connected ? at(9) : at(12)));
        CHECK(watermarkAfter(quiet, 20, 10ms) == at(12));
        job->cancel();
    }
}

TEST_CASE(
    "to wait for the longest time there is, is no wait without end: a simulation with an open channel goes on after it",
    "[api]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    auto [numbers, channel] = env.fromChannel<int>();
    std::vector<int> seen;
    numbers.setParallelism(1).addSink([&](int n) { seen.push_back(n); }).setParallelism(1);
    const auto client = env.executeAsync();
    CHECK(channel.push(1));
    CHECK_FALSE(client->waitFor(Duration::max()));
    CHECK(channel.push(2));
    channel.close();
    CHECK(client->result().status == JobStatus::Finished);
    CHECK(seen == std::vector<int>{1, 2});
}
