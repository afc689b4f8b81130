#include "subject.hpp"

#include <millrace/core/errors.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

// Runs conformance vectors against the operators of the library. See README.md beside this file.

namespace {

using namespace millrace::conformance;

const std::map<std::string, Kind> kKinds{
    {"watermark_valve", watermarkValve},
    {"watermark_combine", watermarkCombine},
    {"watermark_multiplexer", watermarkMultiplexer},
    {"timestamps_watermarks", timestampsWatermarks},
    {"key_groups", keyGroups},
    {"keyed_reduce", keyedReduce},
    {"process", process},
    {"co_process", coProcess},
    {"broadcast_process", broadcastProcess},
    {"interval_join", intervalJoin},
    {"window_join", windowJoin},
    {"window_cogroup", windowCoGroup},
    {"window", window},
    {"window_assign", windowAssign},
    {"window_merge_set", windowMergeSet},
};

struct Options {
    std::vector<std::string> paths;
    std::vector<std::string> only;
    bool list = false;
    bool verbose = false;
    bool engine = false;
};

enum class Outcome { Passed, Failed, Skipped };

struct Result {
    Outcome outcome;
    std::string text;
};

std::string describe(const std::exception& error) {
    return millrace::describeException(error);
}

OutputItem errorItem(const std::exception& error) {
    OutputItem item;
    item.kind = OutputItem::Kind::Error;
    item.errorText = describe(error);
    return item;
}

/// Everything that an implementation puts out for the vector's input.
std::vector<OutputItem> run(const Vector& vector, const Implementation& implementation) {
    std::vector<OutputItem> output;
    const auto append = [&](std::vector<OutputItem> items, int at) {
        for (OutputItem& item : items) {
            item.at = at;
            output.push_back(std::move(item));
        }
    };
    std::unique_ptr<Subject> subject;
    try {
        subject = implementation.make();
    } catch (const std::exception& error) {
        append({errorItem(error)}, -1);
        return output;
    }
    for (std::size_t i = 0; i < vector.input.size(); ++i) {
        const int at = static_cast<int>(i);
        try {
            subject->apply(vector.input[i]);
            append(subject->take(), at);
        } catch (const std::exception& error) {
            append(subject->take(), at);
            append({errorItem(error)}, at);
            // an operator that has failed is done with, unless the vector says that it goes on
            if (std::none_of(vector.expected.begin(), vector.expected.end(),
                             [&](const OutputItem& item) { return item.at > at; })) {
                return output;
            }
        }
    }
    return output;
}

/// Why a vector cannot be run as a job; empty if it can.
std::string obstacleInEngine(const Vector& vector) {
    for (const json& item : vector.input) {
        if (!item.contains("elem") && !item.contains("watermark")) {
            return "no job has the input item '" + item.begin().key() + "'";
        }
    }
    for (const OutputItem& item : vector.expected) {
        if (item.kind == OutputItem::Kind::Error) return "an error ends the job";
    }
    // the clock of a simulated job moves on with every step
    const std::string op = vector.op.dump();
    for (const char* word : {"proc", "ttl", "timeout"}) {
        std::string text = op;
        if (const auto kind = text.find("\"kind\":\"" + vector.kind()); kind != std::string::npos) {
            text.erase(kind, vector.kind().size() + 8);
        }
        if (text.find(word) != std::string::npos) return "depends on the clock";
    }
    return {};
}

/// What a job shows of a step: its records and watermarks. Watermarks that do not grow end at the source; several sinks
/// have no order between them.
std::vector<OutputItem> asSeenInEngine(std::vector<OutputItem> items, bool paced) {
    std::vector<OutputItem> seen;
    Value last;
    for (OutputItem& item : items) {
        if (item.kind == OutputItem::Kind::Watermark) {
            if (!paced || (!last.isNull() && !(last < item.time))) continue;
            last = item.time;
        }
        if (!paced) item.at = 0;
        seen.push_back(std::move(item));
    }
    std::stable_sort(seen.begin(), seen.end(), [](const OutputItem& a, const OutputItem& b) {
        return a.at != b.at ? a.at < b.at : a.isMarker() < b.isMarker();
    });
    return seen;
}

Result judgeInEngine(const Vector& vector, const std::vector<Implementation>& implementations) {
    if (std::none_of(implementations.begin(), implementations.end(),
                     [](const Implementation& each) { return static_cast<bool>(each.runInEngine); })) {
        return {Outcome::Skipped, "kind '" + vector.kind() + "' is not a pipeline"};
    }
    if (std::string obstacle = obstacleInEngine(vector); !obstacle.empty()) {
        return {Outcome::Skipped, std::move(obstacle)};
    }
    // watermarks that follow each other without a record in between may become one on their way
    const bool readsWatermark = vector.op.dump().find("[\"watermark\"]") != std::string::npos;
    int runs = 0;
    for (const Implementation& implementation : implementations) {
        for (const int parallelism : {1, 4}) {
            if (parallelism > 1 && implementation.oncePerSubtask) continue;
            for (const std::uint64_t seed : {1, 2, 3}) {
                for (const bool paced : {true, false}) {
                    // without pauses two inputs run at their own speed: no two runs need be alike
                    if (!paced && (implementation.twoInputs || readsWatermark)) continue;
                    const EngineOptions options{seed, parallelism, paced};
                    std::vector<OutputItem> output = implementation.runInEngine(vector, options);
                    ++runs;
                    if (const auto problem =
                            difference(asSeenInEngine(vector.expected, paced), asSeenInEngine(std::move(output), paced),
                                       "per_watermark_unordered")) {
                        return {Outcome::Failed, implementation.name + ", seed " + std::to_string(seed) +
                                                     ", parallelism " + std::to_string(parallelism) +
                                                     (paced ? "" : ", in blocks") + ": " + *problem};
                    }
                }
            }
        }
    }
    return {Outcome::Passed, std::to_string(runs) + " jobs"};
}

Result judge(const Vector& vector, bool engine) {
    const auto kind = kKinds.find(vector.kind());
    if (kind == kKinds.end()) return {Outcome::Skipped, "kind '" + vector.kind() + "' is not built"};
    for (const std::string& capability : vector.required) {
        if (capability != "introspection") return {Outcome::Skipped, "requires '" + capability + "'"};
    }
    std::vector<Implementation> implementations;
    try {
        implementations = kind->second(vector.op);
    } catch (const std::exception& error) {
        return {Outcome::Failed, "cannot be set up: " + describe(error)};
    }
    if (implementations.empty()) return {Outcome::Skipped, "kind '" + vector.kind() + "' is not built"};
    if (engine) return judgeInEngine(vector, implementations);
    std::string names;
    for (const Implementation& implementation : implementations) {
        if (const auto problem = difference(vector.expected, run(vector, implementation), vector.order)) {
            return {Outcome::Failed, implementation.name + ": " + *problem};
        }
        names += (names.empty() ? "" : "; ") + implementation.name;
    }
    return {Outcome::Passed, names};
}

std::vector<std::string> filesIn(const std::string& path) {
    if (!std::filesystem::is_directory(path)) return {path};
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        if (entry.path().extension() == ".json") files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) throw std::runtime_error(path + ": no .json files in this directory");
    return files;
}

