#include <millrace/state/deferred_snapshot.hpp>

#include "support/rounds.hpp"
#include "windowing/window_fixtures.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <utility>

using namespace millrace;
using namespace millrace::testsupport;

namespace {

/// Flink's rules, word by word: every element is put into each of its windows.
class NaiveWindows {
public:
    NaiveWindows(std::int64_t size, std::int64_t slide, std::int64_t offset, std::int64_t lateness, bool withExtrema)
        : size_(size), slide_(slide), offset_(offset), lateness_(lateness), withExtrema_(withExtrema) {}

    void element(const Item& item, std::int64_t time) {
        bool skipped = true;
        std::int64_t into = (time - offset_) % slide_;
        if (into < 0) into += slide_;
        for (std::int64_t start = time - into; start > time - size_; start -= slide_) {
            const std::int64_t last = start + size_ - 1;
            if (last + lateness_ <= watermark_) continue;
            skipped = false;
            Summary& s =
                windows_.try_emplace({last, item.key}, Summary{item.key, 0, 0, INT64_MAX, INT64_MIN}).first->second;
            ++s.count;
            s.sum += item.value;
            s.min = std::min(s.min, item.value);
            s.max = std::max(s.max, item.value);
            if (last <= watermark_) {
                emit(s, last);
            } else {
                timers_.insert({last, item.key});
            }
        }
        if (skipped && time + lateness_ <= watermark_) late.push_back({item, time});
    }
    void watermark(std::int64_t time) {
        watermark_ = std::max(watermark_, time);
        while (!timers_.empty() && timers_.begin()->first <= watermark_) {
            const auto timer = *timers_.begin();
            timers_.erase(timers_.begin());
            emit(windows_.at(timer), timer.first);
        }
        std::erase_if(windows_, [&](const auto& w) { return w.first.first + lateness_ <= watermark_; });
    }
    void forgetWatermark() { watermark_ = INT64_MIN; }

    std::vector<Emitted<Summary>> output;
    std::vector<Emitted<Item>> late;

private:
    void emit(Summary s, std::int64_t last) {
        if (!withExtrema_) s.min = s.max = 0;
        output.push_back({s, last});
    }

    std::int64_t size_, slide_, offset_, lateness_;
    bool withExtrema_;
    std::int64_t watermark_ = INT64_MIN;
    std::map<std::pair<std::int64_t, std::int32_t>, Summary> windows_;
    std::set<std::pair<std::int64_t, std::int32_t>> timers_;
};

/// The order of keys within one firing is unspecified.
std::vector<Emitted<Summary>> sorted(std::vector<Emitted<Summary>> all) {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::pair(a.time, a.value) < std::pair(b.time, b.value);
    });
    return all;
}

std::map<int, std::vector<std::byte>> byKeyGroup(const MemorySnapshot& snapshot) {
    std::map<int, std::vector<std::byte>> all;
    snapshot.read("uid-1", "windows", [&](int group, std::span<const std::byte> bytes) {
        all[group].insert(all[group].end(), bytes.begin(), bytes.end());
    });
    return all;
}

/// What a barrier has taken, and what it looked like at once.
struct Taken {
    std::map<int, std::vector<std::byte>> expected;
    std::unique_ptr<detail::DeferredSnapshot> waiting = std::make_unique<detail::DeferredSnapshot>(128 * 1024);
};

struct Plan {
    std::int64_t size, slide, offset, lateness, spread;
    int keys;
    bool restores = false;
    bool inRuns = false;  ///< many elements of one key behind each other
};

template <class Aggregate, class Assigner>
void compareWithNaive(Assigner assigner, const Plan& plan, std::uint64_t seed, bool withExtrema) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::int64_t n) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    const OutputTag<Item> late("late");
    RecordingPort<Item> lateOutput;
    NaiveWindows naive(plan.size, plan.slide, plan.offset, plan.lateness, withExtrema);

    const auto make = [&] {
        auto op = windowsOf<Aggregate>(assigner, Duration{plan.lateness}, late);
        auto harness = std::make_unique<OperatorHarness<decltype(op)>>(std::move(op));
        harness->readSide(late, lateOutput);
        return harness;
    };
    auto harness = make();
    harness->open();

    std::vector<Taken> taken;
    const auto checkTaken = [&] {
        for (Taken& each : taken) REQUIRE(byKeyGroup(each.waiting->finish()) == each.expected);
        taken.clear();
    };

    std::int64_t now = -200;
    std::int64_t watermark = INT64_MIN;
    for (int round = 0; round < 120; ++round) {
        std::vector<Emitted<Item>> block;
        std::int64_t key = 0;
        std::int64_t left = 0;  // of the run at hand
        for (std::int64_t n = below(plan.inRuns ? 150 : 30); n > 0; --n) {
            now += plan.inRuns ? below(8) / 7 : below(4);
            // now and then a gap much longer than any window
            if (below(200) == 0) now += 7 * plan.size + below(50);
            const std::int64_t time = now - below(plan.spread);
            if (left-- <= 0) {
                key = below(plan.keys) - 1;
                if (plan.inRuns) left = below(60);
            }
            block.push_back({{static_cast<std::int32_t>(key), below(100)}, time});
        }
        for (const auto& one : block) naive.element(one.value, one.time);
        harness->elements(block);
        if (below(3) != 0) {
            watermark = std::max(watermark, now - below(plan.spread) - 1);
            naive.watermark(watermark);
            harness->watermark(watermark);
            REQUIRE(harness->output.watermarks.back().time == watermark);
        }
        REQUIRE(sorted(harness->take()) == sorted(std::exchange(naive.output, {})));
        REQUIRE(std::exchange(lateOutput.elements, {}) == std::exchange(naive.late, {}));
        if (below(8) == 0) {
            Taken& one = taken.emplace_back();
            one.expected = byKeyGroup(harness->snapshot());
            harness->stage().snapshot(*one.waiting);
        }
        if (below(20) == 0) checkTaken();
        if (plan.restores && below(10) == 0) {
            const MemorySnapshot snapshot = harness->snapshot();
            harness = make();
            harness->openFrom(snapshot);
            // as a restored source does: its watermark comes before its first record
            harness->watermark(watermark);
            REQUIRE(harness->take().empty());
        }
    }
    naive.watermark(INT64_MAX);
    harness->watermark(INT64_MAX);
    REQUIRE(sorted(harness->take()) == sorted(naive.output));
    harness.reset();
    checkTaken();
}

}  // namespace

