#include <millrace/windowing/session_window_operator.hpp>

#include "windowing/general_window_fixtures.hpp"
#include "windowing/random_input.hpp"

#include "support/allocation_count.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;

namespace {

const auto kSessions = EventTimeSessionWindows::withGap(10ns);

template <class Aggregate, class WindowFn = detail::NoWindowFunction, class Assigner,
          class Out = typename detail::AggregateTraits<Aggregate, Item>::Result>
auto sessionsOf(Assigner assigner, Duration lateness = {}, std::optional<OutputTag<Item>> late = {}) {
    using Op = detail::SessionWindowOperator<Item, std::int32_t Item::*, Assigner, Aggregate, WindowFn, Out>;
    return Op{&Item::key, assigner, Aggregate{}, {}, lateness, late ? late->key() : std::string()};
}

/// "key[start,end):value value …" with the values in ascending order: in which order those of merged sessions come is not
/// defined.
struct SortedValues {
    std::string operator()(const std::int32_t& key, const TimeWindow& window, std::span<const Item> items) const {
        std::vector<Item> sorted(items.begin(), items.end());
        std::sort(sorted.begin(), sorted.end(), [](const Item& a, const Item& b) { return a.value < b.value; });
        return ListValues{}(key, window, sorted);
    }
};

struct GapOfItem {
    Duration operator()(const Item& item) const { return Duration{1 + item.value % 17}; }
};

struct SessionShape {
    std::int64_t gap, lateness, spread;
    int keys;
    bool tagsLate = true;
};

template <class Out>
std::vector<Emitted<Out>> sortedResults(std::vector<Emitted<Out>> all) {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::pair(a.time, a.value) < std::pair(b.time, b.value);
    });
    return all;
}

/// The session operator and the general one on the same input. Now and then both are restored, each from the snapshot that
/// the other has written.
template <class Special, class General>
void compareWithGeneral(const Special& special, const General& general, const SessionShape& shape, std::uint64_t seed,
                        const OutputTag<Item>& late) {
    RecordingPort<Item> firstLate, secondLate;
    auto first = std::make_unique<OperatorHarness<Special>>(special);
    auto second = std::make_unique<OperatorHarness<General>>(general);
    const auto reads = [&] {
        first->readSide(late, firstLate);
        second->readSide(late, secondLate);
    };
    reads();
    first->open();
    second->open();
    RandomInput input(seed, shape.spread, shape.keys);
    const auto compare = [&] {
        const auto results = first->take();
        REQUIRE(sortedResults(results) == sortedResults(second->take()));
        REQUIRE(std::exchange(firstLate.elements, {}) == std::exchange(secondLate.elements, {}));
        REQUIRE(first->stage().metrics.lateRecordsDropped == second->stage().metrics.lateRecordsDropped);
    };
    for (int round = 0; round < 150; ++round) {
        const auto block = input.block();
        first->elements(block);
        second->elements(block);
        compare();
        if (input.movesWatermark()) {
            first->watermark(input.watermark);
            second->watermark(input.watermark);
            const auto& fired = first->output.elements;
            REQUIRE(std::is_sorted(fired.begin(), fired.end(),
                                   [](const auto& a, const auto& b) { return a.time < b.time; }));
            compare();
        }
        if (input.below(shape.spread <= 2 ? 40 : 12) == 0) {
            const MemorySnapshot ofFirst = first->snapshot();
            const MemorySnapshot ofSecond = second->snapshot();
            first = std::make_unique<OperatorHarness<Special>>(special);
            second = std::make_unique<OperatorHarness<General>>(general);
            reads();
            first->openFrom(ofSecond);
            second->openFrom(ofFirst);
            if (input.below(2) == 0) {
                first->watermark(input.watermark);
                second->watermark(input.watermark);
            }
            compare();
        }
    }
    first->watermark(INT64_MAX);
    second->watermark(INT64_MAX);
    compare();
}

}  // namespace

