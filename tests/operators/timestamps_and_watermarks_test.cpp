#include <millrace/operators/timestamps_and_watermarks.hpp>

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

TEST_CASE("an interval that is not positive is refused", "[time]") {
    CHECK_THROWS_AS(watermarksOf(0ns).withPeriodicEmit(0ns), ConfigurationException);
}
