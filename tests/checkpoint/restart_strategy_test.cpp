#include <millrace/checkpoint/restart_strategy.hpp>

#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpoint/subtask_state.hpp>
#include <millrace/types/key_group.hpp>

#include "checkpoint_fixtures.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace checkpoint_fixtures;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// The delays for failures at these times, in milliseconds; -1: the job ends.
std::vector<std::int64_t> delaysOf(const RestartStrategy& strategy, const std::vector<Duration>& failures,
                                   std::uint64_t seed = 1) {
    RestartStrategy::State state(strategy, seed);
    std::vector<std::int64_t> delays;
    for (const Duration at : failures) {
        const std::optional<Duration> delay = state.failedAt(at);
        delays.push_back(delay ? *delay / 1ms : -1);
    }
    return delays;
}
using Delays = std::vector<std::int64_t>;

RestartStrategy::Exponential withoutJitter() {
    RestartStrategy::Exponential options;
    options.initialBackoff = 100ms;
    options.maxBackoff = 1s;
    options.multiplier = 2;
    options.resetThreshold = 10s;
    options.jitter = 0;
    return options;
}

TEST_CASE("no restart, and a fixed number of them over the whole life of a job", "[checkpoint]") {
    CHECK(delaysOf(RestartStrategy::noRestart(), {0s, 1s}) == Delays{-1, -1});
    CHECK(delaysOf(RestartStrategy::fixedDelay(3, 20ms), {0s, 1s, 24h, 48h, 96h}) == Delays{20, 20, 20, -1, -1});
    CHECK(delaysOf(RestartStrategy::fixedDelay(0, 20ms), {0s}) == Delays{-1});
    CHECK(delaysOf(RestartStrategy::fixedDelay(1), {0s, 1s}) == Delays{1000, -1});
}

TEST_CASE("the window of a failure rate slides", "[checkpoint]") {
    const RestartStrategy strategy = RestartStrategy::failureRate(2, 10s, 5ms);
    CHECK(delaysOf(strategy, {0s, 1s, 2s}) == Delays{5, 5, -1});
    // never three within ten seconds, however long it goes on
    CHECK(delaysOf(strategy, {0s, 9s, 11s, 20s, 22s, 31s, 33s}) == Delays{5, 5, 5, 5, 5, 5, 5});
    // the one at 9 s is still within the ten seconds before 19 s
    CHECK(delaysOf(strategy, {0s, 9s, 11s, 19s}) == Delays{5, 5, 5, -1});
    CHECK(delaysOf(RestartStrategy::failureRate(1, 1s), {0s, 5s, 5500ms}) == Delays{1000, 1000, -1});
}

TEST_CASE("an exponential delay grows, is capped, and begins anew after a healthy time", "[checkpoint]") {
    const RestartStrategy strategy = RestartStrategy::exponentialDelay(withoutJitter());
    CHECK(delaysOf(strategy, {0s, 1s, 2s, 3s, 4s, 5s}) == Delays{100, 200, 400, 800, 1000, 1000});
    // the healthy time begins with the restart, 200 ms after the second failure
    CHECK(delaysOf(strategy, {0s, 1s, 11199ms}) == Delays{100, 200, 400});
    CHECK(delaysOf(strategy, {0s, 1s, 11200ms, 12s}) == Delays{100, 200, 100, 200});

    RestartStrategy::Exponential limited = withoutJitter();
    limited.attempts = 2;
    CHECK(delaysOf(RestartStrategy::exponentialDelay(limited), {0s, 1s, 2s}) == Delays{100, 200, -1});
    CHECK(delaysOf(RestartStrategy::exponentialDelay(limited), {0s, 1s, 20s, 21s, 22s}) ==
          Delays{100, 200, 100, 200, -1});

    RestartStrategy::Exponential even = withoutJitter();
    even.multiplier = 1;
    CHECK(delaysOf(RestartStrategy::exponentialDelay(even), {0s, 1s, 2s}) == Delays{100, 100, 100});
}

TEST_CASE("the jitter of an exponential delay is bounded and follows from the seed", "[checkpoint]") {
    RestartStrategy::Exponential options = withoutJitter();
    options.jitter = 0.25;
    options.multiplier = 1;
    options.initialBackoff = 1s;
    const RestartStrategy strategy = RestartStrategy::exponentialDelay(options);
    const std::vector<Duration> failures(50, Duration{0});
    std::vector<std::int64_t> all;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const std::vector<std::int64_t> delays = delaysOf(strategy, failures, seed);
        CHECK(delays == delaysOf(strategy, failures, seed));
        CHECK(delays != delaysOf(strategy, failures, seed + 1));
        all.insert(all.end(), delays.begin(), delays.end());
    }
    const auto [least, most] = std::minmax_element(all.begin(), all.end());
    CHECK((*least >= 750 && *least < 760));
    CHECK((*most <= 1250 && *most > 1240));
}