TEST_CASE("the session operator gives what the general one gives", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + roundsToTry(std::uint64_t{8})));
    const auto shape = GENERATE(SessionShape{10, 0, 5, 4}, SessionShape{10, 15, 60, 4}, SessionShape{1, 0, 3, 2, false},
                                SessionShape{40, 0, 200, 30}, SessionShape{10, 30, 80, 6, false},
                                SessionShape{7, 400, 120, 1}, SessionShape{3, 0, 40, 3, false},
                                // in order, or nearly, with few records a session: wakes in a run
                                SessionShape{40, 0, 1, 30}, SessionShape{60, 25, 1, 40}, SessionShape{9, 0, 1, 5},
                                SessionShape{40, 0, 2, 30}, SessionShape{300, 100, 1, 300});
    CAPTURE(seed, shape.gap, shape.lateness, shape.spread);
    const OutputTag<Item> late("late");
    const Duration lateness{shape.lateness};
    const auto tag = shape.tagsLate ? std::optional(late) : std::nullopt;
    const auto compare = [&](auto assigner) {
        SECTION("merged aggregates") {
            compareWithGeneral(
                sessionsOf<MergingSummarise>(assigner, lateness, tag),
                generalWindowsOf<MergingSummarise>(assigner, EventTimeTrigger{}, detail::NoEvictor{}, lateness, tag),
                shape, seed, late);
        }
        SECTION("all elements, with their window") {
            auto general = listsOf<SortedValues>(assigner, EventTimeTrigger{}, detail::NoEvictor{}, lateness);
            general.lateKey = tag ? tag->key() : std::string();
            using Op = detail::SessionWindowOperator<Item, std::int32_t Item::*, decltype(assigner),
                                                     detail::ListAggregate<Item>, SortedValues, std::string>;
            compareWithGeneral(Op{&Item::key, assigner, {}, {}, lateness, general.lateKey}, general, shape, seed, late);
        }
    };
    SECTION("one gap") {
        compare(EventTimeSessionWindows::withGap(Duration{shape.gap}));
    }
    SECTION("gaps of the elements") {
        compare(EventTimeSessionWindows::withDynamicGap(GapOfItem{}));
    }
}

TEST_CASE("sessions end in order, and a record that comes late goes its way", "[windowing]") {
    const OutputTag<Item> late("late");
    const bool tagged = GENERATE(false, true);
    OperatorHarness harness(sessionsOf<MergingSummarise>(kSessions, 5ns, tagged ? std::optional(late) : std::nullopt));
    RecordingPort<Item> lateOutput;
    harness.readSide(late, lateOutput);
    harness.open();
    using Results = std::vector<Emitted<Summary>>;
    harness.elements({{{3, 1}, 7}, {{1, 2}, 4}, {{2, 3}, 0}, {{1, 4}, 9}, {{2, 5}, 11}});
    harness.watermark(20);
    CHECK(harness.take() ==
          Results{{{2, 1, 3, 3, 3}, 9}, {{3, 1, 1, 1, 1}, 16}, {{1, 2, 6, 2, 4}, 18}, {{2, 1, 5, 5, 5}, 20}});
    CHECK(harness.output.watermarks.back().elementsBefore == 4);
    harness.element({4, 6}, 5);  // its session would have been gone at 19
    CHECK(lateOutput.elements == (tagged ? std::vector<Emitted<Item>>{{{4, 6}, 5}} : std::vector<Emitted<Item>>{}));
    CHECK(harness.stage().metrics.lateRecordsDropped == (tagged ? 0 : 1));
    harness.element({4, 7}, 9);  // fires at once: within the lateness
    CHECK(harness.take() == Results{{{4, 1, 7, 7, 7}, 18}});
    harness.element({2, 1}, 8);  // its first session is gone, the second begins at 11
    CHECK(harness.take() == Results{{{2, 2, 6, 1, 5}, 20}});
    harness.watermark(kEndOfTime);
    CHECK(harness.take().empty());
}

