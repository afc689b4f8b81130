#include <millrace/operators/timestamps_and_watermarks.hpp>

#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/operator_harness.hpp>

#include "support/catch.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;

namespace {

auto watermarksOf(Duration delay) {
    return WatermarkStrategy::forBoundedOutOfOrderness(delay).withTimestampAssigner(
        [](std::int64_t ticks) { return at(ticks); });
}

template <class Strategy>
auto assigning(Strategy strategy) {
    return harnessFor<std::int64_t>(
        [=](DataStream<std::int64_t> in) { return in.assignTimestampsAndWatermarks(strategy); });
}

}  // namespace

TEST_CASE("with an interval watermarks follow the clock, not the blocks of records", "[time]") {
    auto harness = assigning(watermarksOf(10ns).withPeriodicEmit(50ns));
    harness.processElements({100, 90}, {});
    CHECK(harness.takeOutput() == trace(element(100, at(100)), element(90, at(90))));
    harness.setProcessingTime(at(49));
    CHECK(harness.takeOutput() == trace());
    harness.setProcessingTime(at(170));  // late: once, and next at 220
    CHECK(harness.takeOutput() == trace(watermark(at(89))));
    harness.processElement(300);
    harness.setProcessingTime(at(219));
    CHECK(harness.takeOutput() == trace(element(300, at(300))));
    harness.setProcessingTime(at(220));
    CHECK(harness.takeOutput() == trace(watermark(at(289))));
}

TEST_CASE("the end of the input emits what the interval has held back", "[time]") {
    auto harness = assigning(watermarksOf(5ns).withPeriodicEmit(50ns));
    harness.processElement(10);
    harness.endInput();
    CHECK(harness.output() == trace(element(10, at(10)), watermark(at(4)), endOfInput()));
}

TEST_CASE("with an interval only a watermark ends idleness", "[time]") {
    auto harness = assigning(watermarksOf(0ns).withPeriodicEmit(50ns).withIdleness(100ns));
    harness.processElement(10);
    for (const int now : {50, 100, 150, 200}) harness.setProcessingTime(at(now));
    CHECK(harness.takeOutput() == trace(element(10, at(10)), watermark(at(9))));
    harness.setProcessingTime(at(250));
    CHECK(harness.takeOutput() == trace(idle()));
    harness.processElement(3);
    harness.setProcessingTime(at(300));
    CHECK(harness.takeOutput() == trace(element(3, at(3))));
    harness.processElement(20);
    harness.setProcessingTime(at(350));
    CHECK(harness.takeOutput() == trace(element(20, at(20)), active(), watermark(at(19))));
}

TEST_CASE("without an interval watermarks follow every block", "[time]") {
    auto harness = assigning(watermarksOf(10ns));
    harness.processElements({100, 90}, {});
    CHECK(harness.output() == trace(element(100, at(100)), element(90, at(90)), watermark(at(89))));
}

TEST_CASE("a negative interval is refused; 0 is after every block, whatever the environment says", "[time]") {
    CHECK_THROWS_AS(watermarksOf(0ns).withPeriodicEmit(-1ns), ConfigurationException);
    CHECK_THROWS_AS(watermarksOf(0ns).withIdleness(0ns), ConfigurationException);
    auto harness = assigning(watermarksOf(10ns).withPeriodicEmit(0ns));
    harness.processElements({100, 90}, {});
    CHECK(harness.output() == trace(element(100, at(100)), element(90, at(90)), watermark(at(89))));
}

TEST_CASE("the interval of the environment asks nobody who has no watermarks", "[time]") {
    // else a simulation that waits for input would wait for ever, from tick to tick
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    env.setAutoWatermarkInterval(200ms);
    CHECK(env.getAutoWatermarkInterval() == 200ms);
    Channel<int> never(4);
    env.fromChannel(never).addSink([](int) {});
    const auto job = env.executeAsync();
    CHECK_THROWS_WITH(job->result(), Catch::Matchers::ContainsSubstring("the simulation can go no further"));
    CHECK_THROWS_AS(env.setAutoWatermarkInterval(-1ns), ConfigurationException);
}

