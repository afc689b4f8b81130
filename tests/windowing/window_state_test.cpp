#include <millrace/windowing/window_state.hpp>

#include "windowing/general_window_fixtures.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;
using Catch::Matchers::ContainsSubstring;

namespace {

const auto kTens = TumblingEventTimeWindows::of(10ns);
const ValueStateDescriptor<int> kFirings("firings");
const ListStateDescriptor<std::int64_t> kStarts("starts");

std::int64_t startOf(const TimeWindow& window) {
    return ticks(window.start);
}
std::int64_t startOf(const GlobalWindow&) {
    return 0;
}

/// "key[start #firing of the window, windows of the key so far: starts…]"; when a window is gone that is a side output.
template <class Window>
struct CountFirings {
    ValueState<int> firings;
    ListState<std::int64_t> starts;

    void open(WindowRuntimeContext& context) {
        firings = context.windowState().getState(kFirings);
        starts = context.globalState().getListState(kStarts);
    }
    std::string process(const std::int32_t& key, WindowContextOf<Window>& context, std::span<const Item> items) {
        const int before = firings.valueOr(0);
        if (before == 0) starts.add(startOf(context.window()));
        firings.update(before + 1);
        std::string text = std::to_string(key) + "[" + std::to_string(startOf(context.window())) + " #" +
                           std::to_string(*firings.value()) + " of " + std::to_string(items.size()) + ":";
        for (const std::int64_t start : starts.get()) text += " " + std::to_string(start);
        return text + "]";
    }
    void clear(WindowContextOf<Window>& context) {
        context.output(OutputTag<std::string>("gone"),
                       std::to_string(startOf(context.window())) + " after " + std::to_string(firings.valueOr(0)));
    }
};

template <class Assigner, class Trigger>
auto firingsOf(Assigner assigner, Trigger trigger, Duration lateness = {}) {
    return OperatorHarness(
        listsOf<CountFirings<typename Assigner::Window>>(assigner, trigger, detail::NoEvictor{}, lateness));
}

/// The same through the context, as in Flink; without `clear`.
struct ThroughContext {
    void open(WindowRuntimeContext& context) {
        context.windowState().getState(kFirings);
        context.globalState().getListState(kStarts);
    }
    std::string process(const std::int32_t&, WindowContext& context, std::span<const Item>) {
        auto firings = context.windowState().getState(kFirings);
        auto starts = context.globalState().getListState(kStarts);
        firings.update(firings.valueOr(0) + 1);
        starts.add(ticks(context.window().start));
        return std::to_string(*firings.value()) + " " + std::to_string(starts.get().size());
    }
};

template <class Call>
std::string errorOf(Call call) {
    try {
        call();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return {};
}

}  // namespace

TEST_CASE("a window function has states of the window, which go with it, and of the key, which stay", "[windowing]") {
    auto harness = firingsOf(kTens, EventTimeTrigger{}, 5ns);
    RecordingPort<std::string> gone;
    harness.readSide(OutputTag<std::string>("gone"), gone);
    harness.open();
    harness.elements({{{1, 1}, 3}, {{2, 1}, 4}});
    harness.watermark(9);
    harness.element({1, 2}, 5);  // within the lateness: the window fires again
    CHECK(harness.take() == Texts{{"1[0 #1 of 1: 0]", 9}, {"2[0 #1 of 1: 0]", 9}, {"1[0 #2 of 2: 0]", 9}});
    CHECK(gone.elements.empty());

    harness.element({1, 3}, 12);
    harness.watermark(14);
    CHECK(gone.elements == Texts{{"0 after 2", 9}, {"0 after 1", 9}});
    harness.watermark(19);
    CHECK(harness.take() == Texts{{"1[10 #1 of 1: 0 10]", 19}});
}

TEST_CASE("states of windows and keys survive a restore, the ones of windows that are gone do not", "[windowing]") {
    auto harness = firingsOf(kTens, EventTimeTrigger{}, 100ns);
    harness.open();
    harness.elements({{{1, 1}, 3}, {{1, 1}, 14}, {{2, 1}, 4}});
    harness.watermark(9);
    harness.element({1, 2}, 5);
    CHECK(harness.take() == Texts{{"1[0 #1 of 1: 0]", 9}, {"2[0 #1 of 1: 0]", 9}, {"1[0 #2 of 2: 0]", 9}});
    const MemorySnapshot snapshot = harness.snapshot();

    auto restored = firingsOf(kTens, EventTimeTrigger{}, 100ns);
    restored.openFrom(snapshot);
    restored.watermark(9);
    restored.element({1, 3}, 6);
    restored.watermark(19);
    CHECK(restored.take() == Texts{{"1[0 #3 of 3: 0]", 9}, {"1[10 #1 of 1: 0 10]", 19}});
    restored.watermark(kEndOfTime);

    // all windows are gone: of key 1 and 2 only the states of the key are left
    auto later = firingsOf(kTens, EventTimeTrigger{}, 100ns);
    later.openFrom(restored.snapshot());
    later.elements({{{1, 4}, 3}, {{2, 4}, 3}});
    later.watermark(9);
    CHECK(later.take() == Texts{{"1[0 #1 of 1: 0 10 0]", 9}, {"2[0 #1 of 1: 0 0]", 9}});
}

TEST_CASE("states of a key group go where the key group goes", "[windowing]") {
    auto harness = firingsOf(kTens, EventTimeTrigger{}, 100ns);
    harness.open();
    std::vector<Emitted<Item>> items;
    for (std::int32_t key = 0; key < 40; ++key) items.push_back({{key, 1}, 3});
    harness.elements(items);
    harness.watermark(9);
    harness.take();
    std::size_t seen = 0;
    for (const auto& [first, last] : {std::pair(0, 63), std::pair(64, 127)}) {
        auto part = firingsOf(kTens, EventTimeTrigger{}, 100ns);
        part.openFrom(harness.snapshot().forKeyGroups(first, last));
        part.watermark(9);
        for (std::int32_t key = 0; key < 40; ++key) {
            const int group = keyGroupFor(keyHash(key), 128);
            if (first > group || group > last) continue;
            part.element({key, 2}, 4);
            CHECK(part.take() == Texts{{std::to_string(key) + "[0 #2 of 2: 0]", 9}});
            ++seen;
        }
    }
    CHECK(seen == 40);
}

TEST_CASE("a purge leaves a window's states alone, also in a window without end", "[windowing]") {
    auto harness = firingsOf(GlobalWindows::create(), PurgingTrigger::of(CountTrigger::of(2)));
    harness.open();
    for (int i = 0; i < 4; ++i) harness.element({1, i}, i);
    CHECK(harness.take() == Texts{{"1[0 #1 of 2: 0]", kEndOfTime}, {"1[0 #2 of 2: 0]", kEndOfTime}});
    auto restored = firingsOf(GlobalWindows::create(), PurgingTrigger::of(CountTrigger::of(2)));
    restored.openFrom(harness.snapshot());
    for (int i = 0; i < 2; ++i) restored.element({1, i}, i);
    CHECK(restored.take() == Texts{{"1[0 #3 of 2: 0]", kEndOfTime}});
}

TEST_CASE("states are found through the context as well, and forgotten without a clear()", "[windowing]") {
    const auto make = [] {
        return OperatorHarness(listsOf<ThroughContext>(SlidingEventTimeWindows::of(10ns, 5ns), EventTimeTrigger{}));
    };
    auto harness = make();
    harness.open();
    harness.element({1, 1}, 7);  // [0, 10) and [5, 15)
    harness.watermark(9);
    auto restored = make();
    restored.openFrom(harness.snapshot());
    restored.watermark(14);
    restored.element({1, 1}, 17);
    restored.watermark(19);
    CHECK(harness.take() == Texts{{"1 1", 9}});
    CHECK(restored.take() == Texts{{"1 2", 14}, {"1 3", 19}});
}

TEST_CASE("sessions have states of the key only, and say so", "[windowing]") {
    struct OfKey {
        ValueState<int> sessions;
        void open(WindowRuntimeContext& context) { sessions = context.getState(ValueStateDescriptor<int>{"sessions"}); }
        int process(const std::int32_t&, WindowContext&, std::span<const Item>) {
            sessions.update(sessions.valueOr(0) + 1);
            return *sessions.value();
        }
    };
    const auto gap = EventTimeSessionWindows::withGap(10ns);
    using Op = detail::WindowOperator<Item, std::int32_t Item::*, EventTimeSessionWindows, EventTimeTrigger,
                                      detail::NoEvictor, detail::ListAggregate<Item>, OfKey, int>;
    OperatorHarness harness(Op{&Item::key, gap, {}, {}, {}, {}, {}, {}});
    harness.open();
    harness.elements({{{1, 1}, 0}, {{1, 1}, 30}, {{1, 1}, 60}});
    harness.watermark(kEndOfTime);
    CHECK(harness.take() == std::vector<Emitted<int>>{{1, 9}, {2, 39}, {3, 69}});

    OperatorHarness wrong(listsOf<CountFirings<TimeWindow>>(gap, EventTimeTrigger{}));
    CHECK_THAT(errorOf([&] { wrong.open(); }),
               ContainsSubstring("windows that merge (sessions) have no windowState()") ||
                   ContainsSubstring("Windows that merge (sessions) have no windowState()"));
}

TEST_CASE("a state that open() has not declared, or that has another type, is an error that names it", "[windowing]") {
    struct Forgets {
        void open(WindowRuntimeContext& context) { context.globalState().getState(kFirings); }
        std::string process(const std::int32_t& key, WindowContext& context, std::span<const Item>) {
            if (key == 1) context.globalState().getState(ValueStateDescriptor<int>{"other"});
            if (key == 2) context.globalState().getState(ValueStateDescriptor<std::string>{"firings"});
            if (key == 3) context.windowState().getState(kFirings);
            return {};
        }
    };
    const auto errorFor = [](std::int32_t key) {
        OperatorHarness harness(listsOf<Forgets>(kTens, EventTimeTrigger{}));
        harness.open();
        harness.element({key, 1}, 1);
        return errorOf([&] { harness.watermark(9); });
    };
    CHECK_THAT(errorFor(1), ContainsSubstring("state 'other' is not known: a state is declared in open()"));
    CHECK_THAT(errorFor(2), ContainsSubstring("state 'firings' is a value<i32>, but is asked for as a value<string>"));
    CHECK_THAT(errorFor(3), ContainsSubstring("declare the state in its open(WindowRuntimeContext& context)"));
}

TEST_CASE("what clear() of a window function throws says where it happened", "[windowing]") {
    struct Throws {
        std::string process(const std::int32_t&, WindowContext&, std::span<const Item>) { return "fired"; }
        void clear(WindowContext&) { throw std::runtime_error("not today"); }
    };
    OperatorHarness harness(listsOf<Throws>(kTens, EventTimeTrigger{}));
    harness.open();
    harness.element({1, 1}, 1);
    CHECK_THAT(errorOf([&] { harness.watermark(9); }),
               ContainsSubstring("clear() of the window's function threw for a window of key 1") &&
                   ContainsSubstring("not today"));
}
