#include "api/api_fixtures.hpp"

#include <millrace/pre_aggregation.hpp>
#include <millrace/testing.hpp>
#include <millrace/testing/verify_exactly_once.hpp>

#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

// Windows that add up in front of the exchange give what they give without that.

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Reading {
    std::string sensor;
    std::int64_t value = 0;
    Timestamp time;
    auto operator<=>(const Reading&) const = default;
};

struct Totals {
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t largest = INT64_MIN;
};
struct Total {
    using Accumulator = Totals;
    Totals createAccumulator() const { return {}; }
    void add(const Reading& reading, Totals& acc) const {
        ++acc.count;
        acc.sum += reading.value;
        acc.largest = std::max(acc.largest, reading.value);
    }
    Totals getResult(const Totals& acc) const { return acc; }
    void merge(Totals& into, const Totals& other) const {
        into.count += other.count;
        into.sum += other.sum;
        into.largest = std::max(into.largest, other.largest);
    }
};

enum class How { Off, Adaptive, Always };

struct Fired {
    std::string sensor;
    std::int64_t start = 0;
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t largest = 0;
    auto operator<=>(const Fired&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Fired& fired) {
    return out << fired.sensor << " from " << fired.start << ": " << fired.count << " of " << fired.sum;
}
std::ostream& operator<<(std::ostream& out, const Reading& reading) {
    return out << reading.sensor << ":" << reading.value << "@" << reading.time.time_since_epoch().count();
}
const auto describe = [](const std::string& sensor, const TimeWindow& window, const Totals& totals) {
    return Fired{sensor, window.start.time_since_epoch().count(), totals.count, totals.sum, totals.largest};
};

template <class Windows>
DataStream<Fired> totals(const Windows& windows, How how) {
    if (how == How::Off) return windows.aggregate(Total{}, describe).uid("totals");
    return windows.preAggregate(how == How::Always ? PreAggregation::Always : PreAggregation::Adaptive)
        .aggregate(Total{}, describe)
        .uid("totals");
}

/// Several sources that do things in turns: in one all emit readings, then one after the other moves event time or becomes
/// idle, and nothing happens before what was before has been done. So what is late is the same in every schedule.
struct Input {
    std::vector<testing::Script<Reading>> scripts;
    std::int64_t readings = 0;
};
Input randomInput(std::uint64_t seed) {
    testing::Random random(seed);
    Input input;
    input.scripts.resize(static_cast<std::size_t>(random.between(1, 3)));
    std::vector<std::int64_t> watermarks(input.scripts.size(), -1);
    const std::int64_t disorder = random.oneOf<std::int64_t>({1, 10, 40});
    const bool idles = random.chance(60);
    std::int64_t now = 0;
    for (int turn = 0; turn < 12; ++turn) {
        for (testing::Script<Reading>& script : input.scripts) {
            for (std::int64_t i = random.oneOf<std::int64_t>({0, 3, 40}); i > 0; --i) {
                const std::int64_t time = std::max<std::int64_t>(0, now + random.below(12) - random.below(disorder));
                script.element({random.oneOf({"a", "b", "c", "d"}), random.below(100), Timestamp(time * 1ns)},
                               Timestamp(time * 1ns));
                ++input.readings;
                if (random.chance(5)) script.endBlock();
            }
            script.pause(1s);
        }
        now += random.below(20);
        const auto sources = static_cast<std::int64_t>(input.scripts.size());
        for (std::size_t i = 0; i < input.scripts.size(); ++i) {
            input.scripts[i].pause(static_cast<std::int64_t>(i) * 1s);
            if (idles && random.chance(30)) {
                input.scripts[i].idle();
            } else if (random.chance(70)) {
                watermarks[i] = std::max(watermarks[i], now - random.below(disorder));
                input.scripts[i].watermark(Timestamp(watermarks[i] * 1ns));
            }
            input.scripts[i].pause((sources - static_cast<std::int64_t>(i)) * 1s);
        }
    }
    return input;
}

struct Outcome {
    std::vector<Fired> results;
    std::vector<Reading> late;
    std::uint64_t dropped = 0;
    bool operator==(const Outcome&) const = default;
};

/// Windows that fire again for late readings, which come in any order, show different sums on the way: of those only the number
/// of readings is compared, and the last sum.
std::vector<Fired> settled(std::vector<Fired> results) {
    std::sort(results.begin(), results.end(), [](const Fired& a, const Fired& b) {
        return std::tie(a.sensor, a.start, a.count) < std::tie(b.sensor, b.start, b.count);
    });
    for (std::size_t i = 0; i + 1 < results.size(); ++i) {
        const Fired& next = results[i + 1];
        if (results[i].sensor == next.sensor && results[i].start == next.start) results[i].sum = results[i].largest = 0;
    }
    return results;
}

struct Setup {
    std::uint64_t seed = 0;
    int readers = 1;  ///< parallelism in front of the exchange
    int parallelism = 1;
    bool spread = false;
    bool sideOutput = true;
    Duration size{};
    Duration slide{};
    Duration lateness{};
};
Setup randomSetup(std::uint64_t seed) {
    testing::Random random(seed * 7919);
    Setup setup;
    setup.seed = seed;
    setup.readers = static_cast<int>(random.between(1, 3));
    setup.parallelism = static_cast<int>(random.between(1, 4));
    setup.spread = random.chance(50);
    setup.sideOutput = random.chance(70);
    setup.size = random.between(1, 20) * 1ns;
    setup.slide = random.chance(40) ? setup.size : random.between(1, 25) * 1ns;
    setup.lateness = random.oneOf<std::int64_t>({0, 0, 7, 30}) * 1ns;
    return setup;
}

template <class Assigner>
Outcome run(const Setup& setup, const Input& input, std::uint64_t schedule, How how, Assigner assigner) {
    StreamExecutionEnvironment env{SimulatedRuntime(schedule)};
    env.setParallelism(setup.parallelism);
    const OutputTag<Reading> lateTag("late");
    DataStream<Reading> readings = env.fromSource(testing::ScriptedSource<Reading>(input.scripts.front()),
                                                  WatermarkStrategy::noWatermarks(), "source 0");
    for (std::size_t i = 1; i < input.scripts.size(); ++i) {
        readings = readings.unionWith(DataStream<Reading>(env.fromSource(
            testing::ScriptedSource<Reading>(input.scripts[i]), WatermarkStrategy::noWatermarks(), "source")));
    }
    if (setup.spread) {
        readings = readings.rebalance().map([](Reading reading) { return reading; }).setParallelism(setup.readers);
    }
    auto windows = readings.keyBy(&Reading::sensor).window(assigner).allowedLateness(setup.lateness);
    if (setup.sideOutput) windows = windows.sideOutputLateData(lateTag);
    DataStream<Fired> fired = totals(windows, how);
    testing::CollectSink<Fired> results;
    testing::CollectSink<Reading> late;
    fired.sinkTo(results);
    if (setup.sideOutput) fired.getSideOutput(lateTag).sinkTo(late);
    const auto job = env.executeAsync();
    job->result();
    Outcome outcome{settled(results.elements()), sorted(late.elements()), 0};
    for (const OperatorMetrics& each : job->metrics()) outcome.dropped += each.lateRecordsDropped;
    return outcome;
}
Outcome run(const Setup& setup, const Input& input, std::uint64_t schedule, How how) {
    if (setup.size == setup.slide) {
        return run(setup, input, schedule, how, TumblingEventTimeWindows::of(setup.size));
    }
    return run(setup, input, schedule, how, SlidingEventTimeWindows::of(setup.size, setup.slide));
}

struct Sale {
    int shop = 0;
    std::int64_t amount = 0;
    Timestamp time{};
    auto operator<=>(const Sale&) const = default;
};
struct Sales {
    struct Accumulator {
        std::int64_t count = 0;
        std::int64_t amount = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Sale& sale, Accumulator& acc) const {
        ++acc.count;
        acc.amount += sale.amount;
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
    void merge(Accumulator& into, const Accumulator& other) const {
        into.count += other.count;
        into.amount += other.amount;
    }
};
using ShopSales = std::tuple<int, Timestamp, std::int64_t, std::int64_t>;
const auto describeSales = [](int shop, const TimeWindow& window, const Sales::Accumulator& acc) {
    return ShopSales{shop, window.start, acc.count, acc.amount};
};
Sale anySale(testing::Random& random) {
    return {static_cast<int>(random.below(4)), random.between(1, 9), Timestamp(random.below(200) * 1s)};
}

}  // namespace

TEST_CASE("windows give the same with and without adding up in front of the exchange", "[api][pre-aggregate]") {
    std::size_t results = 0;
    std::size_t late = 0;
    std::uint64_t dropped = 0;
    constexpr auto kSeeds = roundsToTry<std::uint64_t>(200);
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const Setup setup = randomSetup(seed);
        const Input input = randomInput(seed);
        CAPTURE(seed, setup.readers, setup.parallelism, setup.spread, setup.sideOutput, setup.size.count(),
                setup.slide.count(), setup.lateness.count(), input.scripts.size());
        const Outcome expected = run(setup, input, seed, How::Off);
        for (const How how : {How::Adaptive, How::Always}) {
            const Outcome outcome = run(setup, input, seed * 31 + static_cast<std::uint64_t>(how), how);
            CHECK(outcome.results == expected.results);
            CHECK(outcome.late == expected.late);
            CHECK(outcome.dropped == expected.dropped);
        }
        results += expected.results.size();
        late += expected.late.size();
        dropped += expected.dropped;
    }
    CHECK(results > 25 * kSeeds);  // else nothing was compared
    CHECK(late > 3 * kSeeds / 2);
    CHECK(dropped > 3 * kSeeds / 10);
}

