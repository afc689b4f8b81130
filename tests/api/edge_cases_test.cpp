#include <millrace/batch.hpp>
#include <millrace/millrace.hpp>

#include <millrace/testing/operator_harness.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// Rules at the edges that no other test states; docs/edge_cases.md lists all of them.

using namespace millrace;
using namespace millrace::testing;
using testsupport::onEveryRuntime;
using testsupport::sorted;

namespace {

struct Reading {
    std::string sensor;
    std::int64_t value = 0;
    std::int64_t time = 0;
    auto operator<=>(const Reading&) const = default;
};

auto byTime(std::int64_t delay) {
    return WatermarkStrategy::forBoundedOutOfOrderness(Duration{delay})
        .withTimestampAssigner([](const Reading& reading) { return at(reading.time); });
}

auto assigning(std::int64_t delay) {
    return harnessFor<Reading>([=](DataStream<Reading> in) { return in.assignTimestampsAndWatermarks(byTime(delay)); });
}

/// Watermarks only.
template <class Out>
std::vector<std::int64_t> watermarksIn(const Trace<Out>& trace) {
    std::vector<std::int64_t> watermarks;
    for (const auto& item : trace) {
        if (item.kind == TraceKind::Watermark) watermarks.push_back(item.time.time_since_epoch().count());
    }
    return watermarks;
}

/// Elements and timers in the order in which a keyed function sees them, each with the key.
struct Diary {
    void processElement(const Reading& reading, KeyedProcessContext<std::string>& context,
                        Collector<std::string>& out) {
        auto& timers = context.timerService();
        timers.registerEventTimeTimer(at(1'000'000));
        timers.registerProcessingTimeTimer(timers.currentProcessingTime() + std::chrono::hours(1000));
        out.collect(reading.sensor + " " + std::to_string(reading.time));
    }
    void onTimer(Timestamp, OnTimerContext<std::string>& context, Collector<std::string>& out) {
        out.collect(context.currentKey() +
                    (context.timeDomain() == TimeDomain::EventTime ? " event timer" : " processing timer"));
    }
};

std::vector<Reading> unorderedReadings() {
    std::vector<Reading> readings;
    for (std::int64_t i = 0; i < 60; ++i) readings.push_back({i % 3 == 0 ? "a" : "b", i, i * 37 % 60});
    return readings;
}

}  // namespace

TEST_CASE("with an out-of-orderness of 5 a record at 100 makes the watermark 94; before any record there is none",
          "[api][edge]") {
    auto harness = assigning(5);
    harness.processElements({{"a", 1, 100}, {"a", 2, 97}}, {});
    CHECK(watermarksIn(harness.takeOutput()) == std::vector<std::int64_t>{94});
    auto silent = assigning(5);
    silent.processWatermark(at(50));
    silent.setProcessingTime(Timestamp(std::chrono::hours(1)));
    silent.endInput();
    CHECK(silent.output() == trace(endOfInput()));
}

TEST_CASE(
    "a watermark that has not grown is not passed on; of its input's watermarks "
    "assignTimestampsAndWatermarks passes only the last one",
    "[api][edge]") {
    auto harness = assigning(0);
    harness.processElement({"a", 1, 10});
    harness.processElement({"a", 2, 10});
    harness.processElement({"a", 3, 7});
    harness.processWatermark(at(500));
    harness.processElement({"a", 4, 11});
    harness.processWatermark(kMaxTimestamp);
    CHECK(watermarksIn(harness.output()) == std::vector<std::int64_t>{9, 10, kMaxTimestamp.time_since_epoch().count()});
}

