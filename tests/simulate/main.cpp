#include <millrace/testing/verify_exactly_once.hpp>

#include "simulate/steps.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
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

/// What is wrong with a seed.
std::optional<std::string> simulate(std::uint64_t seed, detail::TrialTotals& totals) {
    Case drawn = drawCase(seed);
    const auto run = [&](const detail::TrialScenario& scenario) { return runIn(drawn, seed, scenario); };
    const auto normalise = [&](std::vector<TimedRow> rows) {
        if (drawn.how.ordered) {
            std::stable_sort(rows.begin(), rows.end(),
                             [](const TimedRow& a, const TimedRow& b) { return a.row.key < b.row.key; });
        } else {
            std::sort(rows.begin(), rows.end());
        }
        return rows;
    };
    const detail::ExactlyOnceCheck check(run, drawn.how, normalise);
    testing::Random random(seed ^ 0x5eedU);
    const Outcome expected = check.undisturbed(drawn.scenario);
    detail::FaultLimits limits = detail::limitsFrom(expected);
    limits.mode = drawn.how.mode;
    limits.ordered = drawn.how.ordered;
    limits.mostFaults = 5;
    drawn.scenario.plan = detail::drawFaults(random, limits);
    if (expected.report.error.empty()) {
        Outcome actual = run(drawn.scenario);
        totals.add(actual.report);
        if (actual.report.error.empty() && check.compare(expected.results, std::move(actual.results)).empty()) {
            return std::nullopt;
        }
    }
    const testing::ExactlyOnceResult failure = check.failure(
        drawn.scenario, "seed " + std::to_string(seed) + ": " + stepNames(drawn), [&](detail::TrialFailure& found) {
            found.events = detail::describeAll(drawn.rows);
            for (const int part : found.scenario.parts) {
                found.parts.push_back(drawn.steps[static_cast<std::size_t>(part)].name);
            }
        });
    return failure.message();
}

int usage() {
    std::fputs(
        "usage: millrace_simulate [--seeds N] [--seed FIRST] [--most-failures N]\n"
        "  runs the seeds FIRST (1) to FIRST + N - 1 (N is 2000) and ends with the line \"seeds=N failed=N\"\n",
        stderr);
    return 2;
}

int run(const std::vector<std::string_view>& arguments) {
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
        const auto wrong = simulate(seed, totals);
        if (!wrong.has_value()) continue;
        ++failed;
        std::printf("seed %llu fails; tests/run simulate --seeds 1 --seed %llu\n%s\n",
                    static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed), wrong->c_str());
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
