#ifndef MILLRACE_TESTING_FAULT_PLAN_HPP
#define MILLRACE_TESTING_FAULT_PLAN_HPP

#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/core/config.hpp>
#include <millrace/testing/fault.hpp>
#include <millrace/testing/random.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::testing {

/// How a job is run in a trial: everything but the job itself and its input. @public
struct FaultPlan {
    std::uint64_t seed = 0;  ///< of the simulation
    int parallelism = 1;
    bool chaining = true;
    bool alignment = true;  ///< of sources
    Duration bufferTimeout = std::chrono::milliseconds(100);
    std::size_t channelMemory = std::size_t{64} << 20;
    bool checkpoints = false;  ///< without them nothing goes wrong, either
    CheckpointingMode mode = CheckpointingMode::ExactlyOnce;
    Duration interval = std::chrono::milliseconds(10);  ///< a step takes a millisecond
    Duration timeout = std::chrono::hours(1);
    Duration minPause{0};
    int maxConcurrent = 1;
    bool unaligned = false;  ///< only where all records that go over exchanges have a codec
    Duration alignedCheckpointTimeout{0};
    int tolerableFailures = 1'000'000;
    int retained = 1;
    bool spreads = false;      ///< also what makes records of a key lose their order may be rescaled
    bool onDisk = false;       ///< checkpoints in files on a disk in memory, else in the memory of the trial
    bool compressed = false;   ///< those in files
    bool incremental = false;  ///< the same
    std::vector<Fault> faults;
};

}  // namespace millrace::testing

namespace millrace::detail {

/// What may go wrong in a trial.
struct FaultLimits {
    std::uint64_t steps = 100;  ///< that the job takes when nothing does
    std::uint64_t reads = 0;    ///< calls of FaultPoint::Read
    std::uint64_t writes = 0;
    std::uint64_t commits = 0;  ///< results are committed by a sink that asks for faults
    int mostFaults = 4;
    int mostParallelism = 4;
    bool rescales = true;
    bool spreads = false;  ///< a rescale may put an exchange between operators that had none
    bool ordered = false;  ///< nothing that gives results another order
    CheckpointingMode mode = CheckpointingMode::ExactlyOnce;
};

testing::FaultPlan drawFaults(testing::Random& random, const FaultLimits& limits);
/// The same without what the fault does, but for how it is run.
std::string describeFault(const testing::Fault& fault);
/// One line for how it is run, and one for each fault, indented by `indent`.
std::string describePlan(const testing::FaultPlan& plan, const std::string& indent);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/fault_plan.ipp>
#endif

#endif  // MILLRACE_TESTING_FAULT_PLAN_HPP
