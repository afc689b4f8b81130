#include "api/random_pipeline.hpp"
#include "api/random_window_steps.hpp"

using namespace millrace;
using namespace millrace::testsupport;

TEST_CASE("random pipelines of stateless operators and windows give what their models give, however they are run",
          "[api][property][threads]") {
    for (std::uint64_t seed = 1; seed <= seedCount(30); ++seed) {
        checkRandomPipeline(seed, drawWindowStep, seed % 5 == 0 ? 3000 : 400, 5, 8);
    }
}

TEST_CASE("windows over more keys than a cache holds give what their models give", "[api][property]") {
    // late enough for the disorder: windows stay open long, so that their tables grow
    checkManyKeys(
        {tumbling(2000, 1), sliding(3000, 1000, 0, Total{}, true), sliding(3000, 1000, 7, MergingTotal{}, true),
         sliding(3000, 1000, 7, SubtractingTotal{}, false), cumulating(1500, 2), sessions(1500)},
        40'000);
}
