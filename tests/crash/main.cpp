// Kills pipelines while they run, as often as it is told to, and looks whether that makes a difference.
//
//   millrace_crash [--kills N] [--seed S] [--pipeline NAME] [--keep]
//
// It runs itself as the process that is killed (--worker). The last line is
// "kills=N restarts=N lost=N duplicated=N wrong=N", and the exit code 1 if one of the last three is not 0.

#include "deaths.hpp"
#include "pipelines.hpp"

#include <millrace/checkpoint/savepoint_options.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/core/log.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/savepoint_signal_guard.hpp>
#include <millrace/testing/random.hpp>

#include <fmt/format.h>
#include <arguments.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace crash {

std::vector<std::string> finishedLines(const std::string& path) {
    std::vector<std::string> lines;
    const auto addFile = [&lines](const std::filesystem::path& file) {
        if (file.filename().string().starts_with('.')) return;
        std::ifstream stream(file);
        for (std::string line; std::getline(stream, line);) lines.push_back(line);
    };
    if (std::filesystem::is_directory(path)) {
        for (const auto& entry : std::filesystem::directory_iterator(path)) addFile(entry.path());
    } else if (std::filesystem::exists(path)) {
        addFile(path);
    }
    return lines;
}

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using millrace::testing::Random;
using Clock = std::chrono::steady_clock;
using Rows = std::map<std::string, std::int64_t>;  // a line and how often it is there

constexpr const Pipeline* kPipelines[] = {&kStockMarket, &kSessions, &kPayments, &kReminders, &kPrices, &kBalances};
constexpr auto kLongestLife = 300s;  // hangs; it is far more than a busy machine needs
constexpr double kPacedSeconds = 1.2;
constexpr int kStopped = 3;  // exit code of a process that a signal has asked to end

constexpr const char* kUsage =
    R"(Kills pipelines while they run, restarts them, and compares what they have written with an undisturbed run.

usage: tests/run crash [OPTION...]
  --kills N        in all (50)
  --seed S         of the moments of death, and of all else that is drawn (1)
  --pipeline NAME  only this one: stock_market, sessions, payments, reminders, prices, balances; careless must be found out
  --keep           leaves the files of rounds without a fault, too
)";

const Pipeline& pipelineNamed(const std::string& name) {
    for (const Pipeline* pipeline : kPipelines) {
        if (name == pipeline->name) return *pipeline;
    }
    if (name == kCareless.name) return kCareless;
    throw examples::ArgumentError("there is no pipeline " + name);
}

bool hasCheckpoint(const std::string& directory) {
    if (!fs::exists(directory)) return false;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (fs::exists(entry.path() / "manifest.json")) return true;
    }
    return false;
}

// ---- the process that is killed -------------------------------------------------------------------------------------

int work(examples::Arguments& arguments, const std::string& name, const millrace::SavepointOptions& savepoints) {
    const Pipeline& pipeline = pipelineNamed(name);
    Settings settings;
    settings.directory = arguments.takeText("--directory").value();
    settings.parallelism = arguments.take("--parallelism", 1, 1, 128);
    settings.seconds = arguments.take("--seconds", 0.0, 0.0, 1e6);
    millrace::CheckpointConfig config;
    config.interval = 10ms;
    config.directory = settings.directory + "/checkpoints";
    config.maxConcurrent = arguments.take("--concurrent", 1, 1, 10);
    config.retained = arguments.take("--retained", 1, 1, 10);
    config.unaligned = arguments.takeFlag("--unaligned");
    config.incremental = arguments.takeFlag("--incremental");
    if (arguments.takeFlag("--compressed")) config.compression = millrace::SnapshotCompression::Zstd;
    config.restart = millrace::RestartStrategy::noRestart();
    savepoints.applyTo(config);
    const std::optional<std::string> death = arguments.takeText("--die");
    const bool suspends = arguments.takeFlag("--suspend");
    arguments.expectNothingMore();

    millrace::setLogCallback([](millrace::LogLevel, std::string_view text) { fmt::print(stderr, "{}\n", text); });
    if (death.has_value()) dieAt(*death);
    millrace::StreamExecutionEnvironment env;
    env.setParallelism(settings.parallelism);
    env.enableCheckpointing(config);
    pipeline.build(env, settings);
    const auto job = env.executeAsync(pipeline.name);
    const millrace::SavepointSignalGuard guard(
        job, savepoints.directory,
        suspends ? millrace::OnTerminate::Suspend : millrace::OnTerminate::StopWithSavepoint);
    job->result();
    return guard.savepointPath().empty() && !hasCheckpoint(config.directory) ? 0 : kStopped;
}