TEST_CASE(
    "a channel that comes back behind is ignored until it has caught up; an input of a connected operator counts "
    "at once and holds event time back",
    "[api][edge]") {
    const auto run = [](auto pipeline) {
        auto harness = harnessFor<int, int>(pipeline);
        harness.processWatermark1(at(5));
        harness.processWatermark2(at(9));
        CHECK(watermarksIn(harness.takeOutput()) == std::vector<std::int64_t>{5});
        harness.processIdle1();
        CHECK(watermarksIn(harness.takeOutput()) == std::vector<std::int64_t>{9});
        harness.processActive1();
        harness.processWatermark1(at(7));
        CHECK(watermarksIn(harness.takeOutput()).empty());
        harness.processWatermark2(at(12));
        return watermarksIn(harness.takeOutput());
    };
    const auto same = [](int x) { return x; };
    CHECK(run([&](DataStream<int> a, DataStream<int> b) { return a.unionWith(b).map(same); }) ==
          std::vector<std::int64_t>{12});
    CHECK(run([&](DataStream<int> a, DataStream<int> b) { return a.connect(b).map(same, same); }).empty());
}

TEST_CASE("a record at the very end of a session joins it only if the session has not fired", "[api][edge]") {
    auto harness = harnessFor<Reading>([](DataStream<Reading> in) {
        return in.keyBy(&Reading::sensor)
            .window(EventTimeSessionWindows::withGap(Duration{10}))
            .process([](const std::string& key, const TimeWindow& window, std::span<const Reading> all) {
                return key + " " + std::to_string(window.start.time_since_epoch().count()) + " " +
                       std::to_string(all.size());
            });
    });
    for (const std::string key : {"a", "b"}) harness.processElement({key, 1, 0}, at(0));
    harness.processElement({"a", 2, 10}, at(10));
    harness.processWatermark(at(9));
    harness.processElement({"b", 2, 10}, at(10));
    harness.processWatermark(at(19));
    const auto output = harness.takeOutput();
    REQUIRE(output.size() == 5);
    CHECK(*output[0].value == "b 0 1");
    CHECK(sorted(std::vector<std::string>{*output[2].value, *output[3].value}) ==
          std::vector<std::string>{"a 0 2", "b 10 1"});
}

TEST_CASE(
    "at the end of a bounded stream event timers fire and processing timers do not; in batch both fire at the end "
    "of each key",
    "[api][edge][threads]") {
    for (const bool batch : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime, batch);
            if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
            env.setParallelism(2);
            const std::vector<std::string> seen = env.fromCollection(unorderedReadings())
                                                      .assignTimestampsAndWatermarks(byTime(60))
                                                      .keyBy(&Reading::sensor)
                                                      .process(Diary{})
                                                      .executeAndCollect();
            std::map<std::string, std::vector<std::string>> ofKey;
            for (const std::string& line : seen) ofKey[line.substr(0, 1)].push_back(line.substr(2));
            CHECK(ofKey.size() == 2);
            for (auto& [key, lines] : ofKey) {
                std::vector<std::string> timers;
                while (!lines.empty() && lines.back().find("timer") != std::string::npos) {
                    timers.insert(timers.begin(), lines.back());
                    lines.pop_back();
                }
                CHECK(lines.size() == (key == "a" ? 20u : 40u));
                REQUIRE_FALSE(timers.empty());
                CHECK(timers.front() == "event timer");
                CHECK((timers.size() > 1) == batch);  // the rest are processing timers
            }
        });
    }
}

TEST_CASE("in batch the elements of a keyed stream come grouped by key and sorted by time, equal times as they came",
          "[api][edge][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setRuntimeMode(RuntimeExecutionMode::Batch, {600, {}});
        env.setParallelism(1);
        std::vector<Reading> readings = unorderedReadings();
        for (const Reading& reading : unorderedReadings()) readings.push_back({reading.sensor, 100, reading.time});
        const std::vector<Reading> seen = env.fromCollection(readings)
                                              .assignTimestampsAndWatermarks(byTime(0))
                                              .keyBy(&Reading::sensor)
                                              .process([](const Reading& reading, KeyedProcessContext<std::string>&,
                                                          Collector<Reading>& out) { out.collect(reading); })
                                              .executeAndCollect();
        std::vector<Reading> expected = readings;
        std::stable_sort(expected.begin(), expected.end(), [&](const Reading& x, const Reading& y) {
            // whichever key comes first
            return std::tuple(x.sensor != seen.front().sensor, x.time) <
                   std::tuple(y.sensor != seen.front().sensor, y.time);
        });
        CHECK(seen == expected);
    });
}

