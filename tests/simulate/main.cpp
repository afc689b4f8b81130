#include <millrace/testing/verify_exactly_once.hpp>

#include "simulate/planted.hpp"
#include "simulate/steps.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Random pipelines over random input, each run once undisturbed and once while tasks fail, processes are killed and go on at
// another parallelism, checkpoints fail and sinks are slow. What was committed must be the same.

namespace millrace::simulate {
namespace {

/// What a seed stands for.
struct Case {
    Steps steps;
    std::vector<TimedRow> rows;
    std::vector<Timestamp> times;
    Duration outOfOrderness{0};
    testing::ExactlyOnce<TimedRow> how;
    detail::TrialScenario scenario;
    bool fused = true;
};

/// The records with their times.
struct Stamp {
    void processElement(const Row& row, ProcessContext& context, Collector<TimedRow>& out) const {
        out.collect({row, context.timestamp() ? ticksOf(*context.timestamp()) : 0});
    }
};

Steps drawSteps(Draw& draw, const Rows& rows, CheckpointingMode mode) {
    Steps steps;
    Rows reached = rows;
    const auto wanted = static_cast<std::size_t>(1 + draw.below(4));
    for (int tries = 0; steps.size() < wanted && tries < 30; ++tries) {
        Step step = mode == CheckpointingMode::AtLeastOnce ? anyPlainStep(draw)
                    : draw.oneIn(2)                        ? anyWindowStep(draw)
                                                           : anyStateStep(draw);
        try {
            Rows next = step.model(reached);
            if (next.empty() || next.size() > 4 * rows.size()) continue;  // neither nothing nor ever more
            steps.push_back(std::move(step));
            reached = std::move(next);
        } catch (const NoSingleAnswer&) {
            continue;
        }
    }
    return steps;
}

Case drawCase(std::uint64_t seed) {
    Case drawn;
    Draw draw(seed);
    const bool ordered = draw.oneIn(4);
    if (!ordered && draw.oneIn(8)) drawn.how.mode = CheckpointingMode::AtLeastOnce;
    const RandomInput input = RandomInput::drawn(seed + 1000, static_cast<std::size_t>(5 + draw.below(70)));
    drawn.rows = input.rows;
    drawn.how.ordered = ordered;
    drawn.fused = !draw.oneIn(3);
    for (const TimedRow& each : drawn.rows) drawn.times.push_back(Timestamp{Duration{each.time}});
    if (ordered) {
        drawn.steps.push_back(anyOrderedStep(draw));
    } else {
        drawn.steps = drawSteps(draw, input.rows, drawn.how.mode);
    }

    testing::Random random(seed);
    // what depends on the order gets late records, too
    const std::int64_t late = ordered ? random.below(40) : 0;
    drawn.outOfOrderness = Duration{ordered ? random.below(20) : input.disorder};
    detail::TrialScenario& scenario = drawn.scenario;
    scenario.arrival = detail::drawArrival(random, drawn.rows.size(), drawn.times,
                                           {drawn.outOfOrderness + Duration{late}, ordered ? 1 : 4, 1, false});
    scenario.splits = !ordered && random.chance(50);
    for (std::size_t i = 0; i < drawn.steps.size(); ++i) scenario.parts.push_back(static_cast<int>(i));
    return drawn;
}

/// False if a model has no single answer for what the scenario has left.
bool isDefined(const Case& drawn, const detail::TrialScenario& scenario) {
    Rows rows;
    for (const auto& step : scenario.arrival.steps) rows.push_back(drawn.rows[step.event]);
    try {
        for (const int part : scenario.parts) rows = drawn.steps[static_cast<std::size_t>(part)].model(rows);
    } catch (const NoSingleAnswer&) {
        return false;
    }
    return true;
}

using Outcome = detail::TrialOutcome<TimedRow>;

Outcome runIn(const Case& drawn, std::uint64_t seed, const detail::TrialScenario& scenario) {
    if (scenario.arrival.steps.empty() || !isDefined(drawn, scenario)) return {};
    std::vector<testing::CollectSink<Row>> taps;
    const std::function<DataStream<TimedRow>(DataStream<TimedRow>)> pipeline = [&](const DataStream<TimedRow>& rows) {
        Manner manner;
        manner.seed = seed;
        manner.fused = drawn.fused;
        Building building(manner, taps);
        RowStream stream = rows.map([](const TimedRow& each) { return each.row; });
        for (const int part : scenario.parts) {
            stream = drawn.steps[static_cast<std::size_t>(part)].build(stream, building);
        }
        return DataStream<TimedRow>(stream.process(Stamp{}));
    };
    detail::EventsJob<TimedRow, std::function<DataStream<TimedRow>(DataStream<TimedRow>)>> job(
        pipeline, drawn.rows, drawn.times, drawn.outOfOrderness, scenario);
    return detail::runJob(job, scenario.plan);
}

std::string stepNames(const Case& drawn) {
    std::string text;
    for (const Step& step : drawn.steps) text += (text.empty() ? "" : " -> ") + step.name;
    return text;
}

/// A seed's case with what was found of it.
class Simulation {
public:
    explicit Simulation(std::uint64_t seed) : seed_(seed), drawn_(drawCase(seed)) {
        testing::Random random(seed ^ 0x5eedU);
        const Outcome expected = check_.undisturbed(drawn_.scenario);
        detail::FaultLimits limits = detail::limitsFrom(expected);
        limits.mode = drawn_.how.mode;
        limits.ordered = drawn_.how.ordered;
        limits.spreads = !drawn_.how.ordered;
        limits.mostFaults = 5;
        drawn_.scenario.plan = detail::drawFaults(random, limits);
        fails_ = !expected.report.error.empty();
        if (fails_) return;
        Outcome actual = run_(drawn_.scenario);
        report_ = actual.report;
        fails_ = !report_.error.empty() || !check_.compare(expected.results, std::move(actual.results)).empty();
    }
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    bool fails() const noexcept { return fails_; }
    const detail::TrialReport& report() const noexcept { return report_; }
    /// The smallest case that still fails.
    std::string message() const {
        return check_
            .failure(drawn_.scenario, "seed " + std::to_string(seed_) + ": " + stepNames(drawn_),
                     [&](detail::TrialFailure& found) {
                         found.events = detail::describeAll(drawn_.rows);
                         for (const int part : found.scenario.parts) {
                             found.parts.push_back(drawn_.steps[static_cast<std::size_t>(part)].name);
                         }
                     })
            .message();
    }

private:
    struct Run {
        const Simulation& simulation;
        Outcome operator()(const detail::TrialScenario& scenario) const {
            return runIn(simulation.drawn_, simulation.seed_, scenario);
        }
    };
    struct Normalise {
        const Simulation& simulation;
        std::vector<TimedRow> operator()(std::vector<TimedRow> rows) const {
            if (simulation.drawn_.how.ordered) {
                std::stable_sort(rows.begin(), rows.end(),
                                 [](const TimedRow& a, const TimedRow& b) { return a.row.key < b.row.key; });
            } else {
                std::sort(rows.begin(), rows.end());
            }
            return rows;
        }
    };

