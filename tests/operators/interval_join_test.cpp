#include <millrace/operators/interval_join.hpp>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"
#include "support/two_input_harness.hpp"

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Order {
    std::int64_t id;
    std::int32_t customer;
};
struct Payment {
    std::string text;
    std::string customer;
};
struct Named {
    std::string customer;
    std::string text;
};

/// Tells left, right and the two timestamps.
struct ShowPair {
    void processElement(const Order& left, const Order& right, ProcessJoinContext& context,
                        Collector<std::string>& out) const {
        REQUIRE(context.getTimestamp() == std::max(context.getLeftTimestamp(), context.getRightTimestamp()));
        out.collect("l" + std::to_string(left.id) + "r" + std::to_string(right.id));
    }
};
using Shown = std::vector<Emitted<std::string>>;

auto orders(std::int64_t lower, std::int64_t upper) {
    using Op =
        detail::IntervalJoinOperator<Order, Order, std::int32_t Order::*, std::int32_t Order::*, std::string, ShowPair>;
    return Op{&Order::customer, &Order::customer, {}, Duration{lower}, Duration{upper}};
}
template <class Op>
auto orderHarness(Op op) {
    return TwoInputHarness<Order, Order, Op>(std::move(op));
}

std::vector<std::int64_t> ticksOf(const std::vector<Timestamp>& times) {
    std::vector<std::int64_t> all;
    for (const Timestamp time : times) all.push_back(ticks(time));
    return all;
}

}  // namespace

TEST_CASE("interval join [-2, +1]: both bounds belong to it, and the result has the later timestamp", "[operators]") {
    auto harness = orderHarness(orders(-2, 1));
    harness.open();
    for (std::int64_t t = 6; t <= 13; ++t) harness.element2({t, 1}, t);
    harness.element1({0, 1}, 10);
    CHECK(harness.take() == Shown{{"l0r8", 10}, {"l0r9", 10}, {"l0r10", 10}, {"l0r11", 11}});
    harness.element2({80, 1}, 8);
    harness.element2({70, 1}, 7);
    harness.element2({110, 1}, 11);
    harness.element2({110, 2}, 11);  // another customer
    CHECK(harness.take() == Shown{{"l0r80", 10}, {"l0r110", 11}});
}

TEST_CASE("an interval that exclusive bounds leave nothing of joins nothing", "[operators]") {
    // The first few elements of a key, which have a search of their own, joined all of the others.
    auto harness = orderHarness(orders(1, 0));  // between(0, 0) without its lower bound, or between(0, 1) without both
    harness.open();
    for (std::int64_t t = 6; t <= 13; ++t) {
        harness.element2({t, 1}, t);
        harness.element1({t, 1}, t);
    }
    for (std::int64_t i = 0; i < 40; ++i) {
        harness.element2({i, 2}, 10);
        harness.element1({i, 2}, 10);
    }
    CHECK(harness.take() == Shown{});
}

TEST_CASE("an element whose timestamp equals the watermark is not late; one before it is", "[operators]") {
    const OutputTag<Order> lateLeft("late left");
    auto op = orders(-2, 1);
    op.lateLeft = lateLeft;
    auto harness = orderHarness(std::move(op));
    RecordingPort<Order> late;
    harness.readSide(lateLeft, late);
    harness.open();
    harness.element1({1, 1}, 10);
    harness.element2({2, 1}, 10);
    CHECK(harness.take() == Shown{{"l1r2", 10}});
    harness.watermarks(10);
    harness.element1({3, 1}, 10);  // joins what is still there: right 2 is kept for two ticks
    harness.element1({4, 1}, 9);
    harness.element2({5, 1}, 9);
    CHECK(harness.take() == Shown{{"l3r2", 10}});
    REQUIRE(late.elements.size() == 1);
    CHECK(late.elements.front().value.id == 4);
    CHECK(late.elements.front().time == 9);
    CHECK(harness.stage().metrics.lateRecordsDropped == 1);  // right 5: there is no side output for it
}