TEST_CASE("a job asks its generators at the interval of the environment, unless their strategy says otherwise",
          "[time]") {
    for (const bool own : {false, true}) {
        CAPTURE(own);
        StreamExecutionEnvironment env(SimulatedRuntime{1});
        env.setParallelism(1).setAutoWatermarkInterval(1s);
        Channel<std::int64_t> input(16);
        const auto strategy = own ? watermarksOf(0ns).withPeriodicEmit(0ns) : watermarksOf(0ns);
        env.fromSource(ChannelSource<std::int64_t>(input), strategy, "probe").addSink([](std::int64_t) {});
        const auto job = env.executeAsync();
        REQUIRE(input.push(10));
        env.runtime().advance(500ms);
        CHECK(job->metrics().front().watermark == (own ? at(9) : kMinTimestamp));
        env.runtime().advance(600ms);
        CHECK(job->metrics().front().watermark == at(9));
        job->cancel();
    }
}

TEST_CASE("a periodic generator that goes backwards is not heard", "[time]") {
    struct LastMinusOne {
        Timestamp last = kMinTimestamp;
        void onEvent(std::int64_t, Timestamp timestamp, WatermarkOutput&) { last = timestamp; }
        void onPeriodicEmit(WatermarkOutput& output) const { output.emitWatermark(last - 1ns); }
    };
    auto harness = assigning(WatermarkStrategy::forGenerator([] {
                                 return LastMinusOne();
                             }).withTimestampAssigner([](std::int64_t t) { return at(t); }));
    for (const std::int64_t time : {100, 50, 100, 120}) harness.processElement(time);
    CHECK(harness.output() == trace(element(100, at(100)), watermark(at(99)), element(50, at(50)),
                                    element(100, at(100)), element(120, at(120)), watermark(at(119))));
}

TEST_CASE("a punctuated generator emits behind the very record, and may not go backwards either", "[time]") {
    struct OnEven {
        void onEvent(std::int64_t value, Timestamp timestamp, WatermarkOutput& output) {
            if (value % 2 == 0) output.emitWatermark(timestamp);
        }
        void onPeriodicEmit(WatermarkOutput&) {}
    };
    auto harness = assigning(WatermarkStrategy::forGenerator([] {
                                 return OnEven();
                             }).withTimestampAssigner([](std::int64_t t) { return at(t); }));
    harness.processElements({11, 10, 13, 4, 16, 17}, {});
    CHECK(harness.output() == trace(element(11, at(11)), element(10, at(10)), watermark(at(10)), element(13, at(13)),
                                    element(4, at(4)), element(16, at(16)), watermark(at(16)), element(17, at(17))));
}

TEST_CASE("a generator may mark its stream idle and active itself", "[time]") {
    struct Marks {
        void onEvent(std::int64_t value, Timestamp timestamp, WatermarkOutput& output) {
            if (value == 0) {
                output.markIdle();
            } else {
                output.emitWatermark(timestamp);
            }
        }
        void onPeriodicEmit(WatermarkOutput&) {}
    };
    auto harness = assigning(WatermarkStrategy::forGenerator([] {
                                 return Marks();
                             }).withTimestampAssigner([](std::int64_t t) { return at(t); }));
    harness.processElements({7, 0, 9}, {});
    CHECK(harness.output() == trace(element(7, at(7)), watermark(at(7)), element(0, at(0)), idle(), element(9, at(9)),
                                    active(), watermark(at(9))));
}

