#include <millrace/state/deferred_snapshot.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/timer_queue.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::detail;

namespace {

Timestamp tick(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}
std::int64_t ticksOf(Timestamp t) {
    return t.time_since_epoch().count();
}

template <class Key, class Namespace>
std::vector<std::pair<std::int64_t, Key>> popAll(TimerQueue<Key, Namespace>& queue, Timestamp now) {
    std::vector<std::pair<std::int64_t, Key>> popped;
    typename TimerQueue<Key, Namespace>::Timer timer;
    while (queue.popDue(now, timer)) popped.push_back({ticksOf(timer.time), timer.key});
    return popped;
}

using Popped = std::vector<std::pair<std::int64_t, int>>;

/// A key that counts how many of it there are.
struct Counted {
    static inline int alive = 0;
    explicit Counted(int id = 0) : id_(id) { ++alive; }
    Counted(const Counted& other) : id_(other.id_) { ++alive; }
    Counted& operator=(const Counted&) = default;
    ~Counted() { --alive; }

private:
    int id_;
};

}  // namespace

TEST_CASE("timers are due in order of time, those of equal time in order of their registration", "[state]") {
    TimerQueue<int> queue;
    for (const auto& [time, key] : Popped{{30, 1}, {10, 2}, {20, 3}, {10, 1}, {-5, 4}, {20, 1}})
        queue.add(tick(time), key);
    CHECK(queue.size() == 6);
    CHECK(queue.nextTime() <= tick(-5));
    CHECK(popAll(queue, tick(20)) == Popped{{-5, 4}, {10, 2}, {10, 1}, {20, 3}, {20, 1}});
    CHECK(queue.nextTime() == tick(30));
    CHECK(popAll(queue, tick(29)).empty());
    CHECK(popAll(queue, tick(30)) == Popped{{30, 1}});
    CHECK(queue.empty());
    CHECK(queue.nextTime() == kMaxTimestamp);
}

TEST_CASE("a timer registered twice is one timer, and can be registered again once it was due", "[state]") {
    TimerQueue<int> queue;
    for (int i = 0; i < 3; ++i) queue.add(tick(10), 1);
    queue.add(tick(10), 2);
    CHECK(queue.size() == 2);
    CHECK(popAll(queue, tick(10)) == Popped{{10, 1}, {10, 2}});
    queue.add(tick(10), 1);
    CHECK(popAll(queue, tick(10)) == Popped{{10, 1}});
}

TEST_CASE("removing a timer that is not there has no effect, on this one or others", "[state]") {
    TimerQueue<std::string> queue;
    queue.remove(tick(10), "a");
    queue.add(tick(10), "a");
    queue.remove(tick(11), "a");
    queue.remove(tick(10), "b");
    CHECK(queue.size() == 1);
    queue.remove(tick(10), "a");
    CHECK(queue.empty());
    queue.add(tick(10), "a");
    CHECK(popAll(queue, tick(10)) == std::vector<std::pair<std::int64_t, std::string>>{{10, "a"}});
}

TEST_CASE("timers that are added while others are taken come in order, also those of the past", "[state]") {
    TimerQueue<int> queue;
    for (int key = 0; key < 4; ++key) queue.add(tick(10 * (key + 1)), key);
    TimerQueue<int>::Timer timer;
    REQUIRE(queue.popDue(tick(40), timer));
    CHECK(timer.key == 0);
    queue.add(tick(5), 50);  // past
    queue.add(tick(10), 0);  // the very timer that was due
    queue.add(tick(15), 51);
    queue.add(tick(20), 1);   // there already
    queue.add(tick(41), 52);  // not due
    queue.remove(tick(30), 2);
    CHECK(popAll(queue, tick(40)) == Popped{{5, 50}, {10, 0}, {15, 51}, {20, 1}, {40, 3}});
    CHECK(queue.size() == 1);
}

TEST_CASE("timers at both ends of time are kept like others", "[state]") {
    TimerQueue<int> queue;
    queue.add(kMaxTimestamp, 1);
    queue.add(kMinTimestamp, 2);
    queue.add(tick(0), 3);
    CHECK(popAll(queue, tick(-1)) == Popped{{ticksOf(kMinTimestamp), 2}});
    CHECK(popAll(queue, tick(INT64_MAX - 1)) == Popped{{0, 3}});
    CHECK_FALSE(queue.empty());
    CHECK(popAll(queue, kMaxTimestamp) == Popped{{INT64_MAX, 1}});
    CHECK(queue.empty());
}

