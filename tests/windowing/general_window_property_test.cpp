#include "windowing/general_window_fixtures.hpp"

#include "windowing/random_input.hpp"

#include "support/allocation_count.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;

namespace {

using Results = std::vector<Emitted<Summary>>;

Results ordered(Results all) {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::pair(a.time, a.value) < std::pair(b.time, b.value);
    });
    return all;
}

/// Sessions by the rules, word by word.
class NaiveSessions {
public:
    NaiveSessions(std::int64_t gap, std::int64_t lateness) : gap_(gap), lateness_(lateness) {}

    void element(const Item& item, std::int64_t time) {
        Session merged{time, time + gap_, {item.key, 1, item.value, item.value, item.value}, false};
        auto& sessions = sessions_[item.key];
        bool alone = true;
        for (auto other = sessions.begin(); other != sessions.end();) {
            if (other->start <= time + gap_ && other->end >= time) {
                merged.start = std::min(merged.start, other->start);
                merged.end = std::max(merged.end, other->end);
                merged.summary.count += other->summary.count;
                merged.summary.sum += other->summary.sum;
                merged.summary.min = std::min(merged.summary.min, other->summary.min);
                merged.summary.max = std::max(merged.summary.max, other->summary.max);
                other = sessions.erase(other);
                alone = false;
            } else {
                ++other;
            }
        }
        if (alone && merged.end - 1 + lateness_ <= watermark_) {
            if (time + lateness_ <= watermark_) late.push_back({item, time});
            return;
        }
        merged.pending = merged.end - 1 > watermark_;
        if (!merged.pending) output.push_back({merged.summary, merged.end - 1});
        sessions.push_back(merged);
    }
    void watermark(std::int64_t time) {
        watermark_ = std::max(watermark_, time);
        for (auto& [key, sessions] : sessions_) {
            for (Session& session : sessions) {
                if (!session.pending || session.end - 1 > watermark_) continue;
                session.pending = false;
                output.push_back({session.summary, session.end - 1});
            }
            std::erase_if(sessions, [&](const Session& s) {
                return watermark_ == INT64_MAX || s.end - 1 + lateness_ <= watermark_;
            });
        }
    }

    Results output;
    std::vector<Emitted<Item>> late;

private:
    struct Session {
        std::int64_t start, end;
        Summary summary;
        bool pending;
    };
    std::int64_t gap_, lateness_;
    std::int64_t watermark_ = INT64_MIN;
    std::map<std::int32_t, std::vector<Session>> sessions_;
};

struct Shape {
    std::int64_t size, slide, offset, lateness, spread;
    int keys;
    bool restores = false;
};

/// Both operators on the same input, with the same restores.
template <class Assigner>
void compareOperators(Assigner assigner, const Shape& shape, std::uint64_t seed) {
    const OutputTag<Item> late("late");
    RecordingPort<Item> alignedLate, generalLate;
    const Duration lateness{shape.lateness};
    const auto aligned = [&] {
        auto op = windowsOf<Summarise>(assigner, lateness, late);
        auto harness = std::make_unique<OperatorHarness<decltype(op)>>(std::move(op));
        harness->readSide(late, alignedLate);
        return harness;
    };
    const auto general = [&] {
        auto op = generalWindowsOf<Summarise>(assigner, EventTimeTrigger{}, detail::NoEvictor{}, lateness, late);
        auto harness = std::make_unique<OperatorHarness<decltype(op)>>(std::move(op));
        harness->readSide(late, generalLate);
        return harness;
    };
    auto first = aligned();
    auto second = general();
    first->open();
    second->open();
    RandomInput input(seed, shape.spread, shape.keys);
    for (int round = 0; round < 120; ++round) {
        const auto block = input.block();
        first->elements(block);
        second->elements(block);
        if (input.movesWatermark()) {
            first->watermark(input.watermark);
            second->watermark(input.watermark);
        }
        const Results fired = second->take();
        REQUIRE(ordered(fired) == ordered(first->take()));
        REQUIRE(std::exchange(generalLate.elements, {}) == std::exchange(alignedLate.elements, {}));
        if (shape.restores && input.below(10) == 0) {
            const MemorySnapshot ofFirst = first->snapshot();
            const MemorySnapshot ofSecond = second->snapshot();
            first = aligned();
            second = general();
            first->openFrom(ofFirst);
            second->openFrom(ofSecond);
            first->watermark(input.watermark);
            second->watermark(input.watermark);
            REQUIRE(second->take().empty());
            first->take();
        }
    }
    first->watermark(INT64_MAX);
    second->watermark(INT64_MAX);
    REQUIRE(ordered(second->take()) == ordered(first->take()));
}

/// Sessions that never end before others do, as in a benchmark: 1000 keys, one element per tick.
std::size_t allocationsOfSessions() {
    OperatorHarness harness(generalWindowsOf<MergingSummarise>(EventTimeSessionWindows::withGap(800ns)));
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
            times[static_cast<std::size_t>(i)] = at(start + i - static_cast<std::int64_t>(n % 97));
        }
        harness.stage().onBlock(0, detail::Block<Item>{items.data(), times.data(), nullptr, items.size()});
        harness.watermark(start + 499 - 97);
    }
    return allocationCount() - before;
}

}  // namespace