TEST_CASE("in batch a broadcast stream is complete before the first keyed element", "[api][edge][threads]") {
    static const MapStateDescriptor<std::int64_t, std::int64_t> kRules("rules");
    struct CountRules {
        void processElement(const Reading&, KeyedReadOnlyContext<std::string>& context, Collector<std::size_t>& out) {
            std::size_t rules = 0;
            for ([[maybe_unused]] const auto& rule : context.getBroadcastState(kRules).entries()) ++rules;
            out.collect(rules);
        }
        void processBroadcastElement(std::int64_t rule, KeyedBroadcastContext<std::string>& context,
                                     Collector<std::size_t>&) {
            context.getBroadcastState(kRules).put(rule, rule);
        }
    };
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setRuntimeMode(RuntimeExecutionMode::Batch);
        env.setParallelism(3);
        const auto readings = env.fromCollection(unorderedReadings()).assignTimestampsAndWatermarks(byTime(0));
        const std::vector<std::size_t> counts = readings.keyBy(&Reading::sensor)
                                                    .connect(env.fromSequence(1, 2000).broadcast(kRules))
                                                    .process(CountRules{})
                                                    .executeAndCollect();
        CHECK(counts == std::vector<std::size_t>(60, 2000));
    });
}

TEST_CASE("the key group of a key does not change with the parallelism, and its owner sees all of the key",
          "[api][edge]") {
    struct Where {
        int subtask = 0;
        void open(RuntimeContext& context) { subtask = context.subtaskIndex(); }
        std::pair<std::int64_t, int> operator()(std::int64_t key) const { return {key, subtask}; }
    };
    for (const int parallelism : {1, 2, 3, 7}) {
        CAPTURE(parallelism);
        StreamExecutionEnvironment env{SimulatedRuntime(5)};
        env.setParallelism(parallelism);
        env.setMaxParallelism(128);
        const auto seen = env.fromSequence(-500, 499)
                              .unionWith(env.fromSequence(-500, 499))
                              .keyBy([](std::int64_t x) { return x; })
                              .map(Where{})
                              .executeAndCollect();
        CHECK(seen.size() == 2000);
        std::size_t elsewhere = 0;
        for (const auto& [key, subtask] : seen) {
            const int group = keyGroupFor(keyHash(key), 128);
            if (subtask != subtaskForKeyGroup(group, parallelism, 128)) ++elsewhere;
        }
        CHECK(elsewhere == 0);
    }
}

TEST_CASE("accumulators are summed over the subtasks, part of the job's result, and not part of a snapshot",
          "[api][edge][threads]") {
    struct Counting {
        LongCounter* seen = nullptr;
        void open(KeyedRuntimeContext& context) { seen = &context.counter("seen"); }
        void processElement(const Reading& reading, KeyedProcessContext<std::string>&, Collector<Reading>& out) {
            seen->add();
            out.collect(reading);
        }
    };
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(3);
        env.fromCollection(unorderedReadings()).keyBy(&Reading::sensor).process(Counting{}).addSink([](const Reading&) {
        });
        CHECK(env.execute().accumulator("seen") == 60);
    });
    auto harness = harnessForKeyedProcess<Reading>(&Reading::sensor, Counting{});
    harness.processElement({"a", 1, 1});
    harness.processElement({"b", 1, 1});
    auto restored = harnessForKeyedProcess<Reading>(&Reading::sensor, Counting{});
    restored.restore(harness.snapshot());
    restored.processElement({"a", 1, 1});
    CHECK(std::get<std::int64_t>(harness.accumulators().values().at("seen")) == 2);
    CHECK(std::get<std::int64_t>(restored.accumulators().values().at("seen")) == 1);
}
