#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_WORKLOADS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_WORKLOADS_HPP

#include "comparison.hpp"
#include "records.hpp"

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

// The rows of the table; each rows_*.cpp makes some of them, so that none of them takes long to compile.

namespace millrace {
class StreamEnvironment;
}

namespace bench {

inline constexpr std::int64_t kSecond = 1'000'000;  ///< in microseconds

/// Adds a pipeline over so many records.
using BuildPipeline = std::function<void(millrace::StreamEnvironment& env, std::uint64_t records, Result& result)>;

/// Runs a pipeline on the calling thread. The time of a run includes building the environment and the job.
Side onCallersThread(BuildPipeline build);
/// Runs a pipeline at parallelism `threads` on as many threads.
Side onThreads(int threads, BuildPipeline build);

/// How large the rows are.
struct Size {
    bool smoke = false;
    static constexpr std::uint64_t kSmokeRecords = 2'000'000;

    std::uint64_t records(std::uint64_t full = 20'000'000) const { return smoke ? kSmokeRecords : full; }
    /// The known result of the full size, or else the slow reference's.
    std::function<Result()> expect(Result full, std::function<Result()> reference) const {
        if (!smoke) return [full] { return full; };
        return reference;
    }
};

using Rows = std::vector<Comparison>;

void addStatelessRows(Rows& rows, Size size);
void addWindowRows(Rows& rows, Size size);
void addKeyedRows(Rows& rows, Size size);
void addTwoThreadRows(Rows& rows, Size size);

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_WORKLOADS_HPP