TEST_CASE("tumbling windows give what the naive model gives", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + roundsToTry(std::uint64_t{6})));
    const auto plan = GENERATE(Plan{10, 10, 0, 0, 5, 4}, Plan{10, 10, 3, 0, 40, 4}, Plan{7, 7, -2, 15, 60, 3},
                               Plan{1, 1, 0, 2, 4, 2}, Plan{1000, 1000, 1, 0, 10, 50}, Plan{10, 10, 0, 25, 60, 4, true},
                               Plan{10, 10, 0, 0, 1, 1, false, true}, Plan{10, 10, 0, 5, 8, 3, true, true});
    CAPTURE(seed, plan.size, plan.offset, plan.lateness, plan.spread);
    const auto assigner = TumblingEventTimeWindows::of(Duration{plan.size}, Duration{plan.offset});
    compareWithNaive<Summarise>(assigner, plan, seed, true);
}

TEST_CASE("sliding windows give what the naive model gives, however they are kept", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + roundsToTry(std::uint64_t{6})));
    const auto plan = GENERATE(
        Plan{10, 5, 0, 0, 5, 4}, Plan{10, 3, 1, 0, 30, 4}, Plan{12, 2, -1, 9, 40, 3}, Plan{3, 10, 0, 0, 20, 3},
        Plan{3, 10, 4, 6, 20, 3}, Plan{5, 5, 0, 4, 20, 3}, Plan{60, 1, 0, 0, 10, 5}, Plan{25, 10, 0, 30, 60, 4, true},
        Plan{10, 3, 1, 0, 30, 4, true}, Plan{10, 5, 0, 0, 1, 1, false, true}, Plan{12, 4, 1, 5, 8, 3, true, true});
    CAPTURE(seed, plan.size, plan.slide, plan.offset, plan.lateness, plan.spread);
    const auto assigner = SlidingEventTimeWindows::of(Duration{plan.size}, Duration{plan.slide}, Duration{plan.offset});
    SECTION("one accumulator per window") {
        compareWithNaive<Summarise>(assigner, plan, seed, true);
    }
    SECTION("two stacks over slices") {
        compareWithNaive<MergingSummarise>(assigner, plan, seed, true);
    }
    SECTION("a running total") {
        compareWithNaive<SubtractingCount>(assigner, plan, seed, false);
    }
}

TEST_CASE("a snapshot of windows without records has nothing to write", "[windowing]") {
    OperatorHarness harness(windowsOf<MergingSummarise>(SlidingEventTimeWindows::of(Duration{40}, Duration{10})));
    harness.open();
    detail::DeferredSnapshot snapshot(128 * 1024);
    harness.stage().snapshot(snapshot);
    CHECK(snapshot.empty());
}

TEST_CASE("another thread writes slices while their windows go on", "[windowing][threads]") {
    auto op = windowsOf<MergingSummarise>(SlidingEventTimeWindows::of(Duration{40}, Duration{10}), Duration{20});
    auto harness = std::make_unique<OperatorHarness<decltype(op)>>(std::move(op));
    harness->open();
    std::vector<std::thread> writers;
    std::vector<Taken> taken(20);
    std::int64_t now = 0;
    for (Taken& each : taken) {
        for (int round = 0; round < 10; ++round) {
            std::vector<Emitted<Item>> block;
            for (std::int32_t key = 0; key < 100; ++key) block.push_back({{key, now}, now - key % 25});
            harness->elements(block);
            now += 3;
            harness->watermark(now - 25);
            if (round != 5) continue;
            each.expected = byKeyGroup(harness->snapshot());
            harness->stage().snapshot(*each.waiting);
            writers.emplace_back([&each] { each.waiting->finish(); });
        }
    }
    harness.reset();
    for (std::thread& writer : writers) writer.join();
    for (Taken& each : taken) CHECK(byKeyGroup(each.waiting->finish()) == each.expected);
}
