#include "windowing/general_window_fixtures.hpp"

#include <millrace/windowing/session_window_operator.hpp>

#include <cstdint>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;

namespace {

std::uint64_t entriesOf(auto& harness) {
    return harness.stage().metrics.state.entries.load();
}

/// `kKeys` keys with a window each, restored; then a record of one of them, and the end of all windows but that one's.
template <class Op>
void checkEntries(const Op& op) {
    constexpr std::int32_t kKeys = 3000;
    OperatorHarness harness(op);
    harness.open();
    for (std::int32_t key = 0; key < kKeys; ++key) harness.element({key, 1}, 5);
    CHECK(entriesOf(harness) == kKeys);

    OperatorHarness restored(op);
    restored.openFrom(harness.snapshot());
    CHECK(entriesOf(restored) == kKeys);
    restored.element({7, 1}, 500);
    restored.watermark(400);
    CHECK(entriesOf(restored) == 1);
    restored.watermark(kEndOfTime);
}

}  // namespace

TEST_CASE("the number of entries that the metrics show is up to date after a restore and when keys have gone",
          "[windowing]") {
    const auto tumbling = TumblingEventTimeWindows::of(100ns);
    const auto sliding = SlidingEventTimeWindows::of(100ns, 50ns);
    const auto sessions = EventTimeSessionWindows::withGap(100ns);
    checkEntries(windowsOf<Summarise>(tumbling));
    checkEntries(windowsOf<MergingSummarise>(sliding));
    checkEntries(generalWindowsOf<Summarise>(tumbling, PurgingTrigger::of(EventTimeTrigger())));
    using Sessions =
        detail::SessionWindowOperator<Item, std::int32_t Item::*, EventTimeSessionWindows, MergingSummarise>;
    checkEntries(Sessions{&Item::key, sessions, {}});
}

TEST_CASE("entries of windows that take late records are counted at once", "[windowing]") {
    OperatorHarness panes(windowsOf<Summarise>(TumblingEventTimeWindows::of(100ns), 1000ns));
    OperatorHarness slices(windowsOf<MergingSummarise>(SlidingEventTimeWindows::of(100ns, 50ns), 1000ns));
    const auto check = [](auto& harness) {
        harness.open();
        harness.element({1, 1}, 5);
        harness.watermark(300);
        harness.element({2, 1}, 6);
        CHECK(entriesOf(harness) == 2);
    };
    check(panes);
    check(slices);
}
