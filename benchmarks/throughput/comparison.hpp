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

/// One row of the table: a workload by hand and as a pipeline, and what both must put out.
struct Comparison {
    std::string workload;
    std::uint64_t keys = 0;
    int threads = 1;
    std::uint64_t records = 0;
    std::function<Result()> expected;
    std::function<Result()> hand;
    std::function<Result()> millrace;
    /// Judged by the processor time of all threads instead of the time that has passed.
    bool byProcessorTime = false;
    /// Instead of the whole run: what `millrace` costs beyond this one (and `hand` beyond `handBase`).
    std::function<Result()> base{};
    std::function<Result()> handBase{};
    /// Bytes that open panes reserve per live key and pane; measured in a run of its own.
    std::function<double()> bytesPerKey{};
};

struct Measurement {
    double handNanoseconds = 0;  ///< per record
    double millraceNanoseconds = 0;
    double allocationsPerRecord = 0;
    std::optional<double> bytesPerKey;
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

/// The best time so far of one side, in seconds.
class BestTime {
public:
    explicit BestTime(bool byProcessorTime) : now_(byProcessorTime ? processorSeconds : passedSeconds) {}
    Result run(const std::function<Result()>& side) {
        const double begin = now_();
        Result result = side();
        best_ = std::min(best_, now_() - begin);
        return result;
    }
    double seconds() const { return best_; }

private:
    double (*now_)();
    double best_ = std::numeric_limits<double>::infinity();
};

inline std::string describe(const Result& result) {
    char text[128];
    std::snprintf(text, sizeof text, "%" PRIu64 " results, checksum %016" PRIx64 ", sum %.4f", result.count,
                  result.checksum, result.sum);
    return text;
}

/// Runs the two sides in turn, `repetitions` times each; the best of each counts.
inline Measurement measure(const Comparison& comparison, int repetitions) {
    Measurement out;
    const Result expected = comparison.expected();
    const auto check = [&](const char* who, const Result& result) {
        out.result = result;
        if (agree(result, expected)) return;
        out.mismatch = std::string(who) + " has put out " + describe(result) + "; expected " + describe(expected);
    };
    BestTime hand(comparison.byProcessorTime), millrace(comparison.byProcessorTime), base(comparison.byProcessorTime),
        handBase(comparison.byProcessorTime);
    for (int i = 0; i < repetitions; ++i) {
        if (comparison.hand) check("the hand-written loop", hand.run(comparison.hand));
        if (comparison.handBase) check("the hand-written loop", handBase.run(comparison.handBase));
        const std::uint64_t before = allocations.load();
        check("millrace", millrace.run(comparison.millrace));
        out.allocationsPerRecord =
            static_cast<double>(allocations.load() - before) / static_cast<double>(comparison.records);
        if (comparison.base) check("millrace", base.run(comparison.base));
    }
    const double perRecord = 1e9 / static_cast<double>(comparison.records);
    if (comparison.hand)
        out.handNanoseconds = perRecord * (hand.seconds() - (comparison.handBase ? handBase.seconds() : 0));
    out.millraceNanoseconds = perRecord * (millrace.seconds() - (comparison.base ? base.seconds() : 0));
    if (comparison.bytesPerKey) out.bytesPerKey = comparison.bytesPerKey();
    return out;
}

inline void printHeader() {
    std::printf("%-22s %9s %7s %12s %12s %7s %12s %10s\n", "workload", "keys", "threads", "millrace ns", "hand ns",
                "ratio", "allocs/rec", "bytes/key");
}

inline void printRow(const Comparison& comparison, const Measurement& measurement) {
    std::printf("%-22s %9" PRIu64 " %7d %12.3f ", comparison.workload.c_str(), comparison.keys, comparison.threads,
                measurement.millraceNanoseconds);
    if (comparison.hand) {
        std::printf("%12.3f %7.3f ", measurement.handNanoseconds,
                    measurement.handNanoseconds / measurement.millraceNanoseconds);
    } else {
        std::printf("%12s %7s ", "", "");
    }
    std::printf("%12.2e ", measurement.allocationsPerRecord);
    if (measurement.bytesPerKey) std::printf("%10.1f", *measurement.bytesPerKey);
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
        const bool hasHand = static_cast<bool>(comparison.hand);
        std::fprintf(file, "%s\n  {\"workload\": \"%s\", \"keys\": %" PRIu64 ", \"threads\": %d", i == 0 ? "" : ",",
                     comparison.workload.c_str(), comparison.keys, comparison.threads);
        std::fprintf(file, ", \"records\": %" PRIu64 ", \"count\": %" PRIu64 ", \"checksum\": \"%016" PRIx64 "\"",
                     comparison.records, measurement.result.count, measurement.result.checksum);
        number("sum", measurement.result.sum, true);
        number("millrace_ns", measurement.millraceNanoseconds, true);
        number("hand_ns", measurement.handNanoseconds, hasHand);
        number("ratio", measurement.handNanoseconds / measurement.millraceNanoseconds, hasHand);
        number("allocs_per_record", measurement.allocationsPerRecord, true);
        number("bytes_per_key", measurement.bytesPerKey.value_or(0), measurement.bytesPerKey.has_value());
        std::fprintf(file, "}");
    }
    std::fprintf(file, "\n]\n");
    if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + path);
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_COMPARISON_HPP
