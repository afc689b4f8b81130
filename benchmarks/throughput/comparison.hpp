#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_COMPARISON_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_COMPARISON_HPP

#include "counted_memory.hpp"
#include "records.hpp"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// One side of a row: the workload over so many records.
using Side = std::function<Result(std::uint64_t records)>;

/// One row of the table: a workload by hand and as a pipeline, and what both must put out.
struct Comparison {
    std::string workload;
    std::uint64_t keys = 0;
    int threads = 1;
    std::uint64_t records = 0;
    std::function<Result()> expected;  ///< of `records`
    std::vector<Side> hand;  ///< the ways known to be good; the best counts, which is not the same one on all machines
    Side millrace;
    /// Judged by the processor time of all threads instead of the time that has passed.
    bool byProcessorTime = false;
    /// Instead of the whole run: what `millrace` costs beyond this one (and `hand` beyond `handBase`).
    Side base{};
    Side handBase{};
    /// Bytes that open panes reserve per live key and pane; measured in a run of its own.
    std::function<double()> bytesPerKey{};
};

struct Measurement {
    double handNanoseconds = 0;  ///< per record
    double millraceNanoseconds = 0;
    double handProcessorNanoseconds = 0;  ///< of all threads, per record
    double millraceProcessorNanoseconds = 0;
    double allocationsPerRecord = 0;
    std::optional<double> bytesPerKey;
    /// What millrace adds to the resident memory of the process at most, and over twice as many records.
    std::optional<double> peakBytes;
    std::optional<double> peakBytesOfTwice;
    std::string mismatch;  ///< empty when all results were as expected
    Result result;         ///< of the last run
};

inline double processorSeconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
inline double passedSeconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The best times so far of one side, in seconds.
class BestTime {
public:
    Result run(const Side& side, std::uint64_t records) {
        const double begin = passedSeconds();
        const double processorBegin = processorSeconds();
        Result result = side(records);
        processor_ = std::min(processor_, processorSeconds() - processorBegin);
        passed_ = std::min(passed_, passedSeconds() - begin);
        return result;
    }
    double passed() const { return passed_; }
    double processor() const { return processor_; }

private:
    double passed_ = std::numeric_limits<double>::infinity();
    double processor_ = std::numeric_limits<double>::infinity();
};

inline std::string describe(const Result& result) {
    char text[128];
    std::snprintf(text, sizeof text, "%" PRIu64 " results, checksum %016" PRIx64 ", sum %.4f", result.count,
                  result.checksum, result.sum);
    return text;
}

inline std::optional<double> peakBytesOf(const Side& side, std::uint64_t records) {
    const PeakMemory peak;
    side(records);
    return peak.bytes();
}

/// Runs the two sides in turn, `repetitions` times each; the best of each counts. The memory is measured before that.
inline Measurement measure(const Comparison& comparison, int repetitions) {
    Measurement out;
    const Result expected = comparison.expected();
    const std::uint64_t records = comparison.records;
    if (!comparison.base) {
        out.peakBytes = peakBytesOf(comparison.millrace, records);
        out.peakBytesOfTwice = peakBytesOf(comparison.millrace, 2 * records);
    }
    const auto check = [&](const char* who, const Result& result) {
        out.result = result;
        if (agree(result, expected)) return;
        out.mismatch = std::string(who) + " has put out " + describe(result) + "; expected " + describe(expected);
    };
    BestTime hand, millrace, base, handBase;
    for (int i = 0; i < repetitions; ++i) {
        for (const Side& each : comparison.hand) check("the hand-written loop", hand.run(each, records));
        if (comparison.handBase) check("the hand-written loop", handBase.run(comparison.handBase, records));
        const std::uint64_t before = allocations.load();
        check("millrace", millrace.run(comparison.millrace, records));
        out.allocationsPerRecord = static_cast<double>(allocations.load() - before) / static_cast<double>(records);
        if (comparison.base) check("millrace", base.run(comparison.base, records));
    }
    const double perRecord = 1e9 / static_cast<double>(records);
    const auto costOf = [&](const BestTime& side, const Side& lessOf, const BestTime& less, bool byProcessorTime) {
        const auto seconds = [=](const BestTime& time) { return byProcessorTime ? time.processor() : time.passed(); };
        return perRecord * (seconds(side) - (lessOf ? seconds(less) : 0));
    };
    if (!comparison.hand.empty()) {
        out.handNanoseconds = costOf(hand, comparison.handBase, handBase, comparison.byProcessorTime);
        out.handProcessorNanoseconds = costOf(hand, comparison.handBase, handBase, true);
    }
    out.millraceNanoseconds = costOf(millrace, comparison.base, base, comparison.byProcessorTime);
    out.millraceProcessorNanoseconds = costOf(millrace, comparison.base, base, true);
    if (comparison.bytesPerKey) out.bytesPerKey = comparison.bytesPerKey();
    return out;
}

