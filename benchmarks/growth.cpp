// What a record costs when something grows: the parallelism, keys, windows, batches, records, disorder, operators.
// benchmarks/run growth, or --help.

#include "growth/series.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

Growth::Growth(bool smoke, int repetitions, std::string only)
    : smoke_(smoke), repetitions_(repetitions), only_(std::move(only)) {}

void Growth::measure(const char* series, const std::string& line, double x, std::uint64_t records, const Side& pipeline,
                     std::uint64_t expectedResults) {
    BestTime time;
    Point point{series, line, x, 0, std::nullopt};
    for (int i = 0; i < repetitions_; ++i) {
        const PeakMemory peak;
        const Result result = time.run(pipeline, records);
        if (i == 0) point.peakBytes = peak.bytes();
        if (result.count != expectedResults) {
            throw std::runtime_error(std::string(series) + " " + std::to_string(x) + ", " + line + ": " +
                                     std::to_string(result.count) + " results instead of " +
                                     std::to_string(expectedResults));
        }
    }
    point.processorNanoseconds = 1e9 * time.processor() / static_cast<double>(records);
    std::printf("%-12s %-24s %10.0f %10.2f %10.1f\n", series, line.c_str(), x, point.processorNanoseconds,
                point.peakBytes.value_or(0) / (1 << 20));
    std::fflush(stdout);
    points_.push_back(std::move(point));
}

}  // namespace bench

namespace {

using namespace bench;

[[noreturn]] void usage(int status) {
    std::fprintf(
        status == 0 ? stdout : stderr,
        "usage: growth [--smoke] [--repetitions N] [--only SERIES] [--json FILE]\n"
        "  Processor time of all threads per record in nanoseconds, the best of N runs (5), and what a run adds to\n"
        "  the resident memory. benchmarks/growth/charts.py draws the JSON file. Exits with 2 when a result is "
        "wrong.\n");
    std::exit(status);
}

void writeJson(const std::string& path, const std::vector<Point>& points) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot write " + path);
    const char* separator = "[";
    for (const Point& point : points) {
        std::fprintf(file, "%s\n  {\"series\": \"%s\", \"line\": \"%s\", \"x\": %.0f, \"cpu_ns\": %.3f", separator,
                     point.series.c_str(), point.line.c_str(), point.x, point.processorNanoseconds);
        if (point.peakBytes) std::fprintf(file, ", \"peak_bytes\": %.0f", *point.peakBytes);
        std::fprintf(file, "}");
        separator = ",";
    }
    std::fprintf(file, "\n]\n");
    if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + path);
}

int run(int argc, char** argv) {
    bool smoke = false;
    int repetitions = 0;
    std::string only, json;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto value = [&]() -> std::string { return ++i < argc ? argv[i] : (usage(2), ""); };
        if (argument == "--smoke") {
            smoke = true;
        } else if (argument == "--repetitions") {
            repetitions = std::atoi(value().c_str());
            if (repetitions < 1) usage(2);
        } else if (argument == "--only") {
            only = value();
        } else if (argument == "--json") {
            json = value();
        } else {
            usage(argument == "--help" ? 0 : 2);
        }
    }
    if (repetitions == 0) repetitions = smoke ? 1 : 5;
    Growth growth(smoke, repetitions, only);
    std::printf("%-12s %-24s %10s %10s %10s\n", "what grows", "how", "size", "cpu ns", "peak MiB");
    growExchanges(growth);
    growState(growth);
    growRecords(growth);
    growChains(growth);
    if (!json.empty()) writeJson(json, growth.points());
    if (growth.points().empty()) std::fprintf(stderr, "no series contains '%s'\n", only.c_str());
    return growth.points().empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
