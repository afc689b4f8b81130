#ifndef MILLRACE_API_CHECK_RESTORE_HPP
#define MILLRACE_API_CHECK_RESTORE_HPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/core/config.hpp>
#include <millrace/types/schema_change.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// What becomes of one state of an operator. @public
struct StateChange {
    std::string uid;
    std::string operatorName;  ///< in the pipeline; of one that is gone, in the snapshot
    std::string state;         ///< as `millrace_inspect` shows it: `state/total` is the keyed state "total"
    StateFate fate = StateFate::Kept;
    bool operatorIsGone = false;  ///< the pipeline has no operator of this uid
    std::string note;
    std::vector<FieldChange> fields;  ///< of an entry; none for what is not in the snapshot or not in the pipeline
};

/// What a pipeline would make of a savepoint or checkpoint. @public
struct RestoreReport {
    std::string path;
    std::int64_t checkpointId = 0;
    std::string jobName;                ///< that has taken it
    std::vector<std::string> problems;  ///< that have to do with no single state
    std::vector<StateChange> states;    ///< in the order of the pipeline; what only the snapshot has comes last

    /// Whether a job can begin with it. State whose operator is gone has to be allowed to get lost.
    bool isRestorable(bool allowNonRestoredState = false) const noexcept;
    /// A table for people.
    std::string toString() const;
};

/// What would happen if the pipeline that is recorded in `env` were started from the savepoint or checkpoint in a directory:
/// what is kept, converted, filled with defaults, dropped, and what stands in the way. Nothing is started or changed, so the
/// old job may still run: check the new program first, then stop the old one with a savepoint. @public
///
/// Functions that keep state are copied and opened, as for a job, to learn what they ask for; readers of sources and writers
/// of sinks are not made. State itself is not read: `verifyCheckpoint` does that.
/// *Failure:* IoException or CodecException for a directory that is none or damaged; GraphException as `execute`; what `open`
/// of a function throws.
RestoreReport checkRestore(const std::string& directory, const StreamEnvironment& env);

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/check_restore.ipp>
#endif

#endif  // MILLRACE_API_CHECK_RESTORE_HPP