// ---- the one who kills ----------------------------------------------------------------------------------------------

struct Tally {
    int kills = 0;
    int restarts = 0;
    std::int64_t lost = 0;
    std::int64_t duplicated = 0;
    std::int64_t wrong = 0;
    int failures = 0;  ///< of other kinds: a run that fails or hangs, checkpoints that stay

    bool isClean() const { return lost + duplicated + wrong + failures == 0; }
    void add(const Tally& other) {
        kills += other.kills;
        restarts += other.restarts;
        lost += other.lost;
        duplicated += other.duplicated;
        wrong += other.wrong;
        failures += other.failures;
    }
};

/// What the kills left behind: that they hit in the middle of something.
struct Traces {
    int halfCheckpoints = 0;  ///< a checkpoint without its manifest
    int halfManifests = 0;    ///< a manifest without its name
    int hiddenFiles = 0;      ///< of a sink, not committed, or a journal of SQLite's
    int emptyHanded = 0;      ///< no checkpoint at all
};

/// One life of a process: how it is started, and how it is to end.
struct Life {
    int parallelism = 1;
    int concurrent = 1;
    int retained = 1;
    bool unaligned = false;
    bool incremental = false;
    bool compressed = false;
    double seconds = 0;
    std::string death;                              ///< for the process itself
    std::optional<std::chrono::microseconds> kill;  ///< from outside, so long after the start
    int signal = 0;                                 ///< SIGUSR1 or SIGTERM before that, or 0
    std::chrono::microseconds signalAt{0};
    bool suspends = false;  ///< at a SIGTERM

    std::string describe() const {
        std::string text = fmt::format("parallelism {}, {} concurrent, {} retained, {}", parallelism, concurrent,
                                       retained, seconds > 0 ? "paced" : "at full speed");
        if (unaligned) text += ", unaligned";
        if (incremental) text += ", incremental";
        if (compressed) text += ", compressed";
        if (signal != 0) {
            text += fmt::format(", {}{} after {} ms", signal == SIGTERM ? "SIGTERM" : "SIGUSR1",
                                suspends ? " (suspends)" : "", double(signalAt.count()) / 1000);
        }
        if (!death.empty()) text += ", dies at " + death;
        if (kill.has_value()) text += fmt::format(", killed after {} ms", double(kill->count()) / 1000);
        return text;
    }
};

/// `Stopped`: by SIGTERM, in good order, or at once where nobody has listened yet.
enum class End { Finished, Stopped, Killed, Failed, Hung };

/// The newest of the savepoints below a directory.
std::optional<std::string> newestSavepoint(const std::string& directory) {
    std::optional<fs::path> newest;
    if (!fs::exists(directory)) return std::nullopt;
    for (const auto& entry : fs::directory_iterator(directory)) {
        const fs::path manifest = entry.path() / "manifest.json";
        if (!fs::exists(manifest)) continue;
        if (!newest.has_value() || fs::last_write_time(*newest) < fs::last_write_time(manifest)) newest = manifest;
    }
    if (!newest.has_value()) return std::nullopt;
    return newest->parent_path().string();
}

