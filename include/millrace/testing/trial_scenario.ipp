#ifndef MILLRACE_TESTING_TRIAL_SCENARIO_IPP
#define MILLRACE_TESTING_TRIAL_SCENARIO_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/testing/trial_scenario.hpp>

#include <utility>

namespace millrace::detail {

/// Tries smaller scenarios and keeps those that still fail.
class ScenarioShrinker {
public:
    ScenarioShrinker(TrialScenario& scenario, int mostAttempts, const std::function<bool(const TrialScenario&)>& fails)
        : scenario_(scenario), attemptsLeft_(mostAttempts), fails_(fails) {}

    void run() {
        dropFaults();
        dropEach([](TrialScenario& s) -> auto& { return s.parts; });
        dropEach([](TrialScenario& s) -> auto& { return s.arrival.steps; });
        simplify();
        dropFaults();
        dropEach([](TrialScenario& s) -> auto& { return s.parts; });
        dropEach([](TrialScenario& s) -> auto& { return s.arrival.steps; });
    }

private:
    static constexpr int kSchedules = 4;

    bool attempt(const TrialScenario& candidate) {
        for (int i = 0; i < kSchedules; ++i) {
            if (attemptsLeft_ <= 0) return false;
            --attemptsLeft_;
            TrialScenario other = candidate;
            other.plan.seed += static_cast<std::uint64_t>(i);
            if (!fails_(other)) continue;
            scenario_ = std::move(other);
            return true;
        }
        return false;
    }
    template <class Change>
    void change(Change change) {
        TrialScenario simpler = scenario_;
        change(simpler);
        attempt(simpler);
    }
    void dropFaults() {
        dropEach([](TrialScenario& s) -> auto& { return s.plan.faults; });
    }
    /// Runs of elements of a list first, then shorter ones, then single ones.
    template <class ListOf>
    void dropEach(ListOf listOf) {
        for (std::size_t length = std::max<std::size_t>(1, listOf(scenario_).size() / 2); length > 0; length /= 2) {
            for (std::size_t at = 0; at < listOf(scenario_).size() && attemptsLeft_ > 0;) {
                TrialScenario smaller = scenario_;
                auto& list = listOf(smaller);
                const auto begin = list.begin() + static_cast<std::ptrdiff_t>(at);
                list.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(length, list.size() - at)));
                if (!attempt(smaller)) at += length;
            }
        }
    }
    void simplify() {
        const testing::FaultPlan usual;
        change([](TrialScenario& s) {
            for (Arrival::Step& step : s.arrival.steps) step.source = 0;
        });
        change([](TrialScenario& s) { s.splits = false; });
        // of processes that follow: as before; a rescale is to make a difference
        const auto scale = [](TrialScenario& s, int rescaled) {
            for (testing::Fault& fault : s.plan.faults) {
                fault.parallelism = fault.kind == testing::Fault::Kind::Rescale ? rescaled : 0;
            }
        };
        change([&](TrialScenario& s) { scale(s, 1); });
        change([&](TrialScenario& s) {
            s.plan.parallelism = 1;
            scale(s, 2);
        });
        change([](TrialScenario& s) { s.plan.parallelism = 1; });
        change([](TrialScenario& s) { s.plan.parallelism = std::min(s.plan.parallelism, 2); });
        change([](TrialScenario& s) { s.plan.onDisk = s.plan.compressed = s.plan.incremental = false; });
        change([](TrialScenario& s) { s.plan.incremental = false; });
        change([](TrialScenario& s) { s.plan.compressed = false; });
        change([](TrialScenario& s) { s.plan.chaining = true; });
        change([](TrialScenario& s) { s.plan.alignment = true; });
        change([&](TrialScenario& s) { s.plan.channelMemory = usual.channelMemory; });
        change([&](TrialScenario& s) { s.plan.bufferTimeout = usual.bufferTimeout; });
        change([](TrialScenario& s) {
            s.plan.unaligned = false;
            s.plan.alignedCheckpointTimeout = Duration{0};
        });
        change([](TrialScenario& s) { s.plan.alignedCheckpointTimeout = Duration{0}; });
        change([&](TrialScenario& s) { s.plan.timeout = usual.timeout; });
        change([&](TrialScenario& s) { s.plan.minPause = usual.minPause; });
        change([&](TrialScenario& s) { s.plan.maxConcurrent = 1; });
        change([&](TrialScenario& s) { s.plan.retained = 1; });
        change([&](TrialScenario& s) { s.plan.tolerableFailures = usual.tolerableFailures; });
        change([](TrialScenario& s) {
            for (Arrival::Step& step : s.arrival.steps) step.watermark = false;
        });
    }

    TrialScenario& scenario_;
    int attemptsLeft_;
    const std::function<bool(const TrialScenario&)>& fails_;
};

