// Throughput of millrace against hand-written loops, in one process and in turn: benchmarks/run, or --help.

#include "throughput/comparison.hpp"
#include "throughput/workloads.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace bench;

struct Options {
    int repetitions = 0;
    std::string only;
    std::string json;
    bool smoke = false;
};

[[noreturn]] void usage(int status) {
    std::fprintf(
        status == 0 ? stdout : stderr,
        "usage: throughput [--smoke] [--repetitions N] [--only SUBSTRING] [--json FILE]\n"
        "  Nanoseconds per record (generation included), the best of N runs (9; with --smoke 3) of each side.\n"
        "  ratio = hand / millrace; cpu: of all threads. exchange: processor time of both sides beyond the same work\n"
        "  without one. peak MiB: what a run of millrace adds to the resident memory, and one over twice the records.\n"
        "  --only takes part of a row's \"workload keys threads\". Exits with 1 when a result is wrong.\n");
    std::exit(status);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto value = [&]() -> std::string { return ++i < argc ? argv[i] : (usage(2), ""); };
        if (argument == "--smoke") {
            options.smoke = true;
        } else if (argument == "--repetitions") {
            options.repetitions = std::atoi(value().c_str());
            if (options.repetitions < 1) usage(2);
        } else if (argument == "--only") {
            options.only = value();
        } else if (argument == "--json") {
            options.json = value();
        } else {
            usage(argument == "--help" ? 0 : 2);
        }
    }
    if (options.repetitions == 0) options.repetitions = options.smoke ? 3 : 9;
    return options;
}

int run(const Options& options) {
    Rows workloads;
    const Size size{options.smoke};
    addStatelessRows(workloads, size);
    addWindowRows(workloads, size);
    addKeyedRows(workloads, size);
    addTwoThreadRows(workloads, size);
    std::vector<std::pair<Comparison, Measurement>> rows;
    bool correct = true;
    printHeader();
    for (const Comparison& row : workloads) {
        const std::string name = row.workload + ' ' + std::to_string(row.keys) + ' ' + std::to_string(row.threads);
        if (name.find(options.only) == std::string::npos) continue;
        Measurement measurement = measure(row, options.repetitions);
        printRow(row, measurement);
        correct = correct && measurement.mismatch.empty();
        rows.emplace_back(row, std::move(measurement));
    }
    if (!options.json.empty()) writeJson(options.json, rows);
    if (rows.empty()) std::fprintf(stderr, "no row contains '%s'\n", options.only.c_str());
    return correct && !rows.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
