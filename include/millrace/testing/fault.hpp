#ifndef MILLRACE_TESTING_FAULT_HPP
#define MILLRACE_TESTING_FAULT_HPP

#include <cstddef>
#include <cstdint>

namespace millrace::testing {

/// Where a job of a trial can be made to fail. @public
enum class FaultPoint : std::uint8_t { Read, Write, PrepareCommit, BeforeCommit, AfterCommit };
inline constexpr std::size_t kFaultPoints = 5;

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
        Rescale,            ///< at a step, one of the operators gets another parallelism while the job runs
    };
    Kind kind = Kind::FailTask;
    std::uint64_t at = 1;  ///< step of the trial, or number of the call, of the commit, of the operation
    int choice = 0;        ///< which task, how long, which operation, which operator
    FaultPoint point = FaultPoint::Read;
    int parallelism = 0;  ///< of the process that comes after (0: as before), or of the operator
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_FAULT_HPP
