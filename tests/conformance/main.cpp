#include "subject.hpp"

#include <millrace/core/errors.hpp>
#include <millrace/testing/random.hpp>

#include <algorithm>
#include <cstdint>
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

enum class Mode { Operators, Restores, Engine, EngineRestores };

struct Options {
    std::vector<std::string> paths;
    std::vector<std::string> only;
    bool list = false;
    bool verbose = false;
    Mode mode = Mode::Operators;
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

/// What happened to the restores that were inserted into vectors.
struct RestoreCounts {
    long restores = 0;
    long overdue = 0;  ///< left out
};

bool isControl(const json& item) {
    return item.contains("watermark") || item.contains("status");
}

/// A new instance with the state of `old`, whose inputs have said again how far they are: they resend all that they have
/// said of watermarks and idleness, as restored sources would. Null if that alone changes its state: an event-time timer
/// for the past (also a clean-up, of a record that came just in time) waits for the next watermark, and this one is it.
std::unique_ptr<Subject> restoredFrom(Subject& old, const Implementation& implementation, const json& clock,
                                      const std::vector<json>& controls) {
    const std::optional<millrace::MemorySnapshot> snapshot = old.snapshot();
    auto restored = implementation.make();
    if (!clock.is_null()) restored->apply(clock);
    restored->restore(*snapshot);
    const auto before = restored->snapshot();
    for (const json& item : controls) restored->apply(item);
    if (restored->snapshot() != before) return nullptr;
    restored->take();  // watermarks and statuses, for the second time
    return restored;
}

/// As `run`, with a restore after the input item `after`, or after each of them if it is negative.
std::vector<OutputItem> runWithRestores(const Vector& vector, const Implementation& implementation, int after,
                                        RestoreCounts& counts) {
    std::vector<OutputItem> output;
    auto subject = implementation.make();
    json clock;
    std::vector<json> controls;
    for (std::size_t i = 0; i < vector.input.size(); ++i) {
        const json& item = vector.input[i];
        if (item.contains("proctime")) clock = item;
        if (item.contains("snapshot_restore")) controls.clear();  // the vector's own: nothing is sent again
        if (isControl(item)) controls.push_back(item);
        bool failed = false;
        try {
            subject->apply(item);
        } catch (const std::exception& error) {
            failed = true;
            std::vector<OutputItem> before = subject->take();
            before.push_back(errorItem(error));
            for (OutputItem& each : before) {
                each.at = static_cast<int>(i);
                output.push_back(std::move(each));
            }
        }
        if (failed) {
            if (std::none_of(vector.expected.begin(), vector.expected.end(),
                             [&](const OutputItem& each) { return each.at > static_cast<int>(i); })) {
                return output;
            }
            continue;  // whoever has failed is not saved
        }
        for (OutputItem& each : subject->take()) {
            each.at = static_cast<int>(i);
            output.push_back(std::move(each));
        }
        if ((after >= 0 && after != static_cast<int>(i)) || item.contains("end_input")) continue;
        if (auto restored = restoredFrom(*subject, implementation, clock, controls)) {
            subject = std::move(restored);
            ++counts.restores;
        } else {
            ++counts.overdue;
        }
    }
    return output;
}

RestoreCounts allRestores;

Result judgeWithRestores(const Vector& vector, const std::vector<Implementation>& implementations) {
    RestoreCounts counts;
    for (const Implementation& implementation : implementations) {
        std::unique_ptr<Subject> subject;
        try {
            subject = implementation.make();
        } catch (const std::exception&) {
            return {Outcome::Skipped, "is not made"};
        }
        if (!implementation.savesAll || !subject->snapshot().has_value()) {
            return {Outcome::Skipped, "kind '" + vector.kind() + "' has no state that is saved"};
        }
        for (int after = -1; after < static_cast<int>(vector.input.size()); ++after) {
            if (const auto problem =
                    difference(vector.expected, runWithRestores(vector, implementation, after, counts), vector.order)) {
                return {Outcome::Failed, implementation.name + ", restored after " +
                                             (after < 0 ? "each item" : "item " + std::to_string(after)) + ": " +
                                             *problem};
            }
        }
    }
    allRestores.restores += counts.restores;
    allRestores.overdue += counts.overdue;
    return {Outcome::Passed, std::to_string(counts.restores) + " restores"};
}

/// Why a vector cannot be run as a job; empty if it can.
std::string obstacleInEngine(const Vector& vector, const std::vector<Implementation>& implementations) {
    if (std::none_of(implementations.begin(), implementations.end(),
                     [](const Implementation& each) { return static_cast<bool>(each.runInEngine); })) {
        return "kind '" + vector.kind() + "' is not a pipeline";
    }
    std::int64_t clock = 0;
    for (const json& item : vector.input) {
        if (item.contains("query")) return "a query looks into an operator (introspection), which a job hides";
        if (item.contains("status") && item.at("status") != "idle") {
            return "a source becomes active with a record or a watermark, not by itself";
        }
        if (item.contains("end_input") && item.contains("input")) {
            return "a job that is stopped ends all inputs, not one";
        }
        if (item.contains("proctime") &&
            std::exchange(clock, item.at("proctime").get<std::int64_t>()) > item.at("proctime").get<std::int64_t>()) {
            return "the clock of a job does not go back";
        }
    }
    return {};
}

/// Whether its input may come in blocks: then there is no telling what comes in between, or at what time.
bool runsInBlocks(const Vector& vector, const Implementation& implementation) {
    // two inputs run at their own speed then: no two runs need be alike
    if (implementation.twoInputs) return false;
    // the error ends the job before or after the sink has what came before it
    for (const OutputItem& item : vector.expected) {
        if (item.kind == OutputItem::Kind::Error) return false;
    }
    // watermarks that follow each other without a record in between may become one on their way
    if (vector.op.dump().find("[\"watermark\"]") != std::string::npos) return false;
    return std::all_of(vector.input.begin(), vector.input.end(),
                       [](const json& item) { return item.contains("elem") || item.contains("watermark"); });
}

enum class Seen { Expected, InOneJob, InSeveralJobs };

/// What a job shows of each step: the records and watermarks that come to its sinks, and in what idleness the step ends; up
/// to the first error, which ends it.
/// Watermarks that do not grow end at the source, and those of a restored source come a second time; several sinks have no
/// order between them.
std::vector<OutputItem> asSeenInEngine(const Vector& vector, std::vector<OutputItem> items, Seen how) {
    std::vector<OutputItem> seen;
    Value last;
    bool idle = false;
    int step = -1;
    for (std::size_t i = 0; i < items.size(); ++i) {
        OutputItem& item = items[i];
        for (; step < item.at; ++step) {
            if (step >= 0 && vector.input[static_cast<std::size_t>(step)].contains("snapshot_restore")) last = {};
        }
        if (item.kind == OutputItem::Kind::Watermark && how != Seen::InOneJob) {
            if (!last.isNull() && !(last < item.time)) continue;
            last = item.time;
        }
        if (item.kind == OutputItem::Kind::Status && how == Seen::Expected) {
            const bool isLast = std::none_of(
                items.begin() + static_cast<std::ptrdiff_t>(i) + 1, items.end(),
                [&](const OutputItem& later) { return later.kind == OutputItem::Kind::Status && later.at == item.at; });
            if (!isLast || std::exchange(idle, item.name == "idle") == (item.name == "idle")) continue;
        }
        seen.push_back(std::move(item));
        if (seen.back().kind == OutputItem::Kind::Error) break;
    }
    const auto place = [](const OutputItem& item) {
        if (item.kind == OutputItem::Kind::Status) return 2;
        return item.name.empty() ? 1 : 0;
    };
    std::stable_sort(seen.begin(), seen.end(), [&](const OutputItem& a, const OutputItem& b) {
        return a.at != b.at ? a.at < b.at : place(a) < place(b);
    });
    return seen;
}

/// All records, whenever they came.
std::vector<OutputItem> asSeenInBlocks(std::vector<OutputItem> items) {
    std::erase_if(items, [](const OutputItem& item) { return item.isMarker(); });
    for (OutputItem& item : items) item.at = 0;
    return items;
}

Result judgeInEngine(const Vector& vector, const std::vector<Implementation>& implementations) {
    if (std::string obstacle = obstacleInEngine(vector, implementations); !obstacle.empty()) {
        return {Outcome::Skipped, std::move(obstacle)};
    }
    int runs = 0;
    for (const Implementation& implementation : implementations) {
        if (!implementation.runInEngine) continue;
        for (const int parallelism : {1, 4}) {
            if (parallelism > 1 && implementation.oncePerSubtask) continue;
            for (const std::uint64_t seed : {1, 2, 3}) {
                for (const bool paced : {true, false}) {
                    if (!paced && !runsInBlocks(vector, implementation)) continue;
                    const EngineOptions options{seed, parallelism, paced};
                    std::vector<OutputItem> output = implementation.runInEngine(vector, options);
                    ++runs;
                    // several subtasks have no order between them
                    const bool isOrdered = parallelism == 1 && vector.order == "exact";
                    const auto problem = paced ? difference(asSeenInEngine(vector, vector.expected, Seen::Expected),
                                                            asSeenInEngine(vector, std::move(output), Seen::InOneJob),
                                                            isOrdered ? "exact" : "per_watermark_unordered")
                                               : difference(asSeenInBlocks(vector.expected),
                                                            asSeenInBlocks(std::move(output)), "unordered");
                    if (problem) {
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

/// After which input items a restored operator goes on as if nothing had been: see `restoredFrom`.
std::vector<int> itemsToRestoreAfter(const Vector& vector, const Implementation& implementation) {
    std::vector<int> items;
    auto subject = implementation.make();
    json clock;
    std::vector<json> controls;
    for (std::size_t i = 0; i + 1 < vector.input.size(); ++i) {
        const json& item = vector.input[i];
        if (item.contains("end_input")) break;
        if (item.contains("proctime")) clock = item;
        if (item.contains("snapshot_restore")) controls.clear();  // the vector's own: nothing is sent again
        if (isControl(item)) controls.push_back(item);
        try {
            subject->apply(item);
        } catch (const std::exception&) {
            break;  // the job has ended
        }
        if (restoredFrom(*subject, implementation, clock, controls) != nullptr) items.push_back(static_cast<int>(i));
    }
    return items;
}

long allEngineRestores = 0;

/// As jobs that end with a savepoint after one or two input items, and go on at another parallelism.
Result judgeInEngineWithRestores(const Vector& vector, const std::vector<Implementation>& implementations) {
    if (std::string obstacle = obstacleInEngine(vector, implementations); !obstacle.empty()) {
        return {Outcome::Skipped, std::move(obstacle)};
    }
    if (std::any_of(vector.input.begin(), vector.input.end(),
                    [](const json& item) { return item.contains("status"); })) {
        return {Outcome::Skipped, "a source does not save that it is idle"};
    }
    long restores = 0;
    for (const Implementation& implementation : implementations) {
        if (!implementation.runInEngine) continue;
        if (!implementation.savesAll) return {Outcome::Skipped, "kind '" + vector.kind() + "' does not save all"};
        const std::vector<int> items = itemsToRestoreAfter(vector, implementation);
        if (items.empty()) return {Outcome::Skipped, "no input item to stop after"};
        for (std::uint64_t seed = 1; seed <= 12; ++seed) {
            millrace::testing::Random random(seed * 1000 + vector.id.size() * 31 + vector.input.size());
            const auto anyItem = [&] {
                return items[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(items.size())))];
            };
            const auto anyParallelism = [&] {
                return implementation.oncePerSubtask ? 1 : static_cast<int>(random.between(1, 5));
            };
            EngineOptions options{seed, anyParallelism(), true};
            options.stops.push_back({anyItem(), anyParallelism()});
            if (const int second = anyItem(); second > options.stops.front().after) {
                options.stops.push_back({second, anyParallelism()});
            }
            std::string how = implementation.name + ", seed " + std::to_string(seed) + ", parallelism " +
                              std::to_string(options.parallelism);
            for (const EngineStop& stop : options.stops) {
                how += ", after item " + std::to_string(stop.after) + " " + std::to_string(stop.parallelism);
            }
            std::vector<OutputItem> output = implementation.runInEngine(vector, options);
            restores += static_cast<long>(options.stops.size());
            if (const auto problem = difference(asSeenInEngine(vector, vector.expected, Seen::Expected),
                                                asSeenInEngine(vector, std::move(output), Seen::InSeveralJobs),
                                                "per_watermark_unordered")) {
                return {Outcome::Failed, how + ": " + *problem};
            }
        }
    }
    allEngineRestores += restores;
    return {Outcome::Passed, std::to_string(restores) + " restores"};
}

Result judge(const Vector& vector, Mode mode) {
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
    if (std::any_of(vector.input.begin(), vector.input.end(),
                    [](const json& item) { return item.contains("query"); })) {
        std::erase_if(implementations, [](const Implementation& each) { return !each.answersQueries; });
    }
    if (implementations.empty()) return {Outcome::Skipped, "kind '" + vector.kind() + "' is not built"};
    if (mode == Mode::Engine) return judgeInEngine(vector, implementations);
    if (mode == Mode::EngineRestores) return judgeInEngineWithRestores(vector, implementations);
    if (mode == Mode::Restores) return judgeWithRestores(vector, implementations);
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
        "usage: millrace_conformance [--engine | --restore | --engine-restore] [--only ID]... [--list] [--verbose] "
        "PATH...\n"
        "--engine: as jobs, in simulations with several seeds, at parallelism 1 and 4\n"
        "--restore: operator by operator, with a snapshot and a restore after one input item, for each of them, and "
        "after\n"
        "all of them\n"
        "--engine-restore: as jobs that end with a savepoint after input items, and go on at another parallelism\n"
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
            options.mode = Mode::Engine;
        } else if (argument == "--restore") {
            options.mode = Mode::Restores;
        } else if (argument == "--engine-restore") {
            options.mode = Mode::EngineRestores;
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
                result = judge(vector, options.mode);
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
    if (options.mode == Mode::Restores) {
        std::printf(
            "%ld restores inserted; %ld left out, where an event-time timer for the past would fire with the watermark "
            "that is sent again\n",
            allRestores.restores, allRestores.overdue);
    }
    if (options.mode == Mode::EngineRestores) std::printf("%ld restores of jobs\n", allEngineRestores);
    if (!options.list) std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0 ? 1 : 0;
}
