#ifndef STOCK_MARKET_OPTIONS_HPP
#define STOCK_MARKET_OPTIONS_HPP

#include <arguments.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace stock_market {

inline constexpr const char* kUsage =
    R"(How many trades happen by industry each minute, and what is the moving average price?

usage: stock_market [OPTION...]

what to read (default: the trades that come with the example)
  --input FILE            trades from a file: CSV, or JSON lines if it ends in .json, .jsonl or .ndjson
  --generate N            N invented trades (up to 1000000000), made as fast as they are read

what to do with the answers (default: a table for every minute)
  --output FILE           CSV or JSON lines, by the name's ending

how
  --readers N             subtasks that read, parse and time-stamp trades: more trades, more readers
  --averagers N           subtasks that count and average: more industries, more averagers
  --out-of-orderness TIME how much later than others a trade may arrive (3s); what is later is left out

instead
  --plan json|dot|mermaid prints the job's graph and does not run it
  --write-data FILE       writes the trades that come with the example anew, as CSV
  --help
)";

struct Options {
    std::string input;
    std::string output;
    std::string plan;
    std::string writeData;
    std::uint64_t generate = 0;
    int readers = 1;
    int averagers = 1;
    std::chrono::milliseconds outOfOrderness{3000};
};

inline bool isJson(const std::string& path) {
    return path.ends_with(".json") || path.ends_with(".jsonl") || path.ends_with(".ndjson");
}

/// A file whose name says how it is written; anything else would be read as the wrong format and fail far from here.
inline std::string checkedFile(const char* option, const std::string& path) {
    if (path.empty() || isJson(path) || path.ends_with(".csv") || path.starts_with("/dev/")) return path;
    throw examples::ArgumentError(
        std::string(option) + ": expected a name that ends in .csv, .json, .jsonl or .ndjson, found \"" + path + '"');
}

inline Options parseOptions(examples::Arguments& arguments) {
    const int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    Options options;
    options.input = checkedFile("--input", arguments.takeText("--input").value_or(""));
    options.output = checkedFile("--output", arguments.takeText("--output").value_or(""));
    options.writeData = arguments.takeText("--write-data").value_or("");
    options.plan = arguments.takeText("--plan").value_or("");
    options.generate = arguments.take<std::uint64_t>("--generate", 0, 1, 1'000'000'000);
    options.readers = arguments.take("--readers", threads, 1, 128);
    options.averagers = arguments.take("--averagers", threads, 1, 128);
    options.outOfOrderness = arguments.take<std::chrono::milliseconds>(
        "--out-of-orderness", options.outOfOrderness, std::chrono::milliseconds(0), std::chrono::hours(24));
    arguments.expectNothingMore();
    if (!options.plan.empty() && options.plan != "json" && options.plan != "dot" && options.plan != "mermaid") {
        throw examples::ArgumentError("--plan: expected json, dot or mermaid, found \"" + options.plan + '"');
    }
    if (!options.input.empty() && options.generate > 0) {
        throw examples::ArgumentError("--input and --generate: give one of them");
    }
    return options;
}

}  // namespace stock_market

#endif  // STOCK_MARKET_OPTIONS_HPP
