#ifndef MILLRACE_TESTS_WINDOWING_RANDOM_INPUT_HPP
#define MILLRACE_TESTS_WINDOWING_RANDOM_INPUT_HPP

#include "windowing/window_fixtures.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace millrace::testsupport {

/// Blocks of items of a few keys, up to `spread` ticks out of order, with a pause now and then; and watermarks that make
/// some of them late. Some blocks have many items of one key behind each other.
class RandomInput {
public:
    RandomInput(std::uint64_t seed, std::int64_t spread, int keys) : random_(seed), spread_(spread), keys_(keys) {}

    std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
    std::vector<Emitted<Item>> block() {
        std::vector<Emitted<Item>> block;
        const bool inRuns = below(5) == 0;
        std::int64_t key = 0;
        std::int64_t left = 0;  // of the run at hand
        for (std::int64_t n = below(inRuns ? 100 : 30); n > 0; --n) {
            now_ += below(inRuns ? 2 : 4);
            if (below(200) == 0) now_ += 300 + below(50);
            if (left-- <= 0) {
                key = below(keys_) - 1;
                if (key < 0) key = INT32_MIN;  // its entry lies beside the table
                if (inRuns) left = below(50);
            }
            block.push_back({{static_cast<std::int32_t>(key), below(100)}, now_ - below(spread_)});
        }
        return block;
    }
    bool movesWatermark() {
        if (below(3) == 0) return false;
        watermark = std::max(watermark, now_ - below(spread_) - 1);
        return true;
    }
    std::int64_t watermark = INT64_MIN;

private:
    std::mt19937_64 random_;
    std::int64_t now_ = -200;
    std::int64_t spread_;
    int keys_;
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_WINDOWING_RANDOM_INPUT_HPP
