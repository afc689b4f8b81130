#ifndef MILLRACE_CHECKPOINT_CHECKPOINT_SUMMARY_HPP
#define MILLRACE_CHECKPOINT_CHECKPOINT_SUMMARY_HPP

#include <millrace/checkpoint/checkpoint_info.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/posix_file_system.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace {

/// A field of the entries of a state. @public
struct FieldSummary {
    std::string field;  ///< where it is: `key`, `value.cents`, `elements[].price`
    std::string type;   ///< the name of its codec, with its version: `i64`, `shop.Money@2`
};

/// One state of an operator in a checkpoint, over all its subtasks. @public
struct StateSummary {
    std::string name;
    std::uint64_t pieces = 0;  ///< one per key group that has any; of a list, one per element: a source's splits
    std::uint64_t bytes = 0;
    int subtasks = 0;  ///< that have written some of it
    std::uint64_t largestSubtaskBytes = 0;
    std::string kind{};                  ///< what the operator keeps there: value, list, timers, windows…
    std::vector<FieldSummary> fields{};  ///< of an entry; none where the snapshot does not say
    int firstKeyGroup = 0;               ///< of the pieces; below 0: what belongs to no key
    int lastKeyGroup = 0;
};

/// One operator in a checkpoint. @public
struct OperatorSummary {
    std::string uid;
    std::string name;
    std::string kind;
    int parallelism = 0;
    int finishedSubtasks = 0;
    std::uint64_t bytes = 0;           ///< of all states
    std::vector<StateSummary> states;  ///< sorted by name
};

/// What there is in a checkpoint or savepoint. @public
struct CheckpointSummary {
    CheckpointInfo info;
    std::string jobName;
    std::string fingerprint;  ///< of the execution plan
    int maxParallelism = 0;
    int formatVersion = 0;  ///< of the manifest, see docs/checkpoint_format.md
    int files = 0;
    std::uint64_t fileBytes = 0;
    std::vector<std::string> references;     ///< of an incremental one: directories beside it whose files it needs
    std::vector<OperatorSummary> operators;  ///< in the order of the pipeline
    std::vector<std::string> damage;         ///< what is wrong with files of state, each named; empty: nothing is
};

/// Looks at the checkpoint or savepoint in a directory; a job may be running. @public
/// *Failure:* IoException if there is none; CodecException if its manifest is damaged. Files of state that are missing or no
/// longer what the manifest says are listed in `damage`. State is not read: `verifyCheckpoint` does that.
CheckpointSummary summarizeCheckpoint(const std::string& directory,
                                      std::shared_ptr<FileSystem> files = posixFileSystem());

/// Reads all state of a checkpoint or savepoint, and does nothing with it. @public
/// *Failure:* IoException if there is none; CodecException naming the first file that is damaged.
void verifyCheckpoint(const std::string& directory, std::shared_ptr<FileSystem> files = posixFileSystem());

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/checkpoint_summary.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_CHECKPOINT_SUMMARY_HPP
