// Counts the words of text files, or of what a TCP socket sends.

#include "word_count.hpp"

#include <millrace/connectors/socket_source.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/sigint_guard.hpp>

#include <fmt/format.h>
#include <arguments.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace millrace;
using namespace word_count;

namespace {

constexpr const char* kUsage = R"(Counts words, and prints the most frequent ones.

usage: word_count [OPTION...]
  --input PATH        a text file, or a directory of them (default: the text that comes with the example)
  --socket HOST:PORT  lines from a TCP server, such as `nc -lk 9999`, until it closes the connection or you press Ctrl-C
  --top N             how many words to print (20)
  --parallelism N
  --help
)";

/// Keeps the latest count of each word.
using Counts = std::unordered_map<std::string, std::int64_t>;

void print(const Counts& counts, std::size_t top) {
    std::vector<std::pair<std::string, std::int64_t>> words(counts.begin(), counts.end());
    std::sort(words.begin(), words.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    for (std::size_t i = 0; i < std::min(top, words.size()); ++i)
        fmt::print("{:6}  {}\n", words[i].second, words[i].first);
    fmt::print("{:6}  different words\n", words.size());
}

DataStream<std::string> readLines(StreamEnvironment& env, examples::Arguments& arguments) {
    const auto input = arguments.takeText("--input");
    const auto socket = arguments.takeText("--socket");
    if (input && socket) throw examples::ArgumentError("--input and --socket: give one of them");
    if (!socket) {
        return env.fromSource(FileSource::lines(input.value_or(MILLRACE_EXAMPLE_DATA "/the_mill_race.txt")),
                              WatermarkStrategy::noWatermarks(), "lines");
    }
    const std::size_t colon = socket->rfind(':');
    std::uint16_t port = 0;
    if (colon == std::string::npos || colon == 0 || !parseText(socket->substr(colon + 1), port)) {
        throw examples::ArgumentError("--socket: expected HOST:PORT, such as localhost:9999, found \"" + *socket + '"');
    }
    return env.socketTextStream(socket->substr(0, colon), port);
}

int run(examples::Arguments& arguments) {
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    const auto top = arguments.take<std::size_t>("--top", 20, 1, 1'000'000);
    const DataStream<std::string> lines = readLines(env, arguments);
    arguments.expectNothingMore();

    // one subtask, and read only after the job: nothing to guard
    Counts counts;
    countWords(lines).addSink([&counts](const WordCount& word) { counts[word.word] = word.count; }).setParallelism(1);
    const auto job = env.executeAsync("word count");
    const SigintGuard stopOnSigint(job);
    job->result();
    print(counts, top);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