TEST_CASE("namespaces of one key have timers of their own", "[state]") {
    TimerQueue<int, std::int64_t> queue;
    queue.add(tick(10), 1, 100);
    queue.add(tick(10), 1, 200);
    queue.add(tick(10), 1, 100);
    queue.remove(tick(10), 1, 300);
    CHECK(queue.size() == 2);
    queue.remove(tick(10), 1, 100);
    TimerQueue<int, std::int64_t>::Timer timer;
    REQUIRE(queue.popDue(tick(10), timer));
    CHECK(timer.ns == 200);
    CHECK(queue.empty());
}

namespace {

/// Random operations on a queue and on a model, a set: the same timers are due at the same times.
template <class Key, class MakeKey>
void compareWithModel(std::uint64_t seed, std::int64_t timeRange, int keys, int steps, MakeKey makeKey) {
    CAPTURE(seed, timeRange, keys);
    std::mt19937_64 random(seed);
    TimerQueue<Key, std::int32_t> queue;
    std::set<std::tuple<std::int64_t, Key, std::int32_t>> model;
    std::int64_t now = -timeRange / 2;
    const auto someTime = [&] {
        // mostly in the future, near or far, sometimes past; often the same
        const std::int64_t range = random() % 4 == 0 ? timeRange : timeRange / 64 + 2;
        const auto offset = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(range));
        return now + (random() % 16 == 0 ? -offset : offset);
    };
    std::vector<std::tuple<std::int64_t, Key, std::int32_t>> recent;
    for (int step = 0; step < steps; ++step) {
        const std::uint64_t kind = random() % 100;
        if (kind < 60) {
            const std::tuple timer{someTime(), makeKey(static_cast<int>(random() % static_cast<unsigned>(keys))),
                                   static_cast<std::int32_t>(random() % 2)};
            queue.add(tick(std::get<0>(timer)), std::get<1>(timer), std::get<2>(timer));
            model.insert(timer);
            recent.push_back(timer);
        } else if (kind < 75 && !recent.empty()) {
            const auto timer = recent[random() % recent.size()];  // perhaps due or removed long ago
            queue.add(tick(std::get<0>(timer)), std::get<1>(timer), std::get<2>(timer));
            model.insert(timer);
        } else if (kind < 93 && !recent.empty()) {
            const auto timer = recent[random() % recent.size()];
            queue.remove(tick(std::get<0>(timer)), std::get<1>(timer), std::get<2>(timer));
            model.erase(timer);
        } else {
            now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(timeRange / 32 + 2));
            typename TimerQueue<Key, std::int32_t>::Timer timer;
            int most = random() % 3 == 0 ? 5 : 1 << 30;  // taking may stop half way
            std::int64_t last = INT64_MIN;
            for (; most > 0 && queue.popDue(tick(now), timer); --most) {
                const std::int64_t time = ticksOf(timer.time);
                if (time < last || time > now || model.empty() || std::get<0>(*model.begin()) != time ||
                    model.erase({time, timer.key, timer.ns}) != 1) {
                    FAIL("step " << step << ": " << time << " was taken at " << now);
                }
                last = time;
                if (random() % 8 == 0) {  // a timer that registers another, perhaps of the past
                    const std::int64_t another = time + static_cast<std::int64_t>(random() % 5) - 2;
                    queue.add(tick(another), timer.key, timer.ns);
                    model.insert({another, timer.key, timer.ns});
                    last = std::min(last, another);
                }
            }
            if (most > 0 && !model.empty() && std::get<0>(*model.begin()) <= now)
                FAIL("step " << step << ": one is missing");
        }
        if (!model.empty() && queue.nextTime() > tick(std::get<0>(*model.begin()))) FAIL("nextTime is late");
        if (step % 512 == 0 && queue.size() != model.size()) {
            FAIL("step " << step << ": " << queue.size() << " timers, expected " << model.size());
        }
    }
    std::set<std::tuple<std::int64_t, Key, std::int32_t>> left;
    queue.forEach([&](const auto& timer) { left.insert({ticksOf(timer.time), timer.key, timer.ns}); });
    CHECK(left == model);
    CHECK(queue.empty() == model.empty());
}

}  // namespace