    std::uint64_t seed_;
    Case drawn_;
    Run run_{*this};
    Normalise normalise_{*this};
    detail::ExactlyOnceCheck<Run, testing::ExactlyOnce<TimedRow>, Normalise> check_{run_, drawn_.how, normalise_};
    detail::TrialReport report_;
    bool fails_ = false;
};

/// In the program with mistakes in the engine: whether each is found.
int findPlantedBugs() {
    constexpr std::uint64_t kMostSeeds = 3000;
    std::size_t found = 0;
    for (std::size_t bug = 0; bug < plantedBugs(); ++bug) {
        const std::string_view name = plant(bug);
        std::uint64_t seed = 1;
        while (seed <= kMostSeeds && !Simulation(seed).fails()) ++seed;
        if (seed <= kMostSeeds) {
            ++found;
            std::printf("found by seed %4llu: %s\n", static_cast<unsigned long long>(seed), name.data());
        } else {
            std::printf("not found by %llu seeds: %s\n", static_cast<unsigned long long>(kMostSeeds), name.data());
        }
    }
    std::printf("%zu passed, %zu failed\n", found, plantedBugs() - found);
    return found == plantedBugs() ? 0 : 1;
}

int usage() {
    std::fputs(
        "usage: millrace_simulate [--seeds N] [--seed FIRST] [--most-failures N]\n"
        "  runs the seeds FIRST (1) to FIRST + N - 1 (N is 2000) and ends with the line \"seeds=N failed=N\"\n",
        stderr);
    return 2;
}

int run(const std::vector<std::string_view>& arguments) {
    if (plantedBugs() > 0) return findPlantedBugs();
    std::uint64_t seeds = 2000;
    std::uint64_t first = 1;
    std::uint64_t mostFailures = 5;
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        std::uint64_t* const value = arguments[i] == "--seeds"           ? &seeds
                                     : arguments[i] == "--seed"          ? &first
                                     : arguments[i] == "--most-failures" ? &mostFailures
                                                                         : nullptr;
        if (value == nullptr || i + 1 == arguments.size()) return usage();
        char* end = nullptr;
        *value = std::strtoull(arguments[i + 1].data(), &end, 10);
        if (*end != '\0') return usage();
    }
    detail::TrialTotals totals;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    for (std::uint64_t seed = first; done < seeds && failed < mostFailures; ++seed, ++done) {
        const Simulation simulation(seed);
        totals.add(simulation.report());
        if (!simulation.fails()) continue;
        ++failed;
        std::printf("seed %llu fails; tests/run simulate --seeds 1 --seed %llu\n%s\n",
                    static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed),
                    simulation.message().c_str());
        std::fflush(stdout);
    }
    if (done < seeds) std::printf("gave up after %llu failures\n", static_cast<unsigned long long>(failed));
    std::printf("%s\nseeds=%llu failed=%llu\n", totals.text().c_str(), static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(failed));
    return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace millrace::simulate

int main(int argc, char** argv) {
    return millrace::simulate::run(std::vector<std::string_view>(argv + 1, argv + argc));
}
