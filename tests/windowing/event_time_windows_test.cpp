#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include <millrace/core/errors.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <limits>
#include <random>

using namespace millrace;
using testsupport::at;
using std::chrono_literals::operator""ns;
using Catch::Matchers::ContainsSubstring;

namespace {

TimeWindow window(std::int64_t start, std::int64_t end) {
    return {at(start), at(end)};
}

}  // namespace

TEST_CASE("a tumbling window contains its start and not its end", "[windowing]") {
    const auto windows = TumblingEventTimeWindows::of(10ns);
    CHECK(windows.assignWindow(at(0)) == window(0, 10));
    CHECK(windows.assignWindow(at(9)) == window(0, 10));
    CHECK(windows.assignWindow(at(10)) == window(10, 20));
    CHECK(windows.assignWindow(at(-1)) == window(-10, 0));
    CHECK(windows.assignWindow(at(-10)) == window(-10, 0));
    CHECK(windows.assignWindow(at(9)).maxTimestamp() == at(9));
    CHECK(TumblingEventTimeWindows::of(10ns, -3ns).assignWindow(at(0)) == window(-3, 7));
    CHECK(TumblingEventTimeWindows::of(10ns, 3ns).assignWindow(at(0)) == window(-7, 3));
}

TEST_CASE("a record belongs to every sliding window that contains it, or to none", "[windowing]") {
    const auto windows = SlidingEventTimeWindows::of(10ns, 3ns);
    CHECK(windows.assignWindows(at(9)) == std::vector{window(9, 19), window(6, 16), window(3, 13), window(0, 10)});
    CHECK(windows.assignWindows(at(10)) == std::vector{window(9, 19), window(6, 16), window(3, 13)});
    CHECK(windows.assignWindows(at(-1)) == std::vector{window(-3, 7), window(-6, 4), window(-9, 1)});
    const auto gaps = SlidingEventTimeWindows::of(3ns, 10ns, 1ns);
    CHECK(gaps.assignWindows(at(0)).empty());
    CHECK(gaps.assignWindows(at(1)) == std::vector{window(1, 4)});
    CHECK(gaps.assignWindows(at(3)) == std::vector{window(1, 4)});
    CHECK(gaps.assignWindows(at(4)).empty());
}

TEST_CASE("windows are cut at the ends of time, never wrapped around", "[windowing]") {
    const auto windows = TumblingEventTimeWindows::of(1000ns);
    const TimeWindow first = windows.assignWindow(kMinTimestamp + 1ns);
    CHECK(first.start == kMinTimestamp);
    CHECK(first.end < kMinTimestamp + 1000ns);
    CHECK(windows.assignWindow(first.end).start == first.end);
    const TimeWindow last = windows.assignWindow(kMaxTimestamp - 1ns);
    CHECK(last.end == kMaxTimestamp);
    CHECK(last.start > kMaxTimestamp - 1000ns);
    for (const TimeWindow& w : SlidingEventTimeWindows::of(1000ns, 300ns).assignWindows(kMinTimestamp + 1ns)) {
        CHECK((w.start == kMinTimestamp && w.end > kMinTimestamp));
    }
}

TEST_CASE("sizes, slides and offsets that cannot work are refused", "[windowing]") {
    CHECK_THROWS_WITH(TumblingEventTimeWindows::of(0ns), ContainsSubstring("the size must be positive, got 0s"));
    CHECK_THROWS_AS(TumblingEventTimeWindows::of(-5ns), ConfigurationException);
    CHECK_THROWS_AS(TumblingEventTimeWindows::of(10ns, 10ns), ConfigurationException);
    CHECK_THROWS_AS(TumblingEventTimeWindows::of(10ns, -10ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingEventTimeWindows::of(0ns, 1ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingEventTimeWindows::of(10ns, 0ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingEventTimeWindows::of(10ns, 5ns, 5ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingEventTimeWindows::of(10ns, 5ns, -5ns), ConfigurationException);
    CHECK_THROWS_WITH(SlidingEventTimeWindows::of(10'000'001ns, 1ns), ContainsSubstring("more than 10000000 windows"));
    CHECK_NOTHROW(SlidingEventTimeWindows::of(10'000'000ns, 1ns));
}

TEST_CASE("slices and windows agree with each other", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, std::uint64_t{30}));
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::int64_t n) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    const std::int64_t size = 1 + below(40);
    const std::int64_t slide = 1 + below(40);
    const std::int64_t offset = below(2 * slide - 1) - slide + 1;
    CAPTURE(size, slide, offset);
    const detail::WindowGrid grid(Duration{size}, Duration{slide}, Duration{offset});
    for (std::int64_t t = -200; t < 200; ++t) {
        const std::int64_t slice = grid.sliceOf(at(t));
        REQUIRE(grid.slice(slice).contains(at(t)));
        REQUIRE(grid.slice(slice).end == grid.slice(slice + 1).start);
        const auto [first, last] = grid.windowsOf(slice);
        for (std::int64_t k = first - 2; k <= last + 2; ++k) {
            REQUIRE(grid.window(k).contains(at(t)) == (first <= k && k <= last));
            const auto [firstSlice, endSlice] = grid.slicesOf(k);
            REQUIRE(grid.window(k).contains(at(t)) == (firstSlice <= slice && slice < endSlice));
        }
        REQUIRE(grid.holdsSlice(slice));
        REQUIRE((grid.holdsWindow(first) && grid.holdsWindow(last)));
        const std::int64_t next = grid.firstWindowAfter(at(t));
        REQUIRE(grid.window(next).maxTimestamp() > at(t));
        REQUIRE(grid.window(next - 1).maxTimestamp() <= at(t));
    }
}

TEST_CASE("numbers far from all timestamps are those of no window", "[windowing]") {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    for (const detail::WindowGrid& grid : {detail::WindowGrid(40ns, 10ns, 3ns), detail::WindowGrid(25ns, 10ns, -3ns)}) {
        for (const std::int64_t far : {kMost, kMost / 2, -kMost, -kMost - 1}) {
            CHECK(!grid.holdsSlice(far));
            CHECK(!grid.holdsWindow(far));
        }
        for (const Timestamp t : {kMinTimestamp, kMinTimestamp + 1ns, kMaxTimestamp}) {
            CHECK(grid.holdsSlice(grid.sliceOf(t)));
            CHECK(grid.holdsWindow(grid.windowsOf(grid.sliceOf(t)).last));
        }
    }
}

TEST_CASE("windows that touch intersect, and cover gives both", "[windowing]") {
    CHECK(window(0, 10).intersects(window(10, 20)));
    CHECK_FALSE(window(0, 10).intersects(window(11, 20)));
    CHECK(window(0, 10).cover(window(15, 20)) == window(0, 20));
}