TEST_CASE("wakes in a run are for sessions of few records that come in order", "[windowing]") {
    struct Emitter {
        std::vector<std::string> fired;
        TimeWindow window{};
        bool hasRoom() const { return true; }
        void begin(const TimeWindow& of) { window = of; }
        void emit(std::int32_t key, const Summary& sum) {
            fired.push_back(std::to_string(key) + "[" + std::to_string(window.start.time_since_epoch().count()) + "," +
                            std::to_string(window.end.time_since_epoch().count()) + ")*" + std::to_string(sum.count));
        }
        void end() {}
    } emitter;
    std::int32_t Item::*keySelector = &Item::key;
    MergingSummarise aggregate;
    detail::SessionWindows<Item, std::int32_t, std::int32_t Item::*, EventTimeSessionWindows, MergingSummarise> windows(
        EventTimeSessionWindows::withGap(200ns), Duration{}, keySelector, aggregate);
    Timestamp watermark = kMinTimestamp;
    const auto add = [&](std::int32_t key, std::int64_t time) {
        const Item item{key, 1};
        const Timestamp timestamp = at(time);
        std::size_t place = 0;
        windows.add(
            detail::Block<Item>{const_cast<Item*>(&item), const_cast<Timestamp*>(&timestamp), nullptr, 1}, place,
            watermark, [](const auto&...) {}, [](std::size_t) {});
    };
    const auto fire = [&](std::int64_t time) {
        watermark = at(time);
        while (windows.fireSome(watermark, emitter)) continue;
    };
    std::int64_t now = 0;
    // each key comes at 0, 150 and 400 of 1000: sessions of two records, and of one
    const auto sparse = [&] {
        for (std::int64_t end = now + 20'000; now < end; ++now) {
            const auto key = [&](std::int64_t ago) { return static_cast<std::int32_t>((now - ago + 1000) % 1000); };
            add(key(0), now);
            add(key(150), now);
            add(key(400), now);
            if (now % 10 == 9) fire(now);
        }
    };
    sparse();
    CHECK(windows.isEager());
    std::sort(emitter.fired.end() - 2, emitter.fired.end());  // both end at 20000
    CHECK(emitter.fired.end()[-2] == "400[19800,20000)*1");
    CHECK(emitter.fired.end()[-1] == "650[19650,20000)*2");
    SECTION("not where they are of many") {
        for (std::int64_t end = now + 5000; now < end; ++now) {
            add(static_cast<std::int32_t>(now % 10), now);
            if (now % 10 == 9) fire(now);
        }
        CHECK_FALSE(windows.isEager());
        fire(now + 200);
        CHECK(emitter.fired.back() == "9[20009,25199)*500");
    }
    SECTION("not out of order") {
        add(2000, now - 5);
        CHECK_FALSE(windows.isEager());
        add(2000, now + 100);
        emitter.fired.clear();
        fire(now + 299);
        CHECK(emitter.fired.back() == "2000[19995,20300)*2");
        sparse();
        CHECK(windows.isEager());
    }
    SECTION("not while the watermark stands still") {
        for (int i = 0; i < 100'000; ++i) add(i % 10, now + i / 1000);
        CHECK_FALSE(windows.isEager());
        fire(now + 299);
        std::sort(emitter.fired.end() - 10, emitter.fired.end());
        CHECK(emitter.fired.end()[-10] == "0[20000,20299)*10000");
        CHECK(emitter.fired.end()[-1] == "9[20000,20299)*10000");
    }
}

TEST_CASE("at the end of time sessions are cut, not wrapped", "[windowing]") {
    OperatorHarness harness(sessionsOf<MergingSummarise>(kSessions));
    harness.open();
    harness.elements({{{1, 1}, INT64_MIN + 1}, {{1, 2}, INT64_MAX - 3}, {{1, 3}, INT64_MAX - 1}});
    harness.watermark(INT64_MAX - 2);
    CHECK(harness.take() == std::vector<Emitted<Summary>>{{{1, 1, 1, 1, 1}, INT64_MIN + 10}});
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == std::vector<Emitted<Summary>>{{{1, 2, 5, 2, 3}, INT64_MAX - 1}});
}

TEST_CASE("one session may be as long as time itself", "[windowing]") {
    OperatorHarness harness(sessionsOf<MergingSummarise>(EventTimeSessionWindows::withGap(Duration{INT64_MAX})));
    harness.open();
    harness.elements({{{1, 1}, INT64_MIN + 1}, {{1, 2}, 0}, {{1, 3}, INT64_MAX}, {{1, 4}, -5}});
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == std::vector<Emitted<Summary>>{{{1, 4, 10, 1, 4}, INT64_MAX - 1}});
}

TEST_CASE("the session operator can be suspended while it fires", "[windowing]") {
    OperatorHarness harness(sessionsOf<MergingSummarise>(kSessions, 3ns));
    harness.open();
    constexpr std::int32_t kKeys = 20'000;
    for (std::int32_t key = 0; key < kKeys; ++key) harness.element({key, 1}, key % 100);
    harness.context.outputBlocked = true;
    CHECK(harness.watermark(500) == detail::Progress::Suspended);
    CHECK(harness.output.watermarks.empty());
    harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
    int resumed = 0;
    detail::Progress progress = detail::Progress::Suspended;
    while (progress == detail::Progress::Suspended) {
        harness.context.outputBlocked = false;
        const std::size_t before = harness.output.count;
        progress = harness.stage().resume();
        CHECK(harness.output.count - before <= 2 * 1024);
        ++resumed;
    }
    CHECK(resumed > 10);
    const auto fired = harness.take();
    CHECK(fired.size() == kKeys);
    CHECK(std::is_sorted(fired.begin(), fired.end(), [](const auto& a, const auto& b) { return a.time < b.time; }));
    REQUIRE(harness.output.watermarks.size() == 1);
    CHECK(harness.output.watermarks[0].elementsBefore == kKeys);
}