TEST_CASE("fewer records go over the exchange, and none where there is no exchange to spare", "[api][pre-aggregate]") {
    const auto recordsInto = [](int parallelism, How how) {
        StreamExecutionEnvironment env{SimulatedRuntime(5)};
        env.setParallelism(parallelism);
        const auto reading = [](std::uint64_t i) {
            return Reading{std::string("abc").substr(i % 3, 1), 1, Timestamp(static_cast<std::int64_t>(i) * 1ms)};
        };
        const DataStream<Reading> readings = env.fromSource(
            DataGeneratorSource(reading, 20'000),
            WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Reading::time), "readings");
        testing::CollectSink<Fired> results;
        totals(readings.keyBy(&Reading::sensor).window(TumblingEventTimeWindows::of(1s)), how).sinkTo(results);
        const auto job = env.executeAsync();
        job->result();
        std::int64_t count = 0;
        for (const Fired& fired : results.elements()) count += fired.count;
        CHECK(count == 20'000);
        CHECK(results.size() == 60);
        std::uint64_t into = 0;
        for (const OperatorMetrics& each : job->metrics()) {
            if (each.uid == "totals") into += each.recordsIn;
        }
        return into;
    };
    CHECK(recordsInto(2, How::Off) == 20'000);
    CHECK(recordsInto(2, How::Always) < 10'000);  // the first of each subtask go on as they are
    CHECK(recordsInto(2, How::Adaptive) < 10'000);
    CHECK(recordsInto(1, How::Always) == 20'000);
}

TEST_CASE("the plan shows what is in front of the exchange, and uids do not depend on it", "[api][pre-aggregate]") {
    const auto planOf = [](How how, bool unions) {
        StreamExecutionEnvironment env{SimulatedRuntime(1)};
        env.setParallelism(2);
        const auto source = [&](const char* name) {
            return DataStream<Sale>(
                env.fromSource(DataGeneratorSource([](std::uint64_t) { return Sale{}; }, 1),
                               WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Sale::time), name)
                    .uid(name));
        };
        DataStream<Sale> sales = source("one");
        if (unions) sales = sales.unionWith(source("two"));
        const auto windows = sales.keyBy(&Sale::shop).window(SlidingEventTimeWindows::of(1min, 10s));
        if (how == How::Off) {
            windows.sum(&Sale::amount).map([](const Sale& sale) { return sale.amount; }).addSink([](std::int64_t) {});
        } else {
            windows.preAggregate(PreAggregation::Always)
                .sum(&Sale::amount)
                .map([](const Sale& sale) { return sale.amount; })
                .addSink([](std::int64_t) {});
        }
        return env.getExecutionPlan().toJson();
    };
    const auto uidOf = [](const std::string& plan, const std::string& name) {
        const std::size_t at = plan.find("\"name\": \"" + name + "\"");
        REQUIRE(at != std::string::npos);
        const std::size_t uid = plan.rfind("\"uid\": \"", at) + 8;
        return plan.substr(uid, plan.find('"', uid) - uid);
    };
    const std::string plan = planOf(How::Always, false);
    for (const bool unions : {false, true}) {
        const std::string off = planOf(How::Off, unions);
        const std::string on = planOf(How::Always, unions);
        for (const char* name : {"sliding window sum", "map", "sink"}) CHECK(uidOf(on, name) == uidOf(off, name));
        CHECK(uidOf(on, "local sliding window sum") == uidOf(on, "sliding window sum") + "/local");
    }
    CHECK_THAT(planOf(How::Always, true), ContainsSubstring("/local 2\""));
    CHECK_THAT(plan,
               ContainsSubstring("\"name\": \"local sliding window sum\", \"kind\": \"local sliding window sum\", "
                                 "\"stage\": 2, \"parallelism\": 2, \"predecessors\": [{\"id\": 1, \"exchange\": "
                                 "\"FORWARD\"}]}"));
    CHECK_THAT(plan,
               ContainsSubstring("\"parameters\": {\"preAggregate\": \"always\", \"size\": \"1min\", \"slide\": "
                                 "\"10s\"}, \"states\": [\"windows\"], \"predecessors\": [{\"id\": 2, \"exchange\": "
                                 "\"HASH\"}]"));
}

TEST_CASE("reductions add up in front of the exchange, and windows of a whole stream, too",
          "[api][pre-aggregate][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(2);
        std::vector<Sale> all;
        for (int i = 0; i < 4000; ++i) all.push_back({i % 3, i % 10, Timestamp(i * 10ms)});
        const DataStream<Sale> sales =
            DataStream<Sale>(
                env.fromCollection(all).rebalance().map([](const Sale& sale) { return sale; }).setParallelism(2))
                .assignTimestampsAndWatermarks(
                    WatermarkStrategy::forBoundedOutOfOrderness(10s).withTimestampAssigner(&Sale::time));
        const auto windows =
            sales.keyBy(&Sale::shop).window(TumblingEventTimeWindows::of(10s)).preAggregate(PreAggregation::Always);
        testing::CollectSink<std::int64_t> sums;
        testing::CollectSink<std::pair<int, std::int64_t>> largest;
        testing::CollectSink<std::int64_t> whole;
        windows.reduce([](const Sale& a, const Sale& b) {
                   return Sale{a.shop, a.amount + b.amount, a.time};
               })
            .map([](const Sale& sale) { return sale.amount; })
            .sinkTo(sums);
        windows
            .reduce([](const Sale& a, const Sale& b) { return a.amount >= b.amount ? a : b; },
                    [](int shop, const TimeWindow&, const Sale& best) { return std::pair(shop, best.amount); })
            .sinkTo(largest);
        sales.windowAll(TumblingEventTimeWindows::of(20s))
            .preAggregate()
            .sum(&Sale::amount)
            .map([](const Sale& sale) { return sale.amount; })
            .sinkTo(whole);
        env.execute();
        std::map<std::pair<std::int64_t, int>, std::int64_t> expected;
        for (const Sale& sale : all) expected[{sale.time.time_since_epoch() / 10s, sale.shop}] += sale.amount;
        std::vector<std::int64_t> expectedSums;
        for (const auto& [window, sum] : expected) expectedSums.push_back(sum);
        CHECK(sorted(sums.elements()) == sorted(expectedSums));
        CHECK(sorted(largest.elements()) ==
              sorted(std::vector<std::pair<int, std::int64_t>>{
                  {0, 9}, {0, 9}, {0, 9}, {0, 9}, {1, 9}, {1, 9}, {1, 9}, {1, 9}, {2, 9}, {2, 9}, {2, 9}, {2, 9}}));
        CHECK(whole.elements() == std::vector<std::int64_t>{9000, 9000});
    });
}

TEST_CASE("adding up in front of the exchange is exactly once", "[api][pre-aggregate][exactly-once][long]") {
    // one type for all: what checks them is compiled once
    struct Pipeline {
        PreAggregation when;
        Duration slide;
        DataStream<ShopSales> operator()(const DataStream<Sale>& sales) const {
            return sales.keyBy(&Sale::shop)
                .window(SlidingEventTimeWindows::of(1min, slide))
                .preAggregate(when)
                .aggregate(Sales{}, describeSales);
        }
    };
    CHECK(
        testing::verifyExactlyOnce<Sale>(Pipeline{PreAggregation::Always, 1min}, anySale,
                                         {.time = &Sale::time, .outOfOrderness = 30s, .runs = 120, .mostEvents = 80}));
    CHECK(testing::verifyExactlyOnce<Sale>(
        Pipeline{PreAggregation::Adaptive, 25s}, anySale,
        {.time = &Sale::time, .outOfOrderness = 30s, .runs = 80, .seed = 1000, .mostEvents = 80}));
}

TEST_CASE("batch execution gives the same with and without adding up", "[api][pre-aggregate]") {
    const auto pipeline = [](How how) {
        return [how](const DataStream<Sale>& sales) {
            const auto windows = sales.keyBy(&Sale::shop).window(SlidingEventTimeWindows::of(1min, 20s));
            return how == How::Off ? DataStream<ShopSales>(windows.aggregate(Sales{}, describeSales))
                                   : DataStream<ShopSales>(windows.preAggregate().aggregate(Sales{}, describeSales));
        };
    };
    const auto result =
        testing::checkEquivalent<Sale>(pipeline(How::Off), pipeline(How::Always), anySale,
                                       {.time = &Sale::time, .outOfOrderness = 30s, .runs = 60, .alsoInBatch = true});
    CHECK(result);
}

TEST_CASE("a savepoint with adding up in front of the exchange is restored without it, and the other way round",
          "[api][pre-aggregate][checkpoint]") {
    testing::Script<Sale> script;
    for (int i = 0; i < 300; ++i) script.element({i % 3, 1, Timestamp(i * 50ms)}, Timestamp(i * 50ms));
    script.watermark(Timestamp(5s)).pause(1h);
    for (int i = 0; i < 30; ++i) script.element({i % 3, 1, Timestamp(15s)}, Timestamp(15s));
    const auto build = [&](StreamEnvironment& env, int parallelism, How how,
                           const testing::CollectSink<ShopSales>& results) {
        env.setParallelism(parallelism);
        const DataStream<Sale> sales = DataStream<Sale>(
            env.fromSource(testing::ScriptedSource<Sale>(script), WatermarkStrategy::noWatermarks(), "sales")
                .uid("sales"));
        const auto windows = sales.keyBy(&Sale::shop).window(TumblingEventTimeWindows::of(10s));
        if (how == How::Off) {
            windows.aggregate(Sales{}, describeSales).sinkTo(results);
        } else {
            windows.preAggregate(PreAggregation::Always).aggregate(Sales{}, describeSales).sinkTo(results);
        }
    };
    std::vector<ShopSales> expected;
    for (int shop = 0; shop < 3; ++shop) {
        expected.emplace_back(shop, Timestamp(0s), 67 - (shop == 2 ? 1 : 0), 67 - (shop == 2 ? 1 : 0));
        expected.emplace_back(shop, Timestamp(10s), 33 + (shop == 2 ? 1 : 0) + 10, 33 + (shop == 2 ? 1 : 0) + 10);
    }
    for (const How first : {How::Off, How::Adaptive}) {
        for (const int parallelism : {1, 2, 3}) {
            CAPTURE(first == How::Off, parallelism);
            const testing::TempDirectory directory(testing::inMemoryDirectory());
            testing::CollectSink<ShopSales> results;
            {
                StreamExecutionEnvironment env{SimulatedRuntime(7)};
                build(env, 2, first, results);
                env.enableCheckpointing({});
                const auto job = env.executeAsync("first");
                env.runtime().advance(1s);
                job->stopWithSavepoint(directory.path("saved"), false);
                job->result();
                CHECK(results.size() == 0);
            }
            StreamExecutionEnvironment env{SimulatedRuntime(8)};
            build(env, parallelism, first == How::Off ? How::Always : How::Off, results);
            env.enableCheckpointing({.restoreFrom = directory.path("saved")});
            env.execute();
            CHECK(sorted(results.elements()) == sorted(expected));
        }
    }
}

TEST_CASE("a merge that throws behind the exchange is said to have thrown", "[api][pre-aggregate]") {
    struct Unmergeable : Sales {
        void merge(Accumulator&, const Accumulator&) const { throw std::runtime_error("never the twain"); }
    };
    StreamExecutionEnvironment env{SimulatedRuntime(3)};
    env.setParallelism(2);
    testing::Script<Sale> script;
    for (int i = 0; i < 100; ++i) {
        if (i % 10 == 0) script.watermark(Timestamp(i * 1s)).pause(1s);  // blocks go to subtasks in turn
        script.element({1, i, Timestamp((i + 1) * 1s)}, Timestamp((i + 1) * 1s));
    }
    DataStream<Sale>(env.fromSource(testing::ScriptedSource<Sale>(script), WatermarkStrategy::noWatermarks(), "sales"))
        .rebalance()
        .map([](const Sale& sale) { return sale; })
        .keyBy(&Sale::shop)
        .window(TumblingEventTimeWindows::of(1h))
        .preAggregate(PreAggregation::Always)
        .aggregate(Unmergeable{}, describeSales)
        .addSink([](const ShopSales&) {});
    CHECK_THROWS_WITH(env.execute(), ContainsSubstring("merge of the aggregate function threw for the record a partial "
                                                       "result of key 1"));
}