TEST_CASE("late is what is behind the watermark of both inputs together", "[operators]") {
    auto harness = orderHarness(orders(0, 0));
    harness.open();
    harness.watermark1(100);
    harness.element1({1, 1}, 5);
    harness.element2({2, 1}, 5);
    CHECK(harness.take() == Shown{{"l1r2", 5}});
    harness.watermark2(6);
    harness.element1({3, 1}, 5);
    CHECK(harness.stage().metrics.lateRecordsDropped == 1);
    CHECK(harness.output.watermarks.size() == 1);
    CHECK(harness.output.watermarks.front().time == 6);
}

TEST_CASE("a record is forgotten when it can find no partner any more, exactly at its watermark", "[operators]") {
    auto harness = orderHarness(orders(-2, 1));
    harness.open();
    for (std::int64_t t = 1; t <= 4; ++t) {
        harness.element1({t, 1}, t);
        harness.element2({t, 1}, t);
    }
    harness.take();
    using Times = std::vector<std::int64_t>;
    CHECK(ticksOf(harness.head().bufferedLeft()) == Times{1, 2, 3, 4});
    harness.watermarks(2);
    CHECK(ticksOf(harness.head().bufferedLeft()) == Times{2, 3, 4});  // kept for 1
    CHECK(ticksOf(harness.head().bufferedRight()) == Times{1, 2, 3, 4});
    harness.watermarks(4);
    CHECK(ticksOf(harness.head().bufferedLeft()) == Times{4});
    CHECK(ticksOf(harness.head().bufferedRight()) == Times{3, 4});  // kept for 2
    harness.watermarks(INT64_MAX);
    CHECK(harness.head().bufferedLeft().empty());
    CHECK(harness.head().bufferedRight().empty());
}

TEST_CASE("a record that comes at its own cleanup time stays until the next watermark", "[operators]") {
    auto harness = orderHarness(orders(0, 0));
    harness.open();
    harness.element1({1, 1}, 10);
    harness.watermarks(10);        // the cleanup time of left 1
    harness.element2({2, 1}, 10);  // not late, but left 1 is gone
    CHECK(harness.take().empty());
    harness.element1({3, 1}, 10);  // finds right 2, which has come since the watermark
    CHECK(harness.take() == Shown{{"l3r2", 10}});
    harness.watermarks(11);
    CHECK(harness.head().bufferedLeft().empty());
    CHECK(harness.head().bufferedRight().empty());
}

TEST_CASE("an interval may lie wholly before or after the left element", "[operators]") {
    auto before = orderHarness(orders(-5, -3));
    before.open();
    auto after = orderHarness(orders(3, 5));
    after.open();
    for (std::int64_t t = 0; t <= 20; ++t) {
        before.element2({t, 1}, t);
        after.element2({t, 1}, t);
    }
    before.element1({0, 1}, 10);
    after.element1({0, 1}, 10);
    CHECK(before.take() == Shown{{"l0r5", 10}, {"l0r6", 10}, {"l0r7", 10}});
    CHECK(after.take() == Shown{{"l0r13", 13}, {"l0r14", 14}, {"l0r15", 15}});
    before.watermarks(10);
    CHECK(before.head().bufferedLeft().empty());  // its partners came before it
    CHECK(ticksOf(before.head().bufferedRight()).front() == 6);
}

TEST_CASE("an interval join: a record without timestamp is an error that says what to call", "[operators]") {
    auto harness = orderHarness(orders(0, 0));
    harness.open();
    Order order{1, 1};
    CHECK_THROWS_WITH(harness.stage().onBlock(1, detail::Block<Order>{&order, nullptr, nullptr, 1}),
                      ContainsSubstring("uid-2") && ContainsSubstring("an interval join needs one") &&
                          ContainsSubstring("assignTimestampsAndWatermarks"));
}

