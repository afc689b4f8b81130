#ifndef MILLRACE_TESTING_FAULT_PLAN_HPP
#define MILLRACE_TESTING_FAULT_PLAN_HPP

#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/core/config.hpp>
#include <millrace/testing/fault_injector.hpp>
#include <millrace/testing/random.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::testing {

/// One thing that goes wrong, or is done, while a job runs in a trial. @public
struct Fault {
    enum class Kind : std::uint8_t {
        FailTask,           ///< at a step, one of the tasks throws between two blocks
        Kill,               ///< at a step, the process ends without any warning; the next one goes on
        FailCall,           ///< a call of `FaultPoint point` throws
        KillCall,           ///< the process ends in a call of `point`
        Retry,              ///< a commit asks for another try
        Wait,               ///< a sink cannot take more for some time
        KeepBuffer,         ///< a writer prepares nothing, and keeps what it has as state
        FailStore,          ///< an operation of the checkpoint store fails
        FailStoreAfter,     ///< the same, but it has had its effect
        KillStore,          ///< the process ends before an operation of the store
        KillStoreAfter,     ///< and after one
        FailDisk,           ///< from a step on, the n-th operation of the disk fails, `n = choice`
        KillDisk,           ///< and the power fails at it
        Checkpoint,         ///< at a step, a checkpoint is asked for
        Savepoint,          ///< and a savepoint, after which the job goes on
        StopWithSavepoint,  ///< the job ends with a savepoint, and the next one begins with it
        Suspend,            ///< the job ends with a checkpoint, and the next one goes on
    };
    Kind kind = Kind::FailTask;
    std::uint64_t at = 1;  ///< step of the trial, or number of the call, of the commit, of the operation
    int choice = 0;        ///< which task, how long, which operation
    FaultPoint point = FaultPoint::Read;
    int parallelism = 0;  ///< of the process that comes after; 0: as before
};

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
    int tolerableFailures = 1'000'000;
    int retained = 1;
    bool onDisk = false;  ///< checkpoints in files on a disk in memory, else in the memory of the trial
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