TEST_CASE("a restart strategy refuses what makes no sense and says what", "[checkpoint]") {
    CHECK_THAT(errorOf([] { RestartStrategy::fixedDelay(-1, 1s); }), ContainsSubstring("fixedDelay: -1 attempts"));
    CHECK_THAT(errorOf([] { RestartStrategy::fixedDelay(1, -1ns); }), ContainsSubstring("noRestart()"));
    CHECK_THAT(errorOf([] { RestartStrategy::failureRate(0, 1s); }), ContainsSubstring("at least one failure"));
    CHECK_THAT(errorOf([] { RestartStrategy::failureRate(1, 0s); }), ContainsSubstring("interval above 0"));
    CHECK_THAT(errorOf([] { RestartStrategy::failureRate(1, 1s, -1s); }), ContainsSubstring("delay of 0"));
    const auto refused = [](auto change) {
        return errorOf([&] {
            RestartStrategy::Exponential options;
            change(options);
            RestartStrategy::exponentialDelay(options);
        });
    };
    CHECK_THAT(refused([](auto& o) { o.initialBackoff = 0s; }), ContainsSubstring("initialBackoff must be above 0"));
    CHECK_THAT(refused([](auto& o) { o.maxBackoff = 1ms; }), ContainsSubstring("maxBackoff must not be below"));
    CHECK_THAT(refused([](auto& o) { o.multiplier = 0.9; }), ContainsSubstring("multiplier must be 1 or more"));
    CHECK_THAT(refused([](auto& o) { o.resetThreshold = 0s; }), ContainsSubstring("resetThreshold must be above 0"));
    CHECK_THAT(refused([](auto& o) { o.jitter = 1.5; }), ContainsSubstring("jitter must be between 0 and 1"));
    CHECK_THAT(refused([](auto& o) { o.jitter = -0.1; }), ContainsSubstring("jitter must be between 0 and 1"));
}

// ---- what a subtask restores ------------------------------------------------------------------------------------------

/// A checkpoint of `parallelism` subtasks. Each wrote two elements of a list, one of a union, a copy of what was broadcast,
/// and its key groups; the first one also what they share.
std::shared_ptr<const StoredCheckpoint> storedBy(int parallelism, int maxParallelism) {
    MemoryCheckpointStore store;
    CheckpointDescription description = describe(1);
    description.maxParallelism = maxParallelism;
    store.begin(description);
    for (int subtask = parallelism - 1; subtask >= 0; --subtask) {  // in whatever order they come
        const std::string mark = std::to_string(subtask);
        MemorySnapshot part;
        part.write("op", "list", kSplitState, bytesOf(mark + "a"));
        part.write("op", "list", kSplitState, bytesOf(mark + "b"));
        part.write("op", "union", kUnionState, bytesOf(mark + "u"));
        part.write("op", "rules", kBroadcastState, bytesOf("rule 1"));
        part.write("op", "rules", kBroadcastState, bytesOf("rule 2"));
        const KeyGroupRange range = keyGroupRange(subtask, parallelism, maxParallelism);
        for (int group = 0; group < maxParallelism; ++group) {
            if (range.contains(group)) part.write("op", "keyed", group, bytesOf("group " + std::to_string(group)));
        }
        if (subtask == 0) part.write("op", "list", kSharedState, bytesOf("shared"));
        store.writePart(1, 0, subtask, part);
    }
    store.complete(description);
    return store.load(1);
}

std::vector<std::string> readBy(const SnapshotSource& source, const std::string& state) {
    std::vector<std::string> pieces;
    source.read("op", state, [&](int, std::span<const std::byte> bytes) {
        pieces.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return pieces;
}
using Pieces = std::vector<std::string>;

TEST_CASE("subtasks at any parallelism restore everything once", "[checkpoint]") {
    constexpr int kMaxParallelism = 16;
    for (const int before : {1, 2, 3}) {
        for (const int after : {1, 2, 3, 4, 16}) {
            CAPTURE(before, after);
            const auto checkpoint = storedBy(before, kMaxParallelism);
            Pieces lists;
            Pieces groups;
            Pieces expectedLists;
            Pieces expectedUnion;
            Pieces expectedGroups;
            for (int subtask = 0; subtask < before; ++subtask) {
                expectedLists.push_back(std::to_string(subtask) + "a");
                expectedLists.push_back(std::to_string(subtask) + "b");
                expectedUnion.push_back(std::to_string(subtask) + "u");
            }
            for (int group = 0; group < kMaxParallelism; ++group) {
                expectedGroups.push_back("group " + std::to_string(group));
            }
            std::size_t fewest = expectedLists.size();
            std::size_t most = 0;
            for (int subtask = 0; subtask < after; ++subtask) {
                CAPTURE(subtask);
                const SubtaskState state(checkpoint, subtask, after);
                CHECK(state.checkpointId() == 1);
                CHECK(readBy(state, "union") == expectedUnion);
                CHECK(readBy(state, "rules") == Pieces{"rule 1", "rule 2"});
                const Pieces list = readBy(state, "list");
                fewest = std::min(fewest, list.size());
                most = std::max(most, list.size());
                lists.insert(lists.end(), list.begin(), list.end());
                const KeyGroupRange range = keyGroupRange(subtask, after, kMaxParallelism);
                Pieces mine;
                for (int group = 0; group < kMaxParallelism; ++group) {
                    if (range.contains(group)) mine.push_back("group " + std::to_string(group));
                }
                const Pieces keyed = readBy(state, "keyed");
                CHECK(keyed == mine);
                groups.insert(groups.end(), keyed.begin(), keyed.end());
            }
            std::sort(lists.begin(), lists.end());
            CHECK(lists == expectedLists);
            CHECK(groups == expectedGroups);
            CHECK(most - fewest <= 1);  // spread evenly
            CHECK(readBy(SharedPieces(checkpoint), "list") == Pieces{"shared"});
            CHECK(readBy(SharedPieces(checkpoint), "keyed").empty());
        }
    }
}

}  // namespace
