#ifndef MILLRACE_TESTING_TRIAL_SCENARIO_HPP
#define MILLRACE_TESTING_TRIAL_SCENARIO_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/testing/arrival.hpp>
#include <millrace/testing/fault_plan.hpp>
#include <millrace/testing/fault_trial.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// What a check of exactly-once runs, and how one that fails is made small. Events and results are numbers and texts here.

namespace millrace::detail {

/// All that decides what happens in a trial, but for the job and its events.
struct TrialScenario {
    Arrival arrival;
    bool splits = false;  ///< the events come from one source with splits, else from several sources with one
    testing::FaultPlan plan;
    std::vector<int> parts;  ///< of a pipeline that is made of parts: which of them are there
};

/// Takes away what is not needed for `fails` to stay true: faults, events, parts of the pipeline, parallelism, settings. Other
/// schedules are tried, too, since a smaller job runs in another one. Asks at most `mostAttempts` times.
void shrinkScenario(TrialScenario& scenario, int mostAttempts, const std::function<bool(const TrialScenario&)>& fails);

/// How what was committed differs from what had to be.
struct ResultDifference {
    std::vector<std::string> lost;
    std::vector<std::string> repeated;  ///< came more often than it had to
    std::vector<std::string> wrong;     ///< is none of the expected results
    bool isReordered = false;
    bool empty() const noexcept { return lost.empty() && repeated.empty() && wrong.empty() && !isReordered; }
};

/// A check that failed, in texts.
struct TrialFailure {
    TrialScenario scenario;
    std::vector<std::string> events;  ///< empty: the job has a source of its own
    std::vector<std::string> parts;   ///< of the pipeline
    ResultDifference difference;
    std::string error;            ///< the job came to no end
    bool withoutFaults = false;   ///< it differs from itself though nothing goes wrong
    std::size_t drawnEvents = 0;  ///< before they were made fewer
    std::size_t drawnFaults = 0;
    std::string run;  ///< "run 5 of 100, seed 5"
};
std::string describeTrialFailure(const TrialFailure& failure);

/// What the runs of a check have gone through.
struct TrialTotals {
    int runs = 0;
    int checkpoints = 0;
    int failedCheckpoints = 0;
    int overtakingCheckpoints = 0;
    int restarts = 0;
    int rescales = 0;
    int processes = 0;
    void add(const TrialReport& report);
    std::string text() const;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/trial_scenario.ipp>
#endif

#endif  // MILLRACE_TESTING_TRIAL_SCENARIO_HPP