/// Runs a life to its end; what the process says goes to the end of `log`.
End live(const Pipeline& pipeline, const std::string& directory, const Life& life, const std::string& log) {
    std::vector<std::string> words{"/proc/self/exe",
                                   "--worker",
                                   pipeline.name,
                                   "--directory",
                                   directory,
                                   "--parallelism",
                                   std::to_string(life.parallelism),
                                   "--concurrent",
                                   std::to_string(life.concurrent),
                                   "--retained",
                                   std::to_string(life.retained),
                                   "--seconds",
                                   fmt::format("{}", life.seconds)};
    const std::string savepoints = directory + "/savepoints";
    words.insert(words.end(), {"--savepoints", savepoints});
    if (const auto saved = newestSavepoint(savepoints)) words.insert(words.end(), {"--from-savepoint", *saved});
    if (!life.death.empty()) words.insert(words.end(), {"--die", life.death});
    if (life.suspends) words.emplace_back("--suspend");
    if (life.unaligned) words.emplace_back("--unaligned");
    if (life.incremental) words.emplace_back("--incremental");
    if (life.compressed) words.emplace_back("--compressed");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const Clock::time_point began = Clock::now();
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (std::freopen(log.c_str(), "a", stderr) == nullptr) ::_exit(126);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    bool isOverdue = false;
    bool isKilled = false;
    bool isSignalled = life.signal == 0;
    for (;;) {
        int status = 0;
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) {
            if (isOverdue) return End::Hung;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return End::Finished;
            if (WIFEXITED(status) && WEXITSTATUS(status) == kStopped) return End::Stopped;
            if (WIFSIGNALED(status) && life.signal != 0 && WTERMSIG(status) == life.signal) return End::Stopped;
            return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? End::Killed : End::Failed;
        }
        if (ended < 0 && errno != EINTR) throw std::runtime_error("waitpid failed");
        const auto age = Clock::now() - began;
        if (age >= life.signalAt && !std::exchange(isSignalled, true)) ::kill(child, life.signal);
        if (life.kill.has_value() && age >= *life.kill && !std::exchange(isKilled, true)) ::kill(child, SIGKILL);
        if (age > kLongestLife && !std::exchange(isOverdue, true)) ::kill(child, SIGKILL);
        std::this_thread::sleep_for(200us);
    }
}

Rows countRows(const std::vector<std::string>& lines) {
    Rows rows;
    for (const std::string& line : lines) ++rows[line];
    return rows;
}

/// Adds what `got` has too much, and when all is done too little.
void compare(const Rows& expected, const Rows& got, bool isComplete, Tally& tally) {
    const auto tell = [](const char* what, const std::string& row, std::int64_t times) {
        fmt::print("  {} {}: {}\n", what, times, row);
    };
    int told = 0;
    for (const auto& [row, count] : got) {
        const auto found = expected.find(row);
        const std::int64_t wanted = found == expected.end() ? 0 : found->second;
        if (count <= wanted) continue;
        (wanted == 0 ? tally.wrong : tally.duplicated) += count - wanted;
        if (++told <= 5) tell(wanted == 0 ? "wrong" : "duplicated", row, count - wanted);
    }
    if (!isComplete) return;
    for (const auto& [row, wanted] : expected) {
        const auto found = got.find(row);
        const std::int64_t count = found == got.end() ? 0 : found->second;
        if (count >= wanted) continue;
        tally.lost += wanted - count;
        if (++told <= 10) tell("lost", row, wanted - count);
    }
}

/// Notes what a kill has left.
void lookAtRemains(const std::string& directory, Traces& traces) {
    bool hasAny = false;
    bool hasHalf = false;
    bool hasManifest = false;
    bool hasHidden = false;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        hasManifest = hasManifest || name == "manifest.json.new";
        hasHidden = hasHidden || name.starts_with('.') || name.ends_with("-journal");
        if (!name.starts_with("chk-")) continue;
        const bool isComplete = fs::exists(entry.path() / "manifest.json");
        hasAny = hasAny || isComplete;
        hasHalf = hasHalf || !isComplete;
    }
    traces.halfCheckpoints += hasHalf;
    traces.halfManifests += hasManifest;
    traces.hiddenFiles += hasHidden;
    traces.emptyHanded += !hasAny;
}