TEST_CASE("whatever is added, removed and taken, the queue holds the same timers as a set", "[state]") {
    const auto seed = GENERATE(range(1u, 1 + testsupport::roundsToTry(6u)));
    const auto spread = GENERATE(std::int64_t{8}, std::int64_t{5000}, std::int64_t{1} << 34, std::int64_t{1} << 55);
    compareWithModel<std::int32_t>(seed, spread, 40, 20'000, [](int key) { return key; });
    compareWithModel<std::string>(seed, spread, 3, 4'000, [](int key) { return "key " + std::to_string(key); });
}

TEST_CASE("timers that are removed and registered again come behind those of the same time", "[state]") {
    const auto spread = GENERATE(std::int64_t{0}, std::int64_t{3}, std::int64_t{40}, std::int64_t{4000});
    CAPTURE(spread);
    std::mt19937_64 random(static_cast<std::uint64_t>(spread));
    std::vector<std::pair<std::int64_t, int>> timers;
    for (int key = 0; key < 400; ++key) {
        timers.push_back({1'000'000 + static_cast<std::int64_t>(random() % 100) * spread, key});
    }
    std::stable_sort(timers.begin(), timers.end(), [](auto& a, auto& b) { return a.first < b.first; });
    TimerQueue<int> queue;
    for (const auto& [time, key] : timers) queue.add(tick(time), key);

    Popped popped;
    TimerQueue<int>::Timer timer;
    while (popped.size() < 100 && queue.popDue(kMaxTimestamp, timer))
        popped.push_back({ticksOf(timer.time), timer.key});
    CHECK(popped == Popped(timers.begin(), timers.begin() + 100));

    Popped left;
    Popped again;
    for (std::size_t i = 100; i < 400; ++i) {
        if (i % 4 == 0 || i % 4 == 2) left.push_back(timers[i]);
        if (i % 4 == 1) again.push_back(timers[i]);
    }
    for (std::size_t i = 101; i < 400; i += 2) queue.remove(tick(timers[i].first), timers[i].second);
    for (const auto& [time, key] : again) queue.add(tick(time), key);
    left.insert(left.end(), again.begin(), again.end());
    std::stable_sort(left.begin(), left.end(), [](auto& a, auto& b) { return a.first < b.first; });
    CHECK(popAll(queue, kMaxTimestamp) == left);
}

TEST_CASE("a removal removes its timer and no other, whichever entry of a bucket it is", "[state]") {
    const auto spread = GENERATE(std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 14, std::int64_t{1} << 27);
    CAPTURE(spread);
    for (std::int64_t before = 0; before < 130; ++before) {
        TimerQueue<std::int64_t> queue;
        std::vector<std::pair<std::int64_t, std::int64_t>> left;
        const auto timeOf = [&](std::int64_t key) { return (std::int64_t{1} << 40) + key * spread; };
        const auto addNext = [&] {
            const auto key = static_cast<std::int64_t>(left.size()) + 1;
            queue.add(tick(timeOf(key)), key);
            left.push_back({timeOf(key), key});
        };
        queue.add(tick(timeOf(0)), 0);
        for (std::int64_t i = 0; i < before; ++i) addNext();
        queue.remove(tick(timeOf(0)), 0);
        for (int i = 0; i < 70; ++i) addNext();  // what follows would show a bit that is not its own
        REQUIRE(popAll(queue, kMaxTimestamp) == left);
    }
}

TEST_CASE("when draining a bucket of timers throws, those that it had are ended", "[state]") {
    const int failing = GENERATE(0, 1, 20, 40, 41, 62, 63, 64, 198, 199);
    {
        TimerBuckets<TimerOf<Counted, NoNamespace>> buckets;
        for (int i = 0; i < 200; ++i) buckets.push({tick(1'000'000), Counted(i), {}}, false);
        CHECK(Counted::alive == 200);
        int drained = 0;
        CHECK_THROWS_AS(buckets.drain(buckets.first(),
                                      [&](auto&, bool) {
                                          if (drained++ == failing) throw std::runtime_error("drained");
                                      }),
                        std::runtime_error);
        CHECK(buckets.empty());
        CHECK(Counted::alive == 0);
        buckets.push({tick(1'000'000), Counted(1), {}}, false);
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("many timers of one time are told apart, also while they are taken", "[state]") {
    TimerQueue<int> queue;
    for (int round = 0; round < 3; ++round) {
        for (int key = 0; key < 20'000; ++key) queue.add(tick(1'000'000), key);
    }
    for (int key = 0; key < 20'000; key += 2) queue.remove(tick(1'000'000), key);
    TimerQueue<int>::Timer timer;
    int expected = 1;
    while (queue.popDue(tick(1'000'000), timer)) {
        REQUIRE(timer.key == expected);
        queue.remove(tick(1'000'000), timer.key);  // the one that was just taken
        queue.add(tick(1'000'000), 19'999);        // one that is still to come, until the very last
        if (expected == 19'999) break;
        expected += 2;
    }
    CHECK(queue.size() == 1);
}

TEST_CASE("re-registering the same timers for every record does not let the queue grow", "[state]") {
    TimerQueue<int> queue;
    for (int round = 0; round < 1000; ++round) {
        for (int key = 0; key < 100; ++key) queue.add(tick(1'000'000), key);
    }
    CHECK(queue.size() == 100);
    CHECK(queue.memoryBytes() < 200'000);
    for (std::int64_t time = 2'000'000; time < 2'200'000; ++time) {  // one timeout per key, moved by each record
        const int key = static_cast<int>(time % 100);
        queue.remove(tick(time - 100), key);
        queue.add(tick(time), key);
    }
    CHECK(queue.size() == 200);
    CHECK(queue.memoryBytes() < 200'000);
}

TEST_CASE("a few timers that are registered over and over do not fill a queue of many", "[state]") {
    TimerQueue<int> queue;
    for (int key = 0; key < 100'000; ++key) queue.add(tick(1'000'000 + key % 1000), key);
    const std::size_t memory = queue.memoryBytes();
    const int keys = GENERATE(2, 700, 30'000);
    // not fewer under a sanitizer: so many would exceed the limit if they were kept
    for (int i = 0; i < 1'000'000; ++i) queue.add(tick(5'000'000), i % keys * 256);
    CHECK(queue.size() == 100'000u + static_cast<unsigned>(keys));
    CHECK(queue.memoryBytes() < 4 * memory);
}

TEST_CASE("plain timers are in a snapshot as they were, although it is written when they have fired", "[state]") {
    DeferredSnapshot snapshot;
    Popped expected;
    {
        TimerQueue<int, std::int64_t> queue;
        for (int i = 0; i < 10'000; ++i) {
            queue.add(tick(i % 700), i, i % 3);
            if (i % 10 != 0) expected.emplace_back(i % 700, i);
        }
        for (int i = 0; i < 10'000; i += 10) queue.remove(tick(i % 700), i, i % 3);
        queue.snapshot(snapshot, "uid", "timers", 128);
        popAll(queue, tick(1'000));
        queue.add(tick(2'000), 1, 1);
    }
    TimerQueue<int, std::int64_t> restored;
    restored.restore(snapshot.finish(), "uid", "timers");
    auto all = popAll(restored, tick(5'000));
    std::sort(all.begin(), all.end());
    std::sort(expected.begin(), expected.end());
    CHECK(all == expected);
}

// It would cost a file for each checkpoint.
TEST_CASE("a snapshot of no timers has nothing to write", "[state]") {
    TimerQueue<int> queue;
    queue.add(tick(1), 1);
    queue.remove(tick(1), 1);
    DeferredSnapshot snapshot;
    queue.snapshot(snapshot, "uid", "timers", 128);
    CHECK(snapshot.empty());
}

TEST_CASE("timers survive a snapshot, and each key group has its own", "[state]") {
    TimerQueue<std::string, std::int64_t> queue;
    for (int i = 0; i < 100; ++i) queue.add(tick(i % 7), "key" + std::to_string(i), i % 3);
    queue.remove(tick(0), "key0", 0);
    MemorySnapshot snapshot;
    queue.snapshot(snapshot, "uid", "timers", 128);

    TimerQueue<std::string, std::int64_t> low;
    TimerQueue<std::string, std::int64_t> high;
    low.restore(snapshot.forKeyGroups(0, 63), "uid", "timers");
    high.restore(snapshot.forKeyGroups(64, 127), "uid", "timers");
    CHECK(low.size() > 20);
    CHECK(high.size() > 20);
    CHECK(low.size() + high.size() == 99);
    auto all = popAll(low, tick(100));
    for (auto& timer : popAll(high, tick(100))) all.push_back(timer);
    auto expected = popAll(queue, tick(100));
    std::sort(all.begin(), all.end());
    std::sort(expected.begin(), expected.end());
    CHECK(all == expected);
}