TEST_CASE("what an interval join has buffered survives a snapshot; the watermark starts anew", "[operators]") {
    auto harness = orderHarness(orders(-2, 3));
    harness.open();
    for (std::int32_t customer = 0; customer < 300; ++customer) {
        harness.element1({customer, customer}, 10);
        harness.element2({customer + 1000, customer}, 20);
        harness.element1({customer + 2000, customer}, 21);
    }
    harness.take();
    harness.watermarks(15);  // left 10 is gone
    const MemorySnapshot snapshot = harness.snapshot();

    std::size_t found = 0;
    for (int part = 0; part < 3; ++part) {
        auto restored = orderHarness(orders(-2, 3));
        restored.openFrom(snapshot.forKeyGroups(part * 43, part == 2 ? 127 : part * 43 + 42));
        const auto left = ticksOf(restored.head().bufferedLeft());
        const auto right = ticksOf(restored.head().bufferedRight());
        CHECK(std::all_of(left.begin(), left.end(), [](std::int64_t t) { return t == 21; }));
        CHECK(std::all_of(right.begin(), right.end(), [](std::int64_t t) { return t == 20; }));
        CHECK(left.size() == right.size());
        found += left.size();
    }
    CHECK(found == 300);

    auto restored = orderHarness(orders(-2, 3));
    restored.openFrom(snapshot);
    restored.element2({5000, 7}, 1);  // not late: there is no watermark
    CHECK(restored.stage().metrics.lateRecordsDropped == 0);
    restored.element2({5001, 7}, 24);
    restored.element1({5002, 7}, 22);
    CHECK(restored.take() == Shown{{"l2007r5001", 24}, {"l5002r1007", 22}, {"l5002r5001", 24}});
    restored.watermarks(24);
    CHECK(ticksOf(restored.head().bufferedLeft()) == std::vector<std::int64_t>{22});
}

