// A program is replaced by its next version, whose structs are others, and nothing that it has counted is lost:
//
//   1. version 1 runs
//   2. checkRestore says what version 2 would make of its state, while version 1 still runs
//   3. version 1 stops with a savepoint
//   4. version 2 begins with it

#include "upgrade_state.hpp"

#include <fmt/format.h>
#include <arguments.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

using namespace millrace;
using namespace upgrade_state;

namespace {

constexpr const char* kUsage = R"(Replaces a program by a version of it with other structs, and goes on with its state.

usage: upgrade_state [OPTION...]
  --directory DIR   for the savepoints, which are removed first (millrace-upgrade below that for temporary files)
  --payments N      how many there are (20000)
  --rate N          payments per second (40000)
  --help
)";

int run(examples::Arguments& arguments) {
    Settings settings;
    const std::string directory = arguments.takeText("--directory")
                                      .value_or((std::filesystem::temp_directory_path() / "millrace-upgrade").string());
    settings.payments = arguments.take<std::uint64_t>("--payments", settings.payments, 1, 1'000'000'000);
    settings.perSecond = arguments.take("--rate", settings.perSecond, 1.0, 1e9);
    arguments.expectNothingMore();
    const std::string trial = directory + "/trial";
    const std::string last = directory + "/last";
    std::filesystem::remove_all(trial);
    std::filesystem::remove_all(last);

    StreamExecutionEnvironment oldProgram;
    takeSavepoints(oldProgram);
    statements<version1::Accounts>(oldProgram, settings).addSink([](const Statement&) {});
    const auto oldJob = oldProgram.executeAsync("accounts");
    oldJob->waitFor(std::chrono::milliseconds(100));

    // the new program, which has not been started yet
    std::map<std::int64_t, Statement> newest;
    StreamExecutionEnvironment newProgram;
    takeSavepoints(newProgram, last);
    statements<version2::Accounts>(newProgram, settings)
        .addSink([&](const Statement& statement) { newest[statement.account] = statement; })
        .setParallelism(1);

    oldJob->triggerSavepoint(trial);  // the old one runs on
    const RestoreReport report = checkRestore(trial, newProgram);
    std::string text = report.toString();
    text.erase(0, text.find(", checkpoint"));  // the directory, which is another one on your machine
    fmt::print("the savepoint{}\n", text);
    if (!report.isRestorable()) return 1;

    oldJob->stopWithSavepoint(last);
    oldJob->result();
    newProgram.execute("accounts");
    for (const auto& [account, statement] : newest) {
        fmt::print("account {}: {} has spent {}.{:02}\n", account, statement.owner, statement.cents / 100,
                   statement.cents % 100);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
