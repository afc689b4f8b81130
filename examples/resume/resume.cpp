// A job that goes on where it was, whatever ended it:
//
//   examples/run resume                    to its end: 342 rows
//   examples/run resume --kill-after 100   the process kills itself (SIGKILL) after 100 results
//   examples/run resume                    goes on from the last checkpoint; in the end there are the same 342 rows
//
// Ctrl-C, or kill -9 from another terminal, does as well.

#include "resume.hpp"

#include <millrace/core/log.hpp>

#include <fmt/format.h>
#include <arguments.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

using namespace millrace;
using namespace resume;

namespace {

constexpr const char* kUsage =
    R"(Sales per product and minute, written exactly once however often the program is killed.

usage: resume [OPTION...]
  --directory DIR    holds the checkpoints and the results (millrace-resume below the directory for temporary files)
  --orders N         how many there are (20000)
  --rate N           orders per second (4000)
  --interval DURATION  between two checkpoints (200ms)
  --kill-after N     kills the process after so many results
  --parallelism N
  --help
)";

bool hasCheckpoint(const Settings& settings) {
    if (!std::filesystem::exists(settings.checkpoints())) return false;
    for (const auto& entry : std::filesystem::directory_iterator(settings.checkpoints())) {
        if (std::filesystem::exists(entry.path() / "manifest.json")) return true;
    }
    return false;
}

/// Of all finished files.
void printTotal(const Settings& settings) {
    StreamExecutionEnvironment env;
    std::int64_t rows = 0;
    std::int64_t quantity = 0;
    env.fromSource(FileSource::csv<Sales>(settings.sales()), WatermarkStrategy::noWatermarks(), "sales")
        .addSink([&](const Sales& sales) {
            ++rows;
            quantity += sales.quantity;
        })
        .setParallelism(1);
    env.execute("total");
    fmt::print("{} rows, {} pieces sold\n", rows, quantity);
}

int run(examples::Arguments& arguments) {
    Settings settings;
    settings.directory = arguments.takeText("--directory")
                             .value_or((std::filesystem::temp_directory_path() / "millrace-resume").string());
    settings.orders = arguments.take<std::uint64_t>("--orders", settings.orders, 1, 1'000'000'000);
    settings.perSecond = arguments.take("--rate", settings.perSecond, 1.0, 1e9);
    settings.interval = arguments.take<std::chrono::milliseconds>("--interval", std::chrono::milliseconds(200),
                                                                  std::chrono::milliseconds(1), std::chrono::hours(1));
    const auto killAfter = arguments.take<std::int64_t>("--kill-after", 0, 0, 1'000'000'000);
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    arguments.expectNothingMore();

    // a job that has finished leaves no checkpoint: then this is a new run, and what it left is not ours to add to
    if (!hasCheckpoint(settings)) std::filesystem::remove_all(settings.sales());

    // "job 'sales' begins with checkpoint 7 (…)"
    setLogCallback([](LogLevel, std::string_view text) { fmt::print(stderr, "{}\n", text); });
    takeCheckpoints(env, settings);
    std::atomic<std::int64_t> results{0};
    write(salesPerMinute(env, settings).inspect([&results, killAfter](const Sales&) {
        if (++results == killAfter) std::raise(SIGKILL);
    }),
          settings);
    env.execute("sales");
    fmt::print(stderr, "{} results in this run\n", results.load());
    printTotal(settings);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
