#include <millrace/windowing/current_span.hpp>
#include <millrace/windowing/merging_window_set.hpp>

#include "windowing/general_window_fixtures.hpp"

#include <algorithm>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;

namespace {

using Bounds = std::vector<std::pair<std::int64_t, std::int64_t>>;

template <class Assigner>
Bounds windowsAt(const Assigner& assigner, std::int64_t time, std::int64_t clock = 0) {
    WindowList<TimeWindow> windows;
    const AssignerContext context(at(clock));
    if constexpr (detail::AssignsOneWindow<Assigner, Item>) {
        windows.add(assigner.assignWindow(Item{}, at(time), context));
    } else {
        assigner.assignWindows(Item{}, at(time), context, windows);
    }
    Bounds bounds;
    for (const TimeWindow& w : windows) bounds.emplace_back(ticks(w.start), ticks(w.end));
    std::sort(bounds.begin(), bounds.end());
    return bounds;
}
TimeWindow span(std::int64_t start, std::int64_t end) {
    return {at(start), at(end)};
}

}  // namespace

TEST_CASE("assigners put times into the windows that they promise", "[windowing]") {
    CHECK(windowsAt(TumblingEventTimeWindows::of(10ns), -1) == Bounds{{-10, 0}});
    CHECK(windowsAt(TumblingEventTimeWindows::of(10ns, -3ns), 0) == Bounds{{-3, 7}});
    CHECK(windowsAt(SlidingEventTimeWindows::of(10ns, 3ns), 9) == Bounds{{0, 10}, {3, 13}, {6, 16}, {9, 19}});
    CHECK(windowsAt(SlidingEventTimeWindows::of(3ns, 10ns), 4).empty());
    CHECK(windowsAt(TumblingProcessingTimeWindows::of(10ns, 2ns), 999, 11) == Bounds{{2, 12}});
    CHECK(windowsAt(SlidingProcessingTimeWindows::of(10ns, 5ns), 999, 7) == Bounds{{0, 10}, {5, 15}});
    CHECK(windowsAt(EventTimeSessionWindows::withGap(5ns), 3, 100) == Bounds{{3, 8}});
    CHECK(windowsAt(ProcessingTimeSessionWindows::withGap(5ns), 3, 100) == Bounds{{100, 105}});
    CHECK(windowsAt(CumulatingEventTimeWindows::of(10ns, 30ns), 0) == Bounds{{0, 10}, {0, 20}, {0, 30}});
    CHECK(windowsAt(CumulatingEventTimeWindows::of(10ns, 30ns), 19) == Bounds{{0, 20}, {0, 30}});
    CHECK(windowsAt(CumulatingEventTimeWindows::of(10ns, 30ns, 5ns), 4) == Bounds{{-25, 5}});
    CHECK(windowsAt(EventTimeSessionWindows::withGap(5ns), INT64_MAX - 2) == Bounds{{INT64_MAX - 2, INT64_MAX}});
}

