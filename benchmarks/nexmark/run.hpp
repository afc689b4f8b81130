#ifndef MILLRACE_BENCHMARKS_NEXMARK_RUN_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_RUN_HPP

#include "generator.hpp"
#include "query.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace nexmark {

/// How one query is run.
struct RunConfig {
    GeneratorConfig generator;
    std::uint64_t events = 0;
    int parallelism = 1;
    std::optional<std::uint64_t> simulationSeed;  ///< set: in a simulation instead of on threads
    bool keepsRows = false;
    bool isPaced = false;   ///< events come at the generator's rate by the clock, and latencies are measured
    std::string directory;  ///< of the files that a query writes; made, and emptied by whoever gave it
};

/// What came out, and what it cost.
struct Outcome {
    Results results;
    double wallSeconds = 0;
    double cpuSeconds = 0;  ///< of all threads
    bench::LatencyHistogram latency;
};

/// *Failure:* what the job throws.
Outcome run(const Query& query, const RunConfig& config);

/// The generator alone, without a pipeline, into the room of one block.
Outcome generateOnly(const RunConfig& config);

/// A pipeline of the source and a sink that only counts.
Query sourceOnly();

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_RUN_HPP
