// A job that goes on where it was, whatever ended it:
//
//   examples/run resume                    to its end: 342 rows
//   examples/run resume --kill-after 100   the process kills itself (SIGKILL) after 100 results
//   examples/run resume                    goes on from the last checkpoint; in the end there are the same 342 rows
//
// kill -9 from another terminal does as well. Savepoints, from there:
//
//   kill -USR1 PID                              takes one; the program runs on
//   kill -TERM PID                              ends the program with one, and says how to go on with it
//   examples/run resume --from-savepoint PATH   goes on, perhaps as a new version, or with another --parallelism

#include "resume.hpp"

#include <millrace/checkpoint/savepoint_options.hpp>
#include <millrace/core/log.hpp>
#include <millrace/runtime/savepoint_signal_guard.hpp>

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

int run(examples::Arguments& arguments, const SavepointOptions& savepoints) {
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
    if (!hasCheckpoint(settings) && savepoints.restoreFrom.empty()) std::filesystem::remove_all(settings.sales());

    // "job 'sales' begins with checkpoint 7 (…)"
    setLogCallback([](LogLevel, std::string_view text) { fmt::print(stderr, "{}\n", text); });
    takeCheckpoints(env, settings, savepoints);
    std::atomic<std::int64_t> results{0};
    write(salesPerMinute(env, settings).inspect([&results, killAfter](const Sales&) {
        if (++results == killAfter) std::raise(SIGKILL);
    }),
          settings);
    const auto job = env.executeAsync("sales");
    const SavepointSignalGuard guard(job, savepoints.directory);
    job->result();
    fmt::print(stderr, "{} results in this run\n", results.load());
    if (const std::string path = guard.savepointPath(); !path.empty()) {
        fmt::print(stderr, "stopped; go on with --from-savepoint {}\n", path);
        return 0;
    }
    printTotal(settings);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const SavepointOptions savepoints = SavepointOptions::fromArguments(argc, argv);
        const std::string usage = std::string(kUsage) + SavepointOptions::usage() + "  --help\n";
        return examples::runExample(argc, argv, usage.c_str(),
                                    [&](examples::Arguments& arguments) { return run(arguments, savepoints); });
    } catch (const ConfigurationException& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 2;
    }
}