TEST_CASE("assigners, triggers and evictors refuse what makes no sense", "[windowing]") {
    CHECK_THROWS_AS(TumblingProcessingTimeWindows::of(0ns), ConfigurationException);
    CHECK_THROWS_AS(TumblingProcessingTimeWindows::of(10ns, 10ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingProcessingTimeWindows::of(10ns, 0ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingProcessingTimeWindows::of(10ns, 5ns, -5ns), ConfigurationException);
    CHECK_THROWS_AS(SlidingProcessingTimeWindows::of(1000000000ns, 1ns), ConfigurationException);
    CHECK_THROWS_AS(EventTimeSessionWindows::withGap(0ns), ConfigurationException);
    CHECK_THROWS_AS(ProcessingTimeSessionWindows::withGap(-1ns), ConfigurationException);
    CHECK_THROWS_AS(CumulatingEventTimeWindows::of(10ns, 25ns), ConfigurationException);
    CHECK_THROWS_AS(CumulatingEventTimeWindows::of(0ns, 25ns), ConfigurationException);
    CHECK_THROWS_AS(CountTrigger::of(0), ConfigurationException);
    CHECK_THROWS_AS(ContinuousEventTimeTrigger::of(0ns), ConfigurationException);
    CHECK_THROWS_AS(ContinuousProcessingTimeTrigger::of(0ns), ConfigurationException);
    CHECK_THROWS_AS(ProcessingTimeoutTrigger::of(CountTrigger::of(1), 0ns), ConfigurationException);
    CHECK_THROWS_AS(CountEvictor::of(0), ConfigurationException);
    CHECK_THROWS_AS(TimeEvictor::of(0ns), ConfigurationException);
}

TEST_CASE("cumulating windows grow step by step and begin anew", "[windowing]") {
    OperatorHarness harness(listsOf(CumulatingEventTimeWindows::of(10ns, 30ns), EventTimeTrigger{}));
    harness.open();
    for (const int t : {1, 12, 25, 31}) harness.element({1, t}, t);
    harness.watermark(kEndOfTime);
    CHECK(harness.take() == Texts{{"1[0,10):1", 9},
                                  {"1[0,20):1 12", 19},
                                  {"1[0,30):1 12 25", 29},
                                  {"1[30,40):31", 39},
                                  {"1[30,50):31", 49},
                                  {"1[30,60):31", 59}});
}

TEST_CASE("a merging set keeps windows apart and says which became one", "[windowing]") {
    detail::MergingWindowSet<TimeWindow> set;
    const auto first = set.add(span(0, 4));
    CHECK(first.window == span(0, 4));
    CHECK(first.merged.empty());
    CHECK(set.add(span(1, 3)).merged.empty());  // absorbed
    CHECK(set.add(span(1, 3)).window == span(0, 4));
    CHECK(set.add(span(10, 14)).merged.empty());
    const auto touching = set.add(span(4, 6));
    CHECK(touching.window == span(0, 6));
    CHECK(touching.merged == std::vector{span(0, 4)});
    const auto bridge = set.add(span(5, 12));
    CHECK(bridge.window == span(0, 14));
    CHECK(bridge.merged.size() == 2);
    CHECK(set.windows() == std::vector{span(0, 14)});
    set.retire(span(0, 14));
    CHECK(set.windows().empty());
}

TEST_CASE("a span covers a block of timestamps if it covers each of them", "[windowing]") {
    const std::int64_t lowest = INT64_MIN, highest = INT64_MAX, half = highest / 2;
    const std::vector<std::int64_t> times{lowest, lowest + 1, -half, -11,  -10,         -1,
                                          0,      9,          10,    half, highest - 1, highest};
    const auto check = [&](const detail::CurrentSpan& current, const TimeWindow& window) {
        CAPTURE(ticks(window.start), ticks(window.end));
        for (const std::int64_t first : times) {
            for (const std::int64_t last : times) {
                std::vector<Timestamp> block(9, at(last));  // more than are compared at once
                block[4] = at(first);
                const bool each = current.covers(at(first)) && current.covers(at(last));
                if (current.covers(block.data(), block.size()) != each) {
                    FAIL("block of " << first << " and " << last);
                }
            }
        }
        CHECK(current.covers(nullptr, 0));
    };
    detail::CurrentSpan current;
    check(current, span(0, 0));
    for (const TimeWindow& window : {span(-10, 10), span(lowest, lowest + 1), span(lowest, 0), span(0, highest),
                                     span(highest - 1, highest), span(-half, half)}) {
        current.set(window);
        for (const std::int64_t time : times) {
            const bool inside = window.contains(at(time)) || (time == highest && ticks(window.end) == highest);
            if (current.covers(at(time)) != inside) FAIL(time << " in " << ticks(window.start));
        }
        check(current, window);
    }
    current.set(span(lowest, highest - 1));  // longer than half of all time: each of them, but not a block
    CHECK(current.covers(at(half)));
    current.reset();
    check(current, span(0, 0));
}
