#include "windowing/window_fixtures.hpp"

#include "support/allocation_count.hpp"
#include "support/rounds.hpp"

#include <array>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;

namespace {

/// Feeds blocks whose records are up to `disorder` ticks late, with a watermark behind each; 1 record per tick.
template <class Op>
std::size_t allocationsOfLastThird(Op op, std::int64_t disorder) {
    OperatorHarness harness(std::move(op));
    harness.open();
    harness.output.keeps = false;
    harness.output.watermarks.reserve(10'000);
    std::size_t before = 0;
    const int blocks = roundsToCount(3000);
    static std::array<Item, 500> items;
    static std::array<Timestamp, 500> times;
    for (int block = 0; block < blocks; ++block) {
        if (block == blocks * 2 / 3) before = allocationCount();
        const std::int64_t start = 500 * block;
        for (int i = 0; i < 500; ++i) {
            const auto n = static_cast<std::uint64_t>(start + i) * 0x9E3779B97F4A7C15u >> 33;
            items[static_cast<std::size_t>(i)] = {static_cast<std::int32_t>(n % 1000), i};
            times[static_cast<std::size_t>(i)] = at(start + i - static_cast<std::int64_t>(n % 97) * disorder / 97);
        }
        harness.stage().onBlock(0, detail::Block<Item>{items.data(), times.data(), nullptr, items.size()});
        harness.watermark(start + 499 - disorder);
    }
    return allocationCount() - before;
}

}  // namespace

TEST_CASE("windows do not allocate once they have warmed up", "[windowing]") {
    const std::int64_t disorder = GENERATE(0, 900);
    const auto tumbling = TumblingEventTimeWindows::of(700ns);
    const auto sliding = SlidingEventTimeWindows::of(3000ns, 400ns);
    CHECK(allocationsOfLastThird(windowsOf<Summarise>(tumbling), disorder) == 0);
    CHECK(allocationsOfLastThird(windowsOf<Summarise>(tumbling, 2000ns), disorder) == 0);
    CHECK(allocationsOfLastThird(windowsOf<Summarise>(sliding), disorder) == 0);
    CHECK(allocationsOfLastThird(windowsOf<MergingSummarise>(sliding), disorder) == 0);
    CHECK(allocationsOfLastThird(windowsOf<SubtractingCount>(sliding), disorder) == 0);
}