TEST_CASE("after idleness a stream is active again with its next record, at whatever watermark it has", "[time]") {
    auto harness = assigning(watermarksOf(0ns).withIdleness(1s));
    harness.processElement(1000);
    harness.setProcessingTime(at(0) + 200ms);
    harness.setProcessingTime(at(0) + 400ms);   // the first look without a record
    harness.setProcessingTime(at(0) + 1400ms);  // a second later: not longer than that
    CHECK(harness.takeOutput() == trace(element(1000, at(1000)), watermark(at(999))));
    harness.setProcessingTime(at(0) + 1600ms);
    CHECK(harness.takeOutput() == trace(idle()));
    harness.processElement(500);  // behind its own watermark: that stays
    CHECK(harness.takeOutput() == trace(element(500, at(500)), active()));
    harness.processElement(2000);
    CHECK(harness.takeOutput() == trace(element(2000, at(2000)), watermark(at(1999))));
}

TEST_CASE("records without timestamps count as activity, too", "[time]") {
    auto harness = harnessFor<std::int64_t>([](DataStream<std::int64_t> in) {
        return in.assignTimestampsAndWatermarks(WatermarkStrategy::forMonotonousTimestamps().withIdleness(1s));
    });
    harness.processElement(1);
    harness.setProcessingTime(at(0) + 200ms);
    harness.processElement(2);
    harness.setProcessingTime(at(0) + 1300ms);
    CHECK(harness.output() == trace(element(1), element(2)));
}

TEST_CASE("ingestion time stamps records with the clock, and follows it when none come", "[time]") {
    auto harness = assigning(WatermarkStrategy::forIngestionTime());
    harness.setProcessingTime(at(0) + 1h);
    harness.takeOutput();
    harness.processElements({5, 3}, {});
    const Timestamp now = at(0) + 1h;
    CHECK(harness.takeOutput() == trace(element(5, now), element(3, now)));  // the watermark has been there before
    harness.setProcessingTime(now + 200ms);
    CHECK(harness.takeOutput() == trace(watermark(now + 200ms - 1ns)));
}

TEST_CASE("what the assigner had emitted is emitted again behind a restore, before the first record", "[time]") {
    auto harness = assigning(watermarksOf(10ns));
    harness.processElement(100);
    CHECK(harness.takeOutput() == trace(element(100, at(100)), watermark(at(89))));
    harness.restoreFromOwnSnapshot();
    harness.processElement(50);
    harness.processElement(120);
    CHECK(harness.takeOutput() ==
          trace(watermark(at(89)), element(50, at(50)), element(120, at(120)), watermark(at(109))));
}

TEST_CASE("what the assigner had emitted survives several restores without a record in between", "[time]") {
    // A checkpoint that was taken before the first record of a restored assigner held no watermark: after the next
    // failure what was late was in time.
    auto harness = assigning(watermarksOf(10ns));
    harness.processElement(100);
    CHECK(harness.takeOutput() == trace(element(100, at(100)), watermark(at(89))));
    harness.restoreFromOwnSnapshot();
    harness.restoreFromOwnSnapshot();
    harness.restoreFromOwnSnapshot();
    harness.processElement(50);
    harness.restoreFromOwnSnapshot();
    harness.processElement(60);
    CHECK(harness.takeOutput() ==
          trace(watermark(at(89)), element(50, at(50)), watermark(at(89)), element(60, at(60))));
}

TEST_CASE("a strategy of an alignment group is refused where nothing can pause", "[time]") {
    CHECK_THROWS_WITH(
        assigning(watermarksOf(0ns).withWatermarkAlignment("trades", 1s)),
        Catch::Matchers::ContainsSubstring("'trades': only a source can pause to wait for others; give the strategy to "
                                           "fromSource(source, strategy)"));
    CHECK_THROWS_AS(watermarksOf(0ns).withWatermarkAlignment("", 1s), ConfigurationException);
    CHECK_THROWS_AS(watermarksOf(0ns).withWatermarkAlignment("trades", -1s), ConfigurationException);
    CHECK_THROWS_AS(watermarksOf(0ns).withWatermarkAlignment("trades", 1s, -1s), ConfigurationException);
}
