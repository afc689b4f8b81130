#include "verify.hpp"

#include "reference.hpp"
#include "run.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nexmark {
namespace {

using Rows = std::vector<std::string>;

/// The rows that are left when those that were replaced are taken out, sorted. One that was taken out without having been
/// there, or too often, comes with its count.
Rows tableOf(std::vector<std::pair<std::string, int>> changes) {
    std::sort(changes.begin(), changes.end());
    Rows rows;
    for (std::size_t i = 0; i < changes.size();) {
        const std::string& row = changes[i].first;
        int count = 0;
        std::size_t end = i;
        for (; end < changes.size() && changes[end].first == row; ++end) count += changes[end].second;
        if (count < 0) rows.push_back("taken out too often: " + row);
        for (int k = 0; k < count; ++k) rows.push_back(row);
        i = end;
    }
    return rows;
}

/// `bidder|bids` from `bidder|bids|start|end`.
Rows sumPerBidder(const Rows& rows) {
    std::map<std::string, std::int64_t> sums;
    for (const std::string& row : rows) {
        const std::size_t bidderEnd = row.find('|');
        const std::size_t countEnd = row.find('|', bidderEnd + 1);
        sums[row.substr(0, bidderEnd)] += std::stoll(row.substr(bidderEnd + 1, countEnd - bidderEnd - 1));
    }
    Rows out;
    for (const auto& [bidder, sum] : sums) out.push_back(bidder + '|' + std::to_string(sum));
    std::sort(out.begin(), out.end());
    return out;
}

/// The lines of all CSV files below a directory, as rows: each must lie in the directory of its day and minute.
Rows rowsOfFiles(const std::string& directory) {
    Rows rows;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path());
        std::string line;
        std::getline(file, line);  // the header
        while (std::getline(file, line)) {
            const std::size_t lastComma = line.rfind(',');
            const std::size_t comma = line.rfind(',', lastComma - 1);
            const std::string bucket =
                "dt=" + line.substr(comma + 1, lastComma - comma - 1) + "/hm=" + line.substr(lastComma + 1);
            if (entry.path().parent_path() != std::filesystem::path(directory) / bucket) {
                rows.push_back("in the wrong directory, " + entry.path().string() + ": " + line);
            }
            // times are in ISO 8601 there, and all rows have been compared already: count and place matter here
            rows.push_back(line.substr(0, line.find(',')));
        }
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}
Rows firstFields(const Rows& rows) {
    Rows fields;
    for (const std::string& row : rows) fields.push_back(row.substr(0, row.find('|')));
    std::sort(fields.begin(), fields.end());
    return fields;
}

/// Says what the first difference is; empty if there is none.
std::string differenceOf(const Rows& got, const Rows& expected) {
    if (got == expected) return {};
    std::string text = std::to_string(got.size()) + " rows instead of " + std::to_string(expected.size());
    Rows wrong;
    Rows missing;
    std::set_difference(got.begin(), got.end(), expected.begin(), expected.end(), std::back_inserter(wrong));
    std::set_difference(expected.begin(), expected.end(), got.begin(), got.end(), std::back_inserter(missing));
    text += "; " + std::to_string(wrong.size()) + " wrong, " + std::to_string(missing.size()) + " missing";
    if (!wrong.empty()) text += "\n    wrong:   " + wrong.front().substr(0, 300);
    if (!missing.empty()) text += "\n    missing: " + missing.front().substr(0, 300);
    return text;
}

struct Way {
    const char* name;
    int parallelism;
    bool simulated;
};
constexpr Way kWays[] = {{"one thread", 1, false}, {"two threads", 2, false}, {"simulation", 3, true}};

/// The difference of one run; empty if there is none.
std::string compare(const Query& query, const RunConfig& config, const Rows& expected, std::uint64_t& checksum) {
    std::filesystem::remove_all(config.directory);
    std::filesystem::create_directories(config.directory);
    Outcome outcome;
    try {
        outcome = run(query, config);
    } catch (const std::exception& error) {
        return std::string("failed: ") + error.what();
    }
    checksum = outcome.results.checksum;
    const auto changes = static_cast<std::uint64_t>(outcome.results.kept.size());
    if (changes != outcome.results.changes) return "counts another number of changes than it has put out";
    Rows rows = tableOf(std::move(outcome.results.kept));
    if (static_cast<std::int64_t>(rows.size()) != outcome.results.rows)
        return "counts another number of rows than it has put out";
    if (query.byClock) rows = sumPerBidder(rows);
    std::string difference = differenceOf(rows, expected);
    if (difference.empty() && query.name == "q10") {
        difference = differenceOf(rowsOfFiles(config.directory), firstFields(expected));
        if (!difference.empty()) difference = "in files: " + difference;
    }
    return difference;
}

}  // namespace

bool verify(const std::vector<Query>& queries, std::uint64_t events, const std::string& directory) {
    struct Input {
        GeneratorConfig generator;
        std::uint64_t events;
    };
    constexpr std::int64_t kMidnight = GeneratorConfig{}.baseTimeMillis;
    constexpr std::int64_t kEvening = kMidnight + (18 * 60 + 40) * 60'000;
    const Input inputs[] = {
        // many bids in a millisecond, on two days
        {{.eventsPerSecond = 20'000, .baseTimeMillis = kMidnight - 300}, events},
        // sessions and windows of a few, from before 19:00 to behind it
        {{.eventsPerSecond = 1, .baseTimeMillis = kEvening}, events / 5},
        // out of order, and several bids have the highest price of their window
        {{.eventsPerSecond = 200, .outOfOrderGroupSize = 64, .highestPrice = 60'000'000}, events / 5},
    };
    int passed = 0;
    int failed = 0;
    for (const auto& [generator, count] : inputs) {
        std::printf("%" PRIu64 " events, %" PRIu64 " per second%s\n", count, generator.eventsPerSecond,
                    generator.outOfOrderGroupSize > 1 ? ", out of order" : "");
        const Reference reference(Generator(generator), count);
        for (const Query& query : queries) {
            const Rows expected = reference.rows(query.name);
            const std::uint64_t windows = count / generator.eventsPerSecond / 10 + 2;
            if (query.name == "q7" && count >= 400 && generator.highestPrice < GeneratorConfig{}.highestPrice &&
                expected.size() <= windows) {
                std::printf("  q7: the input has no equal prices, which it is there for\n");
                ++failed;
            }
            bool agrees = true;
            std::uint64_t checksum = 0;
            for (const Way& way : kWays) {
                if (query.byClock && !way.simulated) continue;
                RunConfig config;
                config.generator = generator;
                config.events = count;
                config.parallelism = way.parallelism;
                if (way.simulated) config.simulationSeed = 7;
                config.keepsRows = true;
                config.directory = directory;
                const std::string difference = compare(query, config, expected, checksum);
                ++(difference.empty() ? passed : failed);
                if (difference.empty()) continue;
                agrees = false;
                std::printf("  %-4s on %s: %s\n", query.name.c_str(), way.name, difference.c_str());
            }
            if (agrees && query.byClock) {
                std::printf("  %-4s %9zu bidders agree\n", query.name.c_str(), expected.size());
            } else if (agrees) {
                std::printf("  %-4s %9zu rows agree, checksum %016" PRIx64 "\n", query.name.c_str(), expected.size(),
                            checksum);
            }
            std::fflush(stdout);
        }
    }
    std::filesystem::remove_all(directory);
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0;
}

}  // namespace nexmark
