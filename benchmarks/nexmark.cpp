// The queries of Nexmark on millrace: benchmarks/run nexmark, or --help. See docs/nexmark.md.

#include "nexmark/run.hpp"
#include "nexmark/verify.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace nexmark;

struct Options {
    std::uint64_t events = 2'000'000;
    bool eventsGiven = false;
    GeneratorConfig generator;
    int parallelism = 1;
    int repetitions = 1;
    std::vector<std::string> queries;  ///< all if empty
    std::string json;
    bool smoke = false;
    bool verify = false;
    bool latency = false;
    bool rateGiven = false;
};

constexpr double kQuantiles[] = {0.5, 0.99, 0.999};

/// What a run in a process of its own tells the one that waits for it.
struct Figures {
    double wallSeconds = 0;
    double cpuSeconds = 0;
    double peakMegabytes = 0;
    std::int64_t rows = 0;
    std::uint64_t changes = 0;
    std::uint64_t checksum = 0;
    std::uint64_t measured = 0;  ///< results whose latency is known
    double latencyMicros[std::size(kQuantiles)] = {};
};

/// Runs in a process of its own, so that memory is that of this run alone.
/// *Failure:* std::runtime_error when it does not come to its end; it has said why.
template <class Fn>
Figures inOwnProcess(const Fn& fn) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child == 0) {
        int status = 0;
        try {
            const Outcome outcome = fn();
            Figures figures{outcome.wallSeconds,  outcome.cpuSeconds,      0,
                            outcome.results.rows, outcome.results.changes, outcome.results.checksum};
            figures.measured = outcome.latency.total();
            for (std::size_t i = 0; i < std::size(kQuantiles); ++i)
                figures.latencyMicros[i] = outcome.latency.quantile(kQuantiles[i]);
            status = ::write(ends[1], &figures, sizeof figures) == sizeof figures ? 0 : 1;
        } catch (const std::exception& error) {
            std::fprintf(stderr, "error: %s\n", error.what());
            status = 1;
        }
        ::_exit(status);
    }
    ::close(ends[1]);
    Figures figures;
    const bool complete = ::read(ends[0], &figures, sizeof figures) == sizeof figures;
    ::close(ends[0]);
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    if (!complete || status != 0) throw std::runtime_error("a run has failed");
    figures.peakMegabytes = static_cast<double>(usage.ru_maxrss) / 1024;
    return figures;
}

struct Row {
    std::string name;
    Figures figures;  ///< of the fastest run
    bool hasChecksum = true;
};

void printHeader() {
    std::printf("%-10s %12s %12s %14s %9s %12s %12s  %s\n", "query", "events/s", "CPU ns/event", "events/s/core", "MB",
                "rows", "changes", "checksum");
}
void printRow(const Row& row, std::uint64_t events) {
    const auto count = static_cast<double>(events);
    const Figures& f = row.figures;
    std::printf("%-10s %12.0f %12.1f %14.0f %9.0f %12" PRId64 " %12" PRIu64 "  ", row.name.c_str(),
                count / f.wallSeconds, 1e9 * f.cpuSeconds / count, count / f.cpuSeconds, f.peakMegabytes, f.rows,
                f.changes);
    if (row.hasChecksum) {
        std::printf("%016" PRIx64 "\n", f.checksum);
    } else {
        std::printf("-\n");
    }
    std::fflush(stdout);
}

/// *Failure:* std::runtime_error if the file cannot be written.
void writeJson(const std::string& path, const std::vector<Row>& rows, const Options& options) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot write " + path);
    std::fprintf(file, "[");
    const auto count = static_cast<double>(options.events);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Figures& f = rows[i].figures;
        std::fprintf(file,
                     "%s\n  {\"query\": \"%s\", \"events\": %" PRIu64
                     ", \"parallelism\": %d, \"events_per_second\": %.6g, "
                     "\"cpu_ns_per_event\": %.6g, \"events_per_second_per_core\": %.6g, \"peak_megabytes\": %.6g, "
                     "\"rows\": %" PRId64 ", \"changes\": %" PRIu64,
                     i == 0 ? "" : ",", rows[i].name.c_str(), options.events, options.parallelism,
                     count / f.wallSeconds, 1e9 * f.cpuSeconds / count, count / f.cpuSeconds, f.peakMegabytes, f.rows,
                     f.changes);
        if (rows[i].hasChecksum) std::fprintf(file, ", \"checksum\": \"%016" PRIx64 "\"", f.checksum);
        std::fprintf(file, "}");
    }
    std::fprintf(file, "\n]\n");
    if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + path);
}