TEST_CASE("the general operator gives what the aligned one gives", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + roundsToTry(std::uint64_t{6})));
    CAPTURE(seed);
    SECTION("tumbling") {
        const auto shape = GENERATE(Shape{10, 10, 0, 0, 5, 4}, Shape{7, 7, -2, 15, 60, 3}, Shape{1, 1, 0, 2, 4, 2},
                                    Shape{1000, 1000, 1, 0, 10, 50}, Shape{10, 10, 0, 25, 60, 4, true});
        CAPTURE(shape.size, shape.lateness, shape.spread);
        compareOperators(TumblingEventTimeWindows::of(Duration{shape.size}, Duration{shape.offset}), shape, seed);
    }
    SECTION("sliding") {
        const auto shape = GENERATE(Shape{10, 3, 1, 0, 30, 4}, Shape{12, 2, -1, 9, 40, 3}, Shape{3, 10, 4, 6, 20, 3},
                                    Shape{60, 1, 0, 0, 10, 5}, Shape{25, 10, 0, 30, 60, 4, true});
        CAPTURE(shape.size, shape.slide, shape.lateness, shape.spread);
        compareOperators(
            SlidingEventTimeWindows::of(Duration{shape.size}, Duration{shape.slide}, Duration{shape.offset}), shape,
            seed);
    }
}

TEST_CASE("sessions give what the naive model gives", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + roundsToTry(std::uint64_t{8})));
    const auto shape = GENERATE(Shape{10, 0, 0, 0, 5, 4}, Shape{10, 0, 0, 15, 60, 4}, Shape{1, 0, 0, 0, 3, 2},
                                Shape{40, 0, 0, 0, 200, 30}, Shape{10, 0, 0, 30, 80, 6, true});
    CAPTURE(seed, shape.size, shape.lateness, shape.spread);
    const OutputTag<Item> late("late");
    RecordingPort<Item> lateOutput;
    const auto make = [&] {
        auto op =
            generalWindowsOf<MergingSummarise>(EventTimeSessionWindows::withGap(Duration{shape.size}),
                                               EventTimeTrigger{}, detail::NoEvictor{}, Duration{shape.lateness}, late);
        auto harness = std::make_unique<OperatorHarness<decltype(op)>>(std::move(op));
        harness->readSide(late, lateOutput);
        return harness;
    };
    NaiveSessions naive(shape.size, shape.lateness);
    auto harness = make();
    harness->open();
    RandomInput input(seed, shape.spread, shape.keys);
    for (int round = 0; round < 200; ++round) {
        const auto block = input.block();
        for (const auto& one : block) naive.element(one.value, one.time);
        harness->elements(block);
        if (input.movesWatermark()) {
            naive.watermark(input.watermark);
            harness->watermark(input.watermark);
        }
        REQUIRE(ordered(harness->take()) == ordered(std::exchange(naive.output, {})));
        REQUIRE(std::exchange(lateOutput.elements, {}) == std::exchange(naive.late, {}));
        if (shape.restores && input.below(10) == 0) {
            const MemorySnapshot snapshot = harness->snapshot();
            harness = make();
            harness->openFrom(snapshot);
            harness->watermark(input.watermark);
            REQUIRE(harness->take().empty());
        }
    }
    naive.watermark(INT64_MAX);
    harness->watermark(INT64_MAX);
    REQUIRE(ordered(harness->take()) == ordered(naive.output));
}

TEST_CASE("sessions split by key group when the parallelism changes", "[windowing][state]") {
    const auto make = [] { return generalWindowsOf<MergingSummarise>(EventTimeSessionWindows::withGap(7ns)); };
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
    Results actual;
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
    CHECK(ordered(actual) == ordered(whole.take()));
}

TEST_CASE("the entries of keys that have gone are used for others", "[windowing]") {
    auto op = generalWindowsOf<MergingSummarise>(EventTimeSessionWindows::withGap(10ns));
    OperatorHarness harness(op);
    harness.open();
    std::int64_t total = 0;
    const std::int32_t before = roundsToCount(300'000);
    for (std::int32_t key = 0; key < before; ++key) {
        harness.element({key, 1}, key / 100);
        if (key % 100 == 99) harness.watermark(key / 100 - 1);
        for (const auto& e : harness.take()) total += e.value.count;
    }
    const std::size_t allocations = allocationCount();
    for (std::int32_t key = before; key < before + 10'000; ++key) {
        Item item{key, 1};
        Timestamp time = at(key / 100);
        harness.stage().onBlock(0, detail::Block<Item>{&item, &time, nullptr, 1});
    }
    CHECK(allocationCount() - allocations < 40);  // 10 000 keys more, but hardly any memory
    harness.watermark(INT64_MAX);
    for (const auto& e : harness.take()) total += e.value.count;
    CHECK(total == before + 10'000);
}

TEST_CASE("sessions do not allocate once they have warmed up", "[windowing]") {
    CHECK(allocationsOfSessions() == 0);
}