inline void printHeader() {
    std::printf("%-24s %8s %7s %12s %9s %7s %12s %9s %9s %9s %9s %9s\n", "workload", "keys", "threads", "millrace ns",
                "hand ns", "ratio", "millrace cpu", "hand cpu", "alloc/rec", "byte/key", "peak MiB", "over 2x");
}

inline void printRow(const Comparison& comparison, const Measurement& measurement) {
    std::printf("%-24s %8" PRIu64 " %7d %12.3f ", comparison.workload.c_str(), comparison.keys, comparison.threads,
                measurement.millraceNanoseconds);
    if (!comparison.hand.empty()) {
        std::printf("%9.3f %7.3f ", measurement.handNanoseconds,
                    measurement.handNanoseconds / measurement.millraceNanoseconds);
    } else {
        std::printf("%9s %7s ", "", "");
    }
    std::printf("%12.3f ", measurement.millraceProcessorNanoseconds);
    if (!comparison.hand.empty()) {
        std::printf("%9.3f ", measurement.handProcessorNanoseconds);
    } else {
        std::printf("%9s ", "");
    }
    std::printf("%9.2e ", measurement.allocationsPerRecord);
    const auto optional = [](std::optional<double> value, double unit) {
        if (value) {
            std::printf("%9.1f ", *value / unit);
        } else {
            std::printf("%9s ", "");
        }
    };
    optional(measurement.bytesPerKey, 1);
    optional(measurement.peakBytes, 1 << 20);
    optional(measurement.peakBytesOfTwice, 1 << 20);
    std::printf("\n");
    if (!measurement.mismatch.empty()) std::printf("  WRONG: %s\n", measurement.mismatch.c_str());
    std::fflush(stdout);
}

/// *Failure:* std::runtime_error if the file cannot be written.
inline void writeJson(const std::string& path, const std::vector<std::pair<Comparison, Measurement>>& rows) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot write " + path);
    const auto number = [file](const char* name, double value, bool known) {
        if (known) {
            std::fprintf(file, ", \"%s\": %.10g", name, value);
        } else {
            std::fprintf(file, ", \"%s\": null", name);
        }
    };
    std::fprintf(file, "[");
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& [comparison, measurement] = rows[i];
        const bool hasHand = !comparison.hand.empty();
        std::fprintf(file, "%s\n  {\"workload\": \"%s\", \"keys\": %" PRIu64 ", \"threads\": %d", i == 0 ? "" : ",",
                     comparison.workload.c_str(), comparison.keys, comparison.threads);
        std::fprintf(file, ", \"records\": %" PRIu64 ", \"count\": %" PRIu64 ", \"checksum\": \"%016" PRIx64 "\"",
                     comparison.records, measurement.result.count, measurement.result.checksum);
        number("sum", measurement.result.sum, true);
        number("millrace_ns", measurement.millraceNanoseconds, true);
        number("hand_ns", measurement.handNanoseconds, hasHand);
        number("ratio", measurement.handNanoseconds / measurement.millraceNanoseconds, hasHand);
        number("millrace_cpu_ns", measurement.millraceProcessorNanoseconds, true);
        number("hand_cpu_ns", measurement.handProcessorNanoseconds, hasHand);
        number("allocs_per_record", measurement.allocationsPerRecord, true);
        number("bytes_per_key", measurement.bytesPerKey.value_or(0), measurement.bytesPerKey.has_value());
        number("peak_bytes", measurement.peakBytes.value_or(0), measurement.peakBytes.has_value());
        number("peak_bytes_of_twice", measurement.peakBytesOfTwice.value_or(0),
               measurement.peakBytesOfTwice.has_value());
        std::fprintf(file, "}");
    }
    std::fprintf(file, "\n]\n");
    if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + path);
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_COMPARISON_HPP