TEST_CASE("a snapshot of sessions splits by key group", "[windowing][state]") {
    const auto make = [] { return sessionsOf<MergingSummarise>(EventTimeSessionWindows::withGap(7ns), 4ns); };
    const auto feed = [](auto& harness, int from, int to, auto accept) {
        for (int i = from; i < to; ++i) {
            const Item item{i % 37, i};
            if (accept(item.key)) harness.element(item, i / 10 + i % 3);
            if (i % 50 == 49) harness.watermark(i / 10 - 3);
        }
    };
    OperatorHarness whole(make());
    whole.open();
    feed(whole, 0, 600, [](int) { return true; });
    const MemorySnapshot snapshot = whole.snapshot();
    whole.take();
    feed(whole, 600, 1200, [](int) { return true; });
    whole.watermark(INT64_MAX);
    std::vector<Emitted<Summary>> actual;
    for (int subtask = 0; subtask < 2; ++subtask) {
        const KeyGroupRange mine = keyGroupRange(subtask, 2, 128);
        OperatorHarness part(make());
        part.openFrom(snapshot.forKeyGroups(mine.first, mine.last));
        part.watermark(56);
        feed(part, 600, 1200, [&](int key) { return mine.contains(keyGroupFor(keyHash(key), 128)); });
        part.watermark(INT64_MAX);
        const auto some = part.take();
        CHECK_FALSE(some.empty());
        actual.insert(actual.end(), some.begin(), some.end());
    }
    CHECK(sortedResults(actual) == sortedResults(whole.take()));
}

TEST_CASE("sessions of a key that ends leave nothing to the next one", "[windowing]") {
    OperatorHarness harness(sessionsOf<MergingSummarise>(kSessions, Duration{INT64_MAX}));
    harness.open();
    harness.elements({{{1, 1}, 100}, {{1, 2}, 200}});
    CHECK(harness.stage().endKey() == detail::Progress::Done);
    CHECK(harness.take() == std::vector<Emitted<Summary>>{{{1, 1, 1, 1, 1}, 109}, {{1, 1, 2, 2, 2}, 209}});
    harness.element({1, 3}, 50);
    CHECK(harness.stage().endKey() == detail::Progress::Done);
    CHECK(harness.take() == std::vector<Emitted<Summary>>{{{1, 1, 3, 3, 3}, 59}});
}

TEST_CASE("sessions do not allocate in their stride", "[windowing]") {
    const std::int64_t disorder = GENERATE(0, 97, 2000);
    CAPTURE(disorder);
    OperatorHarness harness(sessionsOf<MergingSummarise>(EventTimeSessionWindows::withGap(800ns)));
    harness.open();
    harness.output.keeps = false;
    harness.output.watermarks.reserve(10'000);
    std::size_t before = 0;
    const int blocks = roundsToCount(3000);
    static std::array<Item, 500> items;
    static std::array<Timestamp, 500> times;
    for (int block = 0; block < blocks; ++block) {
        if (block == blocks * 2 / 3) before = allocationCount();
        // the levels of the timing wheel are made when they are first needed: this crosses to the next one early on
        const std::int64_t start = (1 << 20) - 100'000 + 500 * block;
        for (int i = 0; i < 500; ++i) {
            const auto n = static_cast<std::uint64_t>(start + i) * 0x9E3779B97F4A7C15u >> 33;
            items[static_cast<std::size_t>(i)] = {static_cast<std::int32_t>(n % 1000), i};
            times[static_cast<std::size_t>(i)] = at(start + i - static_cast<std::int64_t>(n % 97) * disorder / 97);
        }
        harness.stage().onBlock(0, detail::Block<Item>{items.data(), times.data(), nullptr, items.size()});
        harness.watermark(start + 499 - disorder);
    }
    CHECK(allocationCount() - before == 0);
}

TEST_CASE("a merge that throws when sessions become one is said to have thrown", "[windowing][session]") {
    struct Unmergeable : Summarise {
        void merge(Summary&, const Summary&) const { throw std::runtime_error("never the twain"); }
    };
    OperatorHarness harness(sessionsOf<Unmergeable>(EventTimeSessionWindows::withGap(10ns)));
    harness.open();
    harness.elements({{{1, 1}, 0}, {{1, 2}, 12}});
    try {
        harness.element({1, 3}, 6);
        FAIL("expected an exception");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error),
                   Catch::Matchers::ContainsSubstring(
                       "merge of the aggregate function threw for the record {key: 1, value: 3}") &&
                       Catch::Matchers::ContainsSubstring("never the twain"));
    }
}
