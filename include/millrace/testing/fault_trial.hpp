#ifndef MILLRACE_TESTING_FAULT_TRIAL_HPP
#define MILLRACE_TESTING_FAULT_TRIAL_HPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/testing/fault_injector.hpp>
#include <millrace/testing/fault_plan.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace millrace::detail {

/// A job as a trial sees it.
struct TrialJob {
    /// Records the pipeline in a new environment; called for every process.
    std::function<void(StreamEnvironment&)> build;
    testing::FaultInjector injector;
    /// A process has been killed; what it had open has no effect any more. May be empty.
    std::function<void()> killed{};
    /// Puts another store between the job and that of the trial, for tests of the trials themselves. May be empty.
    std::function<std::shared_ptr<CheckpointStore>(std::shared_ptr<CheckpointStore>)> store{};
    /// In place of what the plan says; for tests of the trials themselves.
    std::optional<CheckpointingMode> mode{};
};

/// What happened in a trial.
struct TrialReport {
    std::string error;  ///< the job did not come to its end; empty: it did
    std::uint64_t steps = 0;
    int processes = 0;
    int restarts = 0;     ///< within processes, after failures and for rescales
    int rescales = 0;     ///< of running jobs, that have come about
    int checkpoints = 0;  ///< completed ones
    int failedCheckpoints = 0;
    int overtakingCheckpoints = 0;  ///< in which barriers have overtaken records
};

/// Runs a job to its end in simulations, one per process, while what the plan says goes wrong.
TrialReport runTrial(const testing::FaultPlan& plan, const TrialJob& job);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/fault_trial.ipp>
#endif

#endif  // MILLRACE_TESTING_FAULT_TRIAL_HPP