void printUsage(std::FILE* to) {
    std::fputs(
        "usage: millrace_conformance [--engine] [--only ID]... [--list] [--verbose] PATH...\n"
        "--engine: as jobs, in simulations with several seeds, at parallelism 1 and 4\n"
        "PATH: a file of vectors, or a directory of them. One line per vector that fails; at the end\n"
        "\"N passed, N failed, N skipped\". Exit status 1 if any failed or a file could not be read.\n",
        to);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--only") {
            if (++i == argc) throw std::invalid_argument("--only needs an id");
            options.only.emplace_back(argv[i]);
        } else if (argument == "--engine") {
            options.engine = true;
        } else if (argument == "--list") {
            options.list = true;
        } else if (argument == "--verbose") {
            options.verbose = true;
        } else if (argument == "--help") {
            printUsage(stdout);
            std::exit(0);
        } else if (argument.starts_with("--")) {
            throw std::invalid_argument("unknown option " + argument);
        } else {
            options.paths.push_back(argument);
        }
    }
    if (options.paths.empty()) throw std::invalid_argument("no file or directory of vectors given");
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    try {
        options = parse(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "millrace_conformance: %s\n", error.what());
        printUsage(stderr);
        return 2;
    }
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    std::map<std::string, int> reasons;
    for (const std::string& path : options.paths) {
        std::vector<Vector> vectors;
        try {
            for (const std::string& file : filesIn(path)) {
                for (Vector& vector : readVectors(file)) vectors.push_back(std::move(vector));
            }
        } catch (const std::exception& error) {
            std::printf("FAILED %s\n", error.what());
            ++failed;
            continue;
        }
        for (const Vector& vector : vectors) {
            if (!options.only.empty() &&
                std::find(options.only.begin(), options.only.end(), vector.id) == options.only.end()) {
                continue;
            }
            if (options.list) {
                std::printf("%s\t%s\n", vector.id.c_str(), vector.kind().c_str());
                continue;
            }
            Result result;
            try {
                result = judge(vector, options.engine);
            } catch (const std::exception& error) {
                result = {Outcome::Failed, describe(error)};
            }
            const char* word = "passed";
            if (result.outcome == Outcome::Passed) {
                ++passed;
            } else if (result.outcome == Outcome::Failed) {
                word = "FAILED";
                ++failed;
            } else {
                word = "skipped";
                ++skipped;
                ++reasons[result.text];
            }
            if (options.verbose || result.outcome == Outcome::Failed) {
                std::printf("%s %s: %s\n", word, vector.id.c_str(), result.text.c_str());
            }
        }
    }
    for (const auto& [reason, count] : reasons) std::printf("skipped %d: %s\n", count, reason.c_str());
    if (!options.list) std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0 ? 1 : 0;
}