[[noreturn]] void usage(int status) {
    std::fprintf(
        status == 0 ? stdout : stderr,
        "usage: nexmark [--events N] [--queries q0,q5] [--parallelism P] [--rate R] [--out-of-order G]\n"
        "               [--repetitions N] [--json FILE] [--smoke | --verify | --latency]\n"
        "  Runs the queries of Nexmark over N events (2000000), each in a process of its own; of several repetitions\n"
        "  the one that takes least processor time counts. Generating the events is included; the rows `generator`\n"
        "  and `source` are that alone, without and with a pipeline around it.\n"
        "  --rate: events per second of event time (100000); --out-of-order: events come shuffled in groups of G.\n"
        "  --verify: compares all results with those of SQLite, in several ways, over three inputs with rates of "
        "their\n"
        "  own (N is 100000 then).\n"
        "  --latency: events come at the rate R by the clock, for 25 s unless N says otherwise; prints how many\n"
        "  microseconds after it was due (its event was scheduled, its window or auction ended) each result came.\n"
        "  --smoke: a few seconds on one thread and on two, whose results must agree.\n");
    std::exit(status);
}

[[noreturn]] void refuse(const char* why) {
    std::fprintf(stderr, "nexmark: %s\n", why);
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto value = [&]() -> std::string {
            if (++i == argc) usage(2);
            return argv[i];
        };
        const auto number = [&](std::uint64_t least, std::uint64_t most) {
            const std::string text = value();
            char* end = nullptr;
            const std::uint64_t parsed = std::strtoull(text.c_str(), &end, 10);
            if (text.empty() || *end != '\0' || parsed < least || parsed > most) usage(2);
            return parsed;
        };
        constexpr std::uint64_t kMost = std::uint64_t{1} << 50;
        if (argument == "--events") {
            options.events = number(1, kMost);
            options.eventsGiven = true;
        } else if (argument == "--rate") {
            options.generator.eventsPerSecond = number(1, kMost);
            options.rateGiven = true;
        } else if (argument == "--out-of-order") {
            options.generator.outOfOrderGroupSize = number(1, kMost);
        } else if (argument == "--parallelism") {
            options.parallelism = static_cast<int>(number(1, 1024));
        } else if (argument == "--repetitions") {
            options.repetitions = static_cast<int>(number(1, 1000));
        } else if (argument == "--json") {
            options.json = value();
        } else if (argument == "--smoke") {
            options.smoke = true;
        } else if (argument == "--verify") {
            options.verify = true;
        } else if (argument == "--latency") {
            options.latency = true;
        } else if (argument == "--queries") {
            std::string names = value();
            for (std::size_t at = 0; at <= names.size();) {
                const std::size_t end = std::min(names.find(',', at), names.size());
                options.queries.push_back(names.substr(at, end - at));
                at = end + 1;
            }
        } else {
            usage(argument == "--help" ? 0 : 2);
        }
    }
    if (options.smoke + options.verify + options.latency > 1)
        refuse("--smoke, --verify and --latency exclude each other");
    if (options.verify && (options.rateGiven || options.generator.outOfOrderGroupSize > 1)) {
        refuse("--verify has three inputs, with rates and orders of their own: leave out --rate and --out-of-order");
    }
    if (options.latency && options.generator.outOfOrderGroupSize > 1) {
        refuse("--latency takes the events in the order in which they are due: leave out --out-of-order");
    }
    if (options.latency && options.generator.eventsPerSecond > 10'000'000) {
        refuse("--latency: the rate is at most 10000000 events per second");
    }
    return options;
}

/// *Failure:* std::runtime_error for a name that none has.
std::vector<Query> chosen(const std::vector<std::string>& names) {
    const std::vector<Query> all = allQueries();
    if (names.empty()) return all;
    std::vector<Query> some;
    for (const std::string& name : names) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const Query& query) { return query.name == name; });
        if (found == all.end()) throw std::runtime_error("there is no query '" + name + "'; there are q0 to q23");
        some.push_back(*found);
    }
    return some;
}

std::vector<Row> measure(const std::vector<Query>& queries, const Options& options, const std::string& directory) {
    RunConfig config;
    config.generator = options.generator;
    config.events = options.events;
    config.parallelism = options.parallelism;
    config.directory = directory;
    std::vector<Row> rows;
    const auto add = [&](const std::string& name, bool hasChecksum, const auto& once) {
        Row row{name, {}, hasChecksum};
        row.figures.cpuSeconds = std::numeric_limits<double>::infinity();
        for (int i = 0; i < options.repetitions; ++i) {
            std::filesystem::create_directories(directory);
            const Figures figures = inOwnProcess(once);
            std::filesystem::remove_all(directory);
            if (figures.cpuSeconds < row.figures.cpuSeconds) row.figures = figures;
        }
        printRow(row, options.events);
        rows.push_back(std::move(row));
    };
    std::printf("%" PRIu64 " events, %" PRIu64 " per second of event time, parallelism %d\n", options.events,
                options.generator.eventsPerSecond, options.parallelism);
    printHeader();
    (void)Generator(options.generator);  // makes the texts before there are other processes
    add("generator", false, [&] { return generateOnly(config); });
    add("source", false, [&] { return run(sourceOnly(), config); });
    for (const Query& query : queries) {
        add(query.name, !query.byClock, [&] { return run(query, config); });
    }
    if (!options.json.empty()) writeJson(options.json, rows, options);
    return rows;
}