/// `unaligned`: then the parallelism stays, since results may depend on when timers fire.
Life drawLife(Random& random, int previousParallelism, bool unaligned, bool mayDie) {
    Life life;
    life.unaligned = unaligned;
    life.parallelism = !unaligned && random.chance(40) ? static_cast<int>(random.between(1, 3)) : previousParallelism;
    life.concurrent = !unaligned && random.chance(25) ? 2 : 1;
    life.retained = random.chance(25) ? 3 : 1;
    life.incremental = random.chance(50);
    life.compressed = millrace::isAvailable(millrace::SnapshotCompression::Zstd) && random.chance(30);
    if (!mayDie) return life;
    life.suspends = random.chance(30);
    // at full speed it comes to the end of the input, with its last checkpoint and commit
    const bool isPaced = random.chance(85);
    life.seconds = isPaced ? kPacedSeconds : 0;
    if (random.chance(50)) {
        const std::int64_t most = !isPaced ? 60'000 : random.chance(80) ? 150'000 : 500'000;
        const std::int64_t end = random.between(1'000, most);
        life.kill = std::chrono::microseconds(end);
        if (!random.chance(40)) return life;
        // a savepoint is under way, or done, or the job is about to end with one
        life.signal = random.oneOf({SIGUSR1, SIGTERM});
        life.signalAt = std::chrono::microseconds(std::max<std::int64_t>(0, end - random.between(0, 80'000)));
        return life;
    }
    const std::int64_t most[] = {120, 120, 30, 60, 20, 6};  // as many of each as a life has
    const auto operation = static_cast<std::size_t>(random.below(std::ssize(kDeadlyOperations)));
    life.death = fmt::format("{},{},{}", kDeadlyOperations[operation],
                             random.between(1, isPaced ? most[operation] : most[operation] / 5),
                             random.oneOf<const char*>({"before", "within", "after"}));
    return life;
}

class Torturer {
public:
    Torturer(std::string directory, std::uint64_t seed, bool keeps)
        : directory_(std::move(directory)), seed_(seed), keeps_(keeps) {}

    const Tally& tally() const { return tally_; }
    const Traces& traces() const { return traces_; }

    /// One pipeline from its beginning to its end, with at most so many kills.
    void round(const Pipeline& pipeline, int mostKills) {
        const Rows& expected = undisturbed(pipeline);
        const std::uint64_t seed = seed_ + static_cast<std::uint64_t>(round_++);
        Random random(seed);
        const std::string directory = freshDirectory(pipeline, std::to_string(round_));
        const Settings settings{directory};
        const int budget = std::min(mostKills, static_cast<int>(random.between(5, 15)));
        Tally tally;
        Tally underway;  // what was seen between the lives counts if it is not seen in the end
        std::vector<std::string> story;
        Rows committed;
        int parallelism = static_cast<int>(random.between(1, 3));
        const bool unaligned = random.chance(35);
        int stops = 0;
        for (bool isOver = false; !isOver;) {
            const Life life = drawLife(random, parallelism, unaligned, tally.kills < budget);
            parallelism = life.parallelism;
            story.push_back(life.describe());
            tally.restarts += story.size() > 1;
            const End end = live(pipeline, directory, life, directory + "/log");
            tally.kills += end == End::Killed;
            if (end == End::Failed || end == End::Hung) {
                fail(tally, end == End::Hung ? "the process hangs" : "the process has failed");
            }
            Rows now = countRows(pipeline.committed(settings));
            for (const auto& [row, count] : committed) {
                if (now[row] < count) fail(tally, "committed before, and gone now: " + row);
            }
            committed = std::move(now);
            if (end == End::Killed) lookAtRemains(directory, traces_);
            stops += end == End::Stopped;
            const bool canGoOn = hasCheckpoint(directory + "/checkpoints");
            // killed when the job had finished already, it is not run again
            isOver = (end != End::Killed && end != End::Stopped) || millrace::hasFinished(directory + "/checkpoints");
            if (!isOver && underway.isClean()) compare(expected, committed, false, underway);
            if (end == End::Finished && canGoOn) fail(tally, "the job has finished and left a checkpoint");
        }
        compare(expected, committed, true, tally);
        if (tally.isClean()) tally.add(underway);
        fmt::print("{:<13} round {:>3}: {:>2} kills, {:>2} stops, {} rows{}\n", pipeline.name, round_, tally.kills,
                   stops, total(committed), tally.isClean() ? "" : ", WRONG");
        if (!tally.isClean()) {
            fmt::print("  lives:\n");
            for (const std::string& life : story) fmt::print("    {}\n", life);
            fmt::print("  files and log: {}\n  again: tests/run crash --pipeline {} --kills {} --seed {}\n", directory,
                       pipeline.name, budget, seed);
        }
        std::fflush(stdout);
        if (tally.isClean() && !keeps_) fs::remove_all(directory);
        tally_.add(tally);
    }

private:
    static std::int64_t total(const Rows& rows) {
        std::int64_t sum = 0;
        for (const auto& [row, count] : rows) sum += count;
        return sum;
    }

    static void fail(Tally& tally, const std::string& text) {
        if (++tally.failures <= 5) fmt::print("  {}\n", text);
    }

    std::string freshDirectory(const Pipeline& pipeline, const std::string& name) const {
        std::string path = directory_ + "/" + pipeline.name + "-" + name;
        fs::create_directories(path);
        pipeline.prepare(Settings{path});
        return path;
    }

    /// What the pipeline writes when it is left alone, at different parallelisms.
    const Rows& undisturbed(const Pipeline& pipeline) {
        const auto found = undisturbed_.find(pipeline.name);
        if (found != undisturbed_.end()) return found->second;
        Rows rows[2];
        for (int i = 0; i < 2; ++i) {
            const std::string directory = freshDirectory(pipeline, "undisturbed");
            Life life;
            life.parallelism = 1 + 2 * i;
            if (live(pipeline, directory, life, directory + "/log") != End::Finished) {
                throw std::runtime_error("an undisturbed run has failed: " + directory + "/log");
            }
            rows[i] = countRows(pipeline.committed(Settings{directory}));
            fs::remove_all(directory);
        }
        if (rows[0] != rows[1] || total(rows[0]) < 100) {
            throw std::runtime_error(fmt::format("{}: undisturbed runs have written {} and {} rows; they must be equal",
                                                 pipeline.name, total(rows[0]), total(rows[1])));
        }
        return undisturbed_[pipeline.name] = rows[0];
    }

    std::string directory_;
    std::uint64_t seed_;
    bool keeps_;
    int round_ = 0;
    Tally tally_;
    Traces traces_;
    std::map<std::string, Rows> undisturbed_;
};

int torture(examples::Arguments& arguments, const millrace::SavepointOptions& savepoints) {
    if (const auto worker = arguments.takeText("--worker")) return work(arguments, *worker, savepoints);
    const int kills = arguments.take("--kills", 50, 1, 1'000'000);
    const auto seed = arguments.take<std::uint64_t>("--seed", 1, 0, UINT64_MAX / 2);
    const auto only = arguments.takeText("--pipeline");
    const bool keeps = arguments.takeFlag("--keep");
    arguments.expectNothingMore();

    std::string directory = (fs::temp_directory_path() / "millrace-crash-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) throw std::runtime_error("cannot create " + directory);
    Torturer torturer(directory, seed, keeps);
    fmt::print("seed {}\n", seed);
    const Clock::time_point began = Clock::now();
    for (std::size_t i = 0; torturer.tally().kills < kills && torturer.tally().failures < 20; ++i) {
        const Pipeline& pipeline = only.has_value() ? pipelineNamed(*only) : *kPipelines[i % std::size(kPipelines)];
        torturer.round(pipeline, kills - torturer.tally().kills);
    }
    const Tally& tally = torturer.tally();
    const Traces& traces = torturer.traces();
    fmt::print(
        "the kills left a checkpoint without manifest {} times, a manifest without its name {} times, uncommitted "
        "output {} times, no checkpoint at all {} times; {:.1f} s\n",
        traces.halfCheckpoints, traces.halfManifests, traces.hiddenFiles, traces.emptyHanded,
        std::chrono::duration<double>(Clock::now() - began).count());
    if (tally.failures > 0) fmt::print("{} failures of other kinds, see above\n", tally.failures);
    fmt::print("kills={} restarts={} lost={} duplicated={} wrong={}\n", tally.kills, tally.restarts, tally.lost,
               tally.duplicated, tally.wrong);
    if (tally.isClean() && !keeps) fs::remove_all(directory);
    return tally.isClean() ? 0 : 1;
}

}  // namespace
}  // namespace crash

int main(int argc, char** argv) {
    const auto savepoints = millrace::SavepointOptions::fromArguments(argc, argv);
    return examples::runExample(argc, argv, crash::kUsage, [&savepoints](examples::Arguments& arguments) {
        return crash::torture(arguments, savepoints);
    });
}
