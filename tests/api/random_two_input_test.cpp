#include "api/random_pipeline.hpp"
#include "api/random_state_steps.hpp"

using namespace millrace;
using namespace millrace::testsupport;

TEST_CASE(
    "random pipelines of keyed state, timers, joins and broadcast state give what their models give, however "
    "they are run",
    "[api][property][threads]") {
    for (std::uint64_t seed = 1; seed <= seedCount(30); ++seed) {
        checkRandomPipeline(seed, drawStateStep, seed % 5 == 0 ? 1500 : 300, 4, 8);
    }
}

TEST_CASE("keyed state, timers and joins over more keys than a cache holds give what their models give",
          "[api][property]") {
    checkManyKeys({sumPerPiece(2000), finalSum(), intervalJoin(Part{1}, -300, 600), windowJoin(Part{1}, 1500),
                   coProcess(Part{2}, 2000)},
                  40'000);
}
