#include <millrace/testing.hpp>

#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include "support/catch.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;

namespace {

struct Reading {
    std::string sensor;
    std::int64_t value;
    bool operator==(const Reading&) const = default;
};

DataStream<Reading> sumPerWindow(const DataStream<Reading>& readings) {
    return readings.keyBy(&Reading::sensor).window(TumblingEventTimeWindows::of(10ns)).sum(&Reading::value);
}

}  // namespace

TEST_CASE("a scripted source brings its own timestamps and watermarks", "[testing]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    CollectSink<Reading> sums;
    Script<Reading> script;
    script.element({"a", 1}, at(3)).element({"a", 2}, at(15)).watermark(at(9)).element({"a", 4}, at(4));
    sumPerWindow(env.fromSource(ScriptedSource<Reading>(script), WatermarkStrategy::noWatermarks(), "readings"))
        .sinkTo(sums);
    env.execute();
    CHECK(sums.stamped() == std::vector<Stamped<Reading>>{{{"a", 1}, at(9)}, {{"a", 2}, at(19)}});
}

TEST_CASE("an idle script does not hold event time back, one that only pauses does", "[testing]") {
    for (const bool idle : {true, false}) {
        CAPTURE(idle);
        StreamExecutionEnvironment env{SimulatedRuntime(7)};
        CollectSink<Reading> sums;
        Script<Reading> silent;
        if (idle) silent.idle();
        silent.pause(1min).element({"b", 5}, at(30));
        Script<Reading> busy;
        busy.element({"a", 1}, at(3)).watermark(at(9)).pause(1min);
        const auto none = WatermarkStrategy::noWatermarks();
        const DataStream<Reading> first = env.fromSource(ScriptedSource<Reading>(silent), none, "silent");
        const DataStream<Reading> second = env.fromSource(ScriptedSource<Reading>(busy), none, "busy");
        sumPerWindow(first.unionWith(second)).sinkTo(sums);
        const auto job = env.executeAsync();
        env.runtime().advance(30s);
        CHECK(sums.elements() == (idle ? std::vector<Reading>{{"a", 1}} : std::vector<Reading>{}));
        job->result();
        CHECK(sums.elements() == std::vector<Reading>{{"a", 1}, {"b", 5}});
    }
}

TEST_CASE("a script that fails fails the job with its message", "[testing]") {
    StreamExecutionEnvironment env{SimulatedRuntime(2)};
    CollectSink<int> seen;
    env.fromSource(ScriptedSource<int>(Script<int>().element(1).fail("disk on fire")),
                   WatermarkStrategy::noWatermarks(), "numbers")
        .sinkTo(seen);
    std::string message;
    try {
        env.execute();
    } catch (const JobExecutionException& error) {
        message = describeException(error);
    }
    CHECK_THAT(message, Catch::Matchers::ContainsSubstring("disk on fire"));
}

TEST_CASE("a function fails at the call it is told to fail at, and only there", "[testing]") {
    auto doubled = failingAt(2, [](int n) { return 2 * n; });
    auto copy = doubled;
    CHECK(doubled(1) == 2);
    CHECK_THROWS_AS(copy(2), InjectedFailure);
    CHECK(doubled(3) == 6);
}

TEST_CASE("a poisoned value fails where it is told to fail", "[testing]") {
    using Item = Poisoned<std::int64_t>;
    CHECK(decodeFromBytes<Item>(encodeToBytes(Item{7})) == Item{7});
    CHECK_THROWS_AS(encodeToBytes(Item{7, Poison::OnEncode}), InjectedFailure);
    CHECK_THROWS_AS(decodeFromBytes<Item>(encodeToBytes(Item{7, Poison::OnDecode})), CodecException);
}

TEST_CASE("a manual clock is moved by hand and never back", "[testing]") {
    ManualClock clock;
    CHECK(clock.now() == at(0));
    clock.advance(5ns);
    clock.set(at(9));
    CHECK(clock.now() == at(9));
    CHECK_THROWS_AS(clock.set(at(8)), ConfigurationException);
}