MILLRACE_INLINE_COLD void shrinkScenario(TrialScenario& scenario, int mostAttempts,
                                         const std::function<bool(const TrialScenario&)>& fails) {
    ScenarioShrinker(scenario, mostAttempts, fails).run();
}

inline void listResults(std::string& text, const char* title, const std::vector<std::string>& results) {
    if (results.empty()) return;
    constexpr std::size_t kMost = 20;
    text += std::string("  ") + title + ":\n";
    for (std::size_t i = 0; i < std::min(results.size(), kMost); ++i) text += "    " + results[i] + "\n";
    if (results.size() > kMost) text += "    … " + std::to_string(results.size() - kMost) + " more\n";
}

MILLRACE_INLINE_COLD std::string describeTrialFailure(const TrialFailure& failure) {
    const TrialScenario& scenario = failure.scenario;
    const ResultDifference& difference = failure.difference;
    std::string text;
    if (failure.withoutFaults) {
        text =
            "the pipeline gives other results in another schedule or at another parallelism, even though nothing goes "
            "wrong: what depends on the order of arrival cannot be compared";
    } else if (!failure.error.empty()) {
        text = failure.error;
    } else {
        text = "the results are not those of the undisturbed run:";
        const auto add = [&](std::size_t count, const char* what) {
            if (count == 0) return;
            if (text.back() != ':') text += ",";
            text += " " + std::to_string(count) + " " + what;
        };
        add(difference.lost.size(), "lost");
        add(difference.repeated.size(), "repeated");
        add(difference.wrong.size(), "wrong");
        if (text.back() == ':') text += " they come in another order";
    }
    text += "\n  (" + failure.run + "; made small from ";
    if (failure.drawnEvents > 0) text += std::to_string(failure.drawnEvents) + " events and ";
    text += std::to_string(failure.drawnFaults) + " faults)\n";
    if (!failure.parts.empty()) {
        text += "  the pipeline:\n";
        for (const std::string& part : failure.parts) text += "    " + part + "\n";
    }
    if (!failure.events.empty()) {
        text += std::string("  the events, ") + (scenario.splits ? "from splits" : "from sources") + " with numbers:\n";
        for (const Arrival::Step& step : scenario.arrival.steps) {
            text += "    " + std::to_string(step.source + 1) + ": " + failure.events[step.event] +
                    (step.watermark && !scenario.splits ? ", then a watermark\n" : "\n");
        }
    }
    text += "  how it runs:\n" + describePlan(scenario.plan, "    ") + "\n";
    if (!failure.error.empty() && failure.withoutFaults) text += "  " + failure.error + "\n";
    listResults(text, "lost", difference.lost);
    listResults(text, "repeated", difference.repeated);
    listResults(text, "wrong", difference.wrong);
    text.pop_back();
    return text;
}

MILLRACE_INLINE_COLD void TrialTotals::add(const TrialReport& report) {
    ++runs;
    checkpoints += report.checkpoints;
    failedCheckpoints += report.failedCheckpoints;
    overtakingCheckpoints += report.overtakingCheckpoints;
    restarts += report.restarts;
    rescales += report.rescales;
    processes += report.processes;
}

MILLRACE_INLINE_COLD std::string TrialTotals::text() const {
    return std::to_string(runs) + " runs with " + std::to_string(checkpoints) + " checkpoints, " +
           std::to_string(overtakingCheckpoints) + " of them with overtaken records, " +
           std::to_string(failedCheckpoints) + " failed ones, " + std::to_string(restarts) + " restarts, " +
           std::to_string(rescales) + " rescales, " + std::to_string(processes - runs) + " further processes";
}

}  // namespace millrace::detail

#endif  // MILLRACE_TESTING_TRIAL_SCENARIO_IPP
