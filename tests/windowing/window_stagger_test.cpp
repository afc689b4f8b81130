#include <millrace/windowing/window_stagger.hpp>

#include <millrace/api/windowed_stream.hpp>
#include <millrace/testing/operator_harness.hpp>
#include <millrace/windowing/sliding_processing_time_windows.hpp>
#include <millrace/windowing/tumbling_processing_time_windows.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;

namespace {

/// "[13, 23): 2": a window and the number of its records.
template <class Windows>
auto countsPer(Windows windows) {
    return harnessFor<int>([=](DataStream<int> numbers) {
        return numbers.keyBy([](int) { return 0; })
            .window(windows)
            .process(
                [](const int&, WindowContext& context, std::span<const int> elements, Collector<std::string>& out) {
                    const TimeWindow window = context.window();
                    out.collect("[" + std::to_string(window.start.time_since_epoch().count()) + ", " +
                                std::to_string(window.end.time_since_epoch().count()) +
                                "): " + std::to_string(elements.size()));
                });
    });
}

template <class Harness>
std::vector<std::string> windowsOf(Harness& harness, std::vector<int> arrivals) {
    for (const int time : arrivals) {
        harness.setProcessingTime(at(time));
        harness.processElement(1);
    }
    harness.setProcessingTime(at(1000));
    std::vector<std::string> texts;
    for (const auto& item : harness.takeOutput()) texts.push_back(*item.value);
    return texts;
}

}  // namespace

TEST_CASE("aligned windows of the clock begin at multiples of their size", "[windowing][stagger]") {
    auto harness = countsPer(TumblingProcessingTimeWindows::of(10ns, 1ns, WindowStagger::Aligned));
    CHECK(windowsOf(harness, {13, 19, 21}) == std::vector<std::string>{"[11, 21): 2", "[21, 31): 1"});
}

TEST_CASE("naturally staggered windows begin with the first record", "[windowing][stagger]") {
    auto tumbling = countsPer(TumblingProcessingTimeWindows::of(10ns, 0ns, WindowStagger::Natural));
    CHECK(windowsOf(tumbling, {13, 21, 23, 47}) ==
          std::vector<std::string>{"[13, 23): 2", "[23, 33): 1", "[43, 53): 1"});
    auto sliding = countsPer(SlidingProcessingTimeWindows::of(10ns, 5ns, 0ns, WindowStagger::Natural));
    CHECK(windowsOf(sliding, {13, 19}) == std::vector<std::string>{"[8, 18): 1", "[13, 23): 2", "[18, 28): 1"});
    auto shifted = countsPer(TumblingProcessingTimeWindows::of(10ns, 4ns, WindowStagger::Natural));
    CHECK(windowsOf(shifted, {13}) == std::vector<std::string>{"[7, 17): 1"});  // Flink adds both
}

TEST_CASE("after a restore the windows of the state keep their bounds, new ones are staggered anew",
          "[windowing][stagger]") {
    auto harness = countsPer(TumblingProcessingTimeWindows::of(10ns, 0ns, WindowStagger::Natural));
    harness.setProcessingTime(at(13));
    harness.processElement(1);
    harness.restoreFromOwnSnapshot();
    CHECK(windowsOf(harness, {15}) == std::vector<std::string>{"[13, 23): 1", "[15, 25): 1"});
}

TEST_CASE("randomly staggered windows are spread over the subtasks, and repeat with the seed", "[windowing][stagger]") {
    std::set<std::int64_t> shifts;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        auto windows = TumblingProcessingTimeWindows::of(1000ns, 0ns, WindowStagger::Random);
        windows.beginStagger(at(5), seed);
        auto again = TumblingProcessingTimeWindows::of(1000ns, 0ns, WindowStagger::Random);
        again.beginStagger(at(77), seed);
        CHECK(windows.offset() == again.offset());
        CHECK(windows.offset() >= 0ns);
        CHECK(windows.offset() < 1000ns);
        shifts.insert(windows.offset().count());
    }
    CHECK(shifts.size() > 90);
    auto harness = countsPer(TumblingProcessingTimeWindows::of(10ns, 0ns, WindowStagger::Random));
    const std::vector<std::string> first = windowsOf(harness, {13, 14});
    auto other = countsPer(TumblingProcessingTimeWindows::of(10ns, 0ns, WindowStagger::Random));
    CHECK(windowsOf(other, {13, 14}) == first);
}
