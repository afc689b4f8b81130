#ifndef MILLRACE_BENCHMARKS_GROWTH_SERIES_HPP
#define MILLRACE_BENCHMARKS_GROWTH_SERIES_HPP

#include "throughput/comparison.hpp"
#include "throughput/records.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// What one size costs.
struct Point {
    std::string series;  ///< what grows: one chart
    std::string line;    ///< how: one line in it
    double x = 0;
    double processorNanoseconds = 0;  ///< of all threads, per record
    std::optional<double> peakBytes;  ///< what a run adds to the resident memory
};

/// Measures points and prints them; the first failed check of a result ends the run.
class Growth {
public:
    Growth(bool smoke, int repetitions, std::string only);

    /// Runs `pipeline` a few times; the best counts. *Failure:* std::runtime_error for another number of results.
    void measure(const char* series, const std::string& line, double x, std::uint64_t records, const Side& pipeline,
                 std::uint64_t expectedResults);
    bool wants(const char* series) const { return std::string(series).find(only_) != std::string::npos; }
    std::uint64_t records(std::uint64_t full) const { return smoke_ ? full / 20 : full; }
    bool smoke() const { return smoke_; }
    const std::vector<Point>& points() const { return points_; }

private:
    bool smoke_;
    int repetitions_;
    std::string only_;
    std::vector<Point> points_;
};

void growExchanges(Growth& growth);
void growState(Growth& growth);
void growChains(Growth& growth);
void growRecords(Growth& growth);

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_GROWTH_SERIES_HPP