/// A few seconds: on one thread and on two, which must give the same.
bool smoke(const std::vector<Query>& queries, Options options, const std::string& directory) {
    if (!options.eventsGiven) options.events = 100'000;
    options.parallelism = 1;
    const std::vector<Row> one = measure(queries, options, directory);
    options.parallelism = 2;
    const std::vector<Row> two = measure(queries, options, directory);
    bool agree = true;
    for (std::size_t i = 0; i < one.size(); ++i) {
        if (!one[i].hasChecksum) continue;
        if (one[i].figures.rows == two[i].figures.rows && one[i].figures.checksum == two[i].figures.checksum) continue;
        std::printf("  WRONG: %s gives another result on two threads\n", one[i].name.c_str());
        agree = false;
    }
    return agree;
}

/// At a fixed rate by the clock: when results come.
void measureLatency(const std::vector<Query>& queries, const Options& options, const std::string& directory) {
    RunConfig config;
    config.generator = options.generator;
    config.events = options.eventsGiven ? options.events : 25 * options.generator.eventsPerSecond;
    config.parallelism = options.parallelism;
    config.isPaced = true;
    config.directory = directory;
    std::printf("%" PRIu64 " events, %" PRIu64 " per second by the clock, parallelism %d; microseconds\n",
                config.events, options.generator.eventsPerSecond, options.parallelism);
    std::printf("%-10s %12s %12s %12s %12s\n", "query", "p50", "p99", "p99.9", "results");
    (void)Generator(options.generator);  // makes the texts before there are other processes
    std::FILE* const json = options.json.empty() ? nullptr : std::fopen(options.json.c_str(), "w");
    if (json == nullptr && !options.json.empty()) throw std::runtime_error("cannot write " + options.json);
    const char* separator = "[";
    bool any = false;
    for (const Query& query : queries) {
        if (!query.tellsTimes) continue;
        std::filesystem::create_directories(directory);
        const Figures f = inOwnProcess([&] { return run(query, config); });
        std::filesystem::remove_all(directory);
        any = any || f.measured > 0;
        std::printf("%-10s", query.name.c_str());
        for (const double micros : f.latencyMicros) {
            if (f.measured > 0) {
                std::printf(" %12.1f", micros);
            } else {
                std::printf(" %12s", "-");
            }
        }
        std::printf(" %12" PRIu64 "\n", f.measured);
        std::fflush(stdout);
        if (json == nullptr) continue;
        std::fprintf(json,
                     "%s\n  {\"query\": \"%s\", \"events\": %" PRIu64 ", \"rate\": %" PRIu64
                     ", \"parallelism\": %d, \"results\": %" PRIu64,
                     separator, query.name.c_str(), config.events, options.generator.eventsPerSecond,
                     options.parallelism, f.measured);
        for (std::size_t i = 0; f.measured > 0 && i < std::size(kQuantiles); ++i)
            std::fprintf(json, ", \"p%g_us\": %.2f", 100 * kQuantiles[i], f.latencyMicros[i]);
        std::fprintf(json, "}");
        separator = ",";
    }
    if (json != nullptr) {
        std::fprintf(json, "%s\n]\n", *separator == '[' ? "[" : "");
        if (std::fclose(json) != 0) throw std::runtime_error("cannot write " + options.json);
    }
    if (!any)
        throw std::runtime_error("no latency was measured: these queries have no results by then, or none with a time");
}

int runAll(const Options& options) {
    const std::vector<Query> queries = chosen(options.queries);
    const std::string directory =
        (std::filesystem::temp_directory_path() / ("nexmark-" + std::to_string(::getpid()))).string();
    if (options.verify) return verify(queries, options.eventsGiven ? options.events : 100'000, directory) ? 0 : 1;
    if (options.smoke) return smoke(queries, options, directory) ? 0 : 1;
    if (options.latency) {
        measureLatency(queries, options, directory);
        return 0;
    }
    measure(queries, options, directory);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return runAll(parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