TEST_CASE("keys that never come again are freed once the watermark has passed their records", "[operators]") {
    auto harness = orderHarness(orders(-50, 50));
    harness.open();
    constexpr std::int32_t kKeys = 200'000;
    std::size_t most = 0;
    for (std::int32_t key = 0; key < kKeys; ++key) {
        harness.element1({key, key}, key);
        if (key % 16 == 15) {
            harness.watermarks(key);
            most = std::max(most, harness.head().keys());
        }
    }
    CHECK(most < 2'000);  // some 50 are needed at a time
    harness.watermarks(kKeys + 1'000);
    CHECK(harness.head().keys() == 0);
}

TEST_CASE("keys are freed by watermarks alone, a few at a time", "[operators]") {
    auto harness = orderHarness(orders(-50, 50));
    harness.open();
    for (std::int32_t key = 0; key < 1'000; ++key) harness.element1({key, key}, 0);
    harness.element1({0, 0}, 1'000'000);  // holds the whole from being dropped
    for (std::int64_t t = 200; t < 400; ++t) harness.watermarks(t);
    CHECK(harness.head().keys() == 1);
    CHECK(ticksOf(harness.head().bufferedLeft()) == std::vector<std::int64_t>{1'000'000});
    const auto entries = [](auto& of) { return of.stage().metrics.state.entries.load(); };
    CHECK(entries(harness) == 1);

    harness.element1({5, 5}, 1'000'000);
    auto restored = orderHarness(orders(-50, 50));
    restored.openFrom(harness.snapshot());
    CHECK(entries(restored) == 2);
    restored.watermarks(2'000'000);
    CHECK(entries(restored) == 0);
}

TEST_CASE("batch: an interval join keeps nothing of a key that has ended", "[operators]") {
    auto harness = orderHarness(orders(-2, 1));
    harness.context.isBatch = true;
    harness.open();
    const auto isForgotten = [&] {
        return harness.head().keys() == 0 && harness.head().bufferedLeft().empty() &&
               harness.head().bufferedRight().empty() && harness.stage().metrics.state.entries.load() == 0 &&
               harness.snapshot().empty();
    };
    harness.element1({1, 7}, 100);
    harness.element2({2, 7}, 101);
    CHECK(harness.take() == Shown{{"l1r2", 101}});
    CHECK(!isForgotten());
    CHECK(harness.stage().endKey() == detail::Progress::Done);
    CHECK(isForgotten());

    harness.element2({3, 7}, 100);  // the same key and time: would join left 1, were it there
    CHECK(harness.take().empty());
    CHECK(harness.stage().endKey() == detail::Progress::Done);
    for (std::int64_t t = 1; t <= 60; ++t) harness.element1({t, 8}, t);  // more than a key has room for in place
    harness.element2({4, 8}, 60);  // nothing is late: every key starts at the beginning of time
    CHECK(harness.take() == Shown{{"l59r4", 60}, {"l60r4", 60}});
    CHECK(harness.stage().endKey() == detail::Progress::Done);
    CHECK(isForgotten());
    harness.element1({5, 8}, 60);
    CHECK(harness.take().empty());
    CHECK(harness.stage().endKey() == detail::Progress::Done);
    harness.watermarks(ticks(kMaxTimestamp));
    CHECK(isForgotten());
    CHECK(harness.stage().metrics.lateRecordsDropped == 0);
}

TEST_CASE("strings on one side, other strings as keys: what an interval join moves and frees stays whole",
          "[operators]") {
    struct Show {
        std::string operator()(const Payment& left, const Named& right) const { return left.text + "/" + right.text; }
    };
    using Op =
        detail::IntervalJoinOperator<Payment, Named, std::string Payment::*, std::string Named::*, std::string, Show>;
    TwoInputHarness<Payment, Named, Op> harness(
        Op{&Payment::customer, &Named::customer, {}, Duration{-1000}, Duration{1000}});
    harness.open();
    const auto text = [](const char* side, int i) {
        return std::string(side) + " of more than sixteen letters " + std::to_string(i);
    };
    const auto customer = [](int i) { return "a customer with a long name, number " + std::to_string(i % 97); };
    std::size_t pairs = 0;
    for (int round = 0; round < 30; ++round) {
        std::vector<Emitted<Payment>> payments;
        std::vector<Emitted<Named>> names;
        for (int i = 0; i < 97; ++i) {
            payments.push_back({{text("left", i), customer(i)}, 1000 * round + 500 - i});
            names.push_back({{customer(i), text("right", i)}, 1000 * round + i});
        }
        harness.elements1(std::move(payments));
        harness.elements2(std::move(names));
        for (const auto& pair : harness.take()) {
            const auto slash = pair.value.find('/');
            CHECK(pair.value.substr(4, slash - 4) == pair.value.substr(slash + 6));  // of the same customer
            ++pairs;
        }
        harness.watermarks(1000 * round - 2000);
    }
    CHECK(pairs > 5000);
}

namespace {

struct Event {
    std::int32_t key;
    std::int32_t id;
};
struct PairOfEvents {
    std::int32_t left;
    std::int32_t right;
    auto operator<=>(const PairOfEvents&) const = default;
};
using EventJoin = detail::IntervalJoinOperator<Event, Event, std::int32_t Event::*, std::int32_t Event::*, PairOfEvents,
                                               PairOfEvents (*)(const Event&, const Event&)>;
PairOfEvents pairUp(const Event& left, const Event& right) {
    return {left.id, right.id};
}

/// The rule, word by word: every record is kept, and asked whether it has been cleaned up.
struct NaiveJoin {
    struct Kept {
        Event event;
        std::int64_t time;
        std::int64_t cleanup;
        bool gone = false;
    };
    std::int64_t lower, upper;
    std::int64_t watermark = INT64_MIN;
    std::vector<Kept> left{}, right{};
    std::vector<Emitted<PairOfEvents>> out{};
    std::uint64_t late = 0;

    void element(bool isLeft, const Event& event, std::int64_t time) {
        if (time < watermark) {
            ++late;
            return;
        }
        for (const Kept& other : isLeft ? right : left) {
            const std::int64_t distance = isLeft ? other.time - time : time - other.time;
            if (other.gone || other.event.key != event.key || distance < lower || distance > upper) continue;
            out.push_back({isLeft ? PairOfEvents{event.id, other.event.id} : PairOfEvents{other.event.id, event.id},
                           std::max(time, other.time)});
        }
        const std::int64_t kept = isLeft ? std::max<std::int64_t>(upper, 0) : std::max<std::int64_t>(-lower, 0);
        (isLeft ? left : right).push_back({event, time, time + kept});
    }
    void advance(std::int64_t to) {
        if (to <= watermark) return;
        watermark = to;
        for (auto* side : {&left, &right}) {
            for (Kept& each : *side) each.gone = each.gone || each.cleanup <= to;
        }
    }
    static std::vector<std::int64_t> times(const std::vector<Kept>& side) {
        std::vector<std::int64_t> times;
        for (const Kept& each : side) {
            if (!each.gone) times.push_back(each.time);
        }
        std::sort(times.begin(), times.end());
        return times;
    }
};

std::vector<std::pair<PairOfEvents, std::int64_t>> inOrder(const std::vector<Emitted<PairOfEvents>>& pairs) {
    std::vector<std::pair<PairOfEvents, std::int64_t>> all;
    for (const auto& pair : pairs) all.emplace_back(pair.value, pair.time);
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace

TEST_CASE("an interval join gives what its rule says, for any input", "[operators]") {
    const auto seed = GENERATE(range(1, 1 + roundsToTry(40)));
    CAPTURE(seed);
    std::mt19937 random(static_cast<std::uint32_t>(seed));
    const auto upTo = [&](int n) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(n + 1)); };
    const std::int64_t lower = upTo(30) - 20;
    const std::int64_t upper = lower + upTo(25);
    const int keys = seed % 3 == 0 ? 3 : 200;
    NaiveJoin naive{lower, upper};
    const EventJoin op{&Event::key, &Event::key, &pairUp, Duration{lower}, Duration{upper}};
    auto harness = std::make_unique<TwoInputHarness<Event, Event, EventJoin>>(op);
    harness->open();
    std::int64_t watermarks[2] = {INT64_MIN, INT64_MIN};
    std::uint64_t lateBefore = 0;
    std::int32_t id = 0;
    for (std::int64_t step = 0; step < 400; ++step) {
        const bool isLeft = upTo(1) == 1;
        if (const auto what = upTo(19); what < 14) {
            std::vector<Emitted<Event>> block;
            for (std::int64_t n = upTo(8); n >= 0; --n) {
                const Event event{static_cast<std::int32_t>(upTo(keys - 1)), ++id};
                const std::int64_t time = step - upTo(10) + upTo(20);
                block.push_back({event, time});
                naive.element(isLeft, event, time);
            }
            isLeft ? harness->elements1(std::move(block)) : harness->elements2(std::move(block));
        } else if (what < 19) {
            auto& mine = watermarks[isLeft ? 0 : 1];
            mine = std::max(mine, step - upTo(8));
            isLeft ? harness->watermark1(mine) : harness->watermark2(mine);
            naive.advance(std::min(watermarks[0], watermarks[1]));
        } else if (upTo(3) == 0) {
            const MemorySnapshot snapshot = harness->snapshot();
            lateBefore += harness->stage().metrics.lateRecordsDropped;
            auto pairs = harness->take();
            harness = std::make_unique<TwoInputHarness<Event, Event, EventJoin>>(op);
            harness->openFrom(snapshot);
            harness->output.elements = std::move(pairs);
            watermarks[0] = watermarks[1] = naive.watermark = INT64_MIN;
        }
        REQUIRE(ticksOf(harness->head().bufferedLeft()) == NaiveJoin::times(naive.left));
        REQUIRE(ticksOf(harness->head().bufferedRight()) == NaiveJoin::times(naive.right));
    }
    CHECK(inOrder(harness->take()) == inOrder(naive.out));
    CHECK(lateBefore + harness->stage().metrics.lateRecordsDropped == naive.late);
    CHECK(!naive.out.empty());
}

TEST_CASE("an interval join in its stride allocates nothing", "[operators]") {
    const EventJoin op{&Event::key, &Event::key, &pairUp, Duration{-40}, Duration{40}};
    TwoInputHarness<Event, Event, EventJoin> harness(op);
    harness.output.keeps = false;
    harness.open();
    std::vector<Event> events(512);
    std::vector<Timestamp> times(512);
    std::int64_t clock = 0;
    const auto run = [&](int blocks) {
        for (int block = 0; block < blocks; ++block) {
            for (std::size_t i = 0; i < events.size(); ++i) {
                clock += 1;
                events[i] = {static_cast<std::int32_t>((static_cast<std::uint64_t>(clock) * 0x9E3779B97F4A7C15u) >> 54),
                             0};
                times[i] = at(clock * 40 / 1024);  // a key comes about every 40 ticks
            }
            harness.stage().onBlock(block % 2,
                                    detail::Block<Event>{events.data(), times.data(), nullptr, events.size()});
            if (block % 2 == 1) {
                harness.output.watermarks.clear();
                harness.watermarks(clock * 40 / 1024 - 20);
            }
        }
    };
    run(roundsToCount(2'000));
    const std::size_t pairs = harness.output.count;
    const std::size_t before = allocationCount();
    run(roundsToCount(2'000));
    CHECK(allocationCount() - before <= 10);  // a rare burst of one key may need room that it never had
    CHECK(harness.output.count > 2 * pairs - pairs / 10);
}
