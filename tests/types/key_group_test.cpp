#include <millrace/types/key_group.hpp>

#include "support/catch.hpp"

#include <climits>
#include <cstdint>
#include <random>

using namespace millrace;

TEST_CASE("key groups are those of Flink", "[types]") {
    // MathUtils.murmurHash(hash) % 128, computed with Flink
    static_assert(keyGroupFor(0, 128) == 94);
    static_assert(keyGroupFor(1, 128) == 86);
    static_assert(keyGroupFor(2, 128) == 127);
    static_assert(keyGroupFor(static_cast<std::uint32_t>(-1), 128) == 80);
    static_assert(keyGroupFor(42, 128) == 29);
    static_assert(keyGroupFor(123456789, 128) == 81);
    static_assert(keyGroupFor(static_cast<std::uint32_t>(INT_MIN), 128) == 108);
    static_assert(keyGroupFor(INT_MAX, 128) == 62);
}

TEST_CASE("the default maximum parallelism leaves room to grow by half", "[types]") {
    static_assert(defaultMaxParallelism(1) == 128);
    static_assert(defaultMaxParallelism(85) == 128);
    static_assert(defaultMaxParallelism(86) == 256);
    static_assert(defaultMaxParallelism(171) == 256);
    static_assert(defaultMaxParallelism(172) == 512);
    static_assert(defaultMaxParallelism(32768) == 32768);
    static_assert(defaultMaxParallelism(1'000'000) == 32768);
}

TEST_CASE("every key group belongs to exactly one subtask, and neighbours to neighbours", "[types]") {
    for (const int maxParallelism : {1, 2, 3, 127, 128, 129, 1000, 32768}) {
        for (const int parallelism : {1, 2, 3, 5, 7, 100, 127, 128, 32768}) {
            if (parallelism > maxParallelism) continue;
            CAPTURE(parallelism, maxParallelism);
            int next = 0;
            bool matches = true;
            for (int subtask = 0; subtask < parallelism; ++subtask) {
                const KeyGroupRange range = keyGroupRange(subtask, parallelism, maxParallelism);
                matches = matches && range.first == next && !range.empty();
                for (int group = range.first; group <= range.last; ++group) {
                    matches = matches && subtaskForKeyGroup(group, parallelism, maxParallelism) == subtask;
                }
                next = range.last + 1;
            }
            CHECK(matches);
            CHECK(next == maxParallelism);
        }
    }
    CHECK(keyGroupRange(1, 3, 128) == KeyGroupRange{43, 85});
}

TEST_CASE("the router finds the same groups and subtasks without dividing", "[types]") {
    const auto seed = GENERATE(range(0, 20));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const int maxParallelism = seed < 6 ? 1 << (seed * 3) : static_cast<int>(random() % 32768) + 1;
    const int parallelism = static_cast<int>(random() % static_cast<std::uint64_t>(maxParallelism)) + 1;
    CAPTURE(parallelism, maxParallelism);
    const KeyGroupRouter router(parallelism, maxParallelism);
    bool same = true;
    for (int i = 0; i < 100000; ++i) {
        const auto hash = static_cast<std::uint32_t>(random());
        const int group = keyGroupFor(hash, maxParallelism);
        same = same && router.keyGroup(hash) == group &&
               router.subtask(hash) == subtaskForKeyGroup(group, parallelism, maxParallelism);
    }
    CHECK(same);
}
