#include <millrace/windowing/wake_queue.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

using namespace millrace;
using detail::Wake;
using detail::WakeQueue;

namespace {

using Pairs = std::vector<std::pair<std::int64_t, std::uint64_t>>;

Timestamp ticksAfterEpoch(std::int64_t n) {
    return Timestamp{Duration{n}};
}

/// Everything due at `now`, as an operator takes it: batch by batch, each sorted.
Pairs takeAll(WakeQueue& queue, std::int64_t now) {
    Pairs all;
    detail::WakeList room;
    for (;;) {
        detail::WakeList due;
        const Timestamp until = queue.takeDue(ticksAfterEpoch(now), due);
        if (due.empty()) return all;
        detail::sortWakes(due, room);
        for (std::size_t i = 0; i < due.size(); ++i) {
            const Wake& wake = due[i];
            CHECK(wake.time <= until);
            all.emplace_back(wake.time.time_since_epoch().count(), wake.who);
        }
    }
}

}  // namespace

TEST_CASE("wakes come back in the order of their times, whatever the steps of time", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + testsupport::roundsToTry(std::uint64_t{8})));
    const auto spread = GENERATE(std::int64_t{20}, std::int64_t{5'000}, std::int64_t{3'000'000},
                                 std::int64_t{200'000'000'000}, std::int64_t{1} << 50);
    CAPTURE(seed, spread);
    std::mt19937_64 random(seed);
    const auto below = [&](std::int64_t n) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    WakeQueue queue;
    Pairs waiting;
    std::int64_t now = -spread;
    std::uint64_t who = 0;
    for (int round = 0; round < 300; ++round) {
        for (std::int64_t n = below(round % 50 == 7 ? 3000 : 40); n > 0; --n) {
            // now and then many at one time, or one that is overdue
            std::int64_t time = now + below(spread);
            if (below(10) == 0) time = now - below(100);
            queue.push(ticksAfterEpoch(time), ++who);
            waiting.emplace_back(time, who);
        }
        now += below(4) == 0 ? below(spread) : below(std::max<std::int64_t>(spread / 1000, 2));
        std::sort(waiting.begin(), waiting.end());
        if (!waiting.empty()) CHECK(queue.nextTime() <= ticksAfterEpoch(waiting.front().first));
        const auto end = std::find_if(waiting.begin(), waiting.end(), [&](const auto& w) { return w.first > now; });
        const Pairs expected(waiting.begin(), end);
        waiting.erase(waiting.begin(), end);
        Pairs taken = takeAll(queue, now);
        // overdue wakes may come behind others of a batch, and equal times come in any order; but nothing is lost or early
        std::sort(taken.begin(), taken.end());
        REQUIRE(taken == expected);
        REQUIRE(queue.size() == waiting.size());
    }
}

TEST_CASE("wakes ahead of time come in ascending order over all batches", "[windowing][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + testsupport::roundsToTry(std::uint64_t{4})));
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    WakeQueue queue;
    std::int64_t now = 1'700'000'000'000'000'000;
    for (int round = 0; round < 200; ++round) {
        for (int n = 0; n < 500; ++n)
            queue.push(ticksAfterEpoch(now + 1 + static_cast<std::int64_t>(random() % 100'000'000)), 1);
        now += static_cast<std::int64_t>(random() % 3'000'000);
        const Pairs taken = takeAll(queue, now);
        REQUIRE(std::is_sorted(taken.begin(), taken.end()));
    }
}

TEST_CASE("a wake at the end of time waits for the last watermark", "[windowing]") {
    WakeQueue queue;
    queue.push(kMaxTimestamp, 7);
    queue.push(ticksAfterEpoch(5), 8);
    CHECK(takeAll(queue, 5) == Pairs{{5, 8}});
    CHECK(takeAll(queue, INT64_MAX - 1).empty());
    CHECK(takeAll(queue, INT64_MAX) == Pairs{{INT64_MAX, 7}});
    CHECK(queue.empty());
}

TEST_CASE("a queue that starts over has forgotten everything, also the time", "[windowing]") {
    WakeQueue queue;
    for (int i = 0; i < 100; ++i) queue.push(ticksAfterEpoch(i * 1000), 1);
    takeAll(queue, 50'000);
    queue.startOver();
    CHECK(queue.empty());
    CHECK(queue.nextTime() == kMaxTimestamp);
    queue.push(ticksAfterEpoch(3), 2);
    queue.push(ticksAfterEpoch(1), 1);
    CHECK(takeAll(queue, 10) == Pairs{{1, 1}, {3, 2}});
}
