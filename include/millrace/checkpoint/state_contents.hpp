#ifndef MILLRACE_CHECKPOINT_STATE_CONTENTS_HPP
#define MILLRACE_CHECKPOINT_STATE_CONTENTS_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/posix_file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace {

/// What one key takes in a snapshot. @public
struct KeySize {
    std::string key;  ///< as `describeValue` shows it
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;  ///< more than one for windows and timers
};

/// What is in a state, without the types of the program that has saved it. @public
struct StateContents {
    std::uint64_t entries = 0;
    std::vector<KeySize> largestKeys;   ///< largest first
    std::vector<std::string> splits;    ///< of a source: what it was reading, and where it was
    std::uint64_t inFlightRecords = 0;  ///< that were on their way into the operator when a barrier overtook them
    std::string unreadable;             ///< why not all of it could be read: a codec of the user's; empty: it could
};

/// Reads a state of a checkpoint or savepoint by what the snapshot says of its form. @public
/// *Failure:* IoException if there is no such checkpoint; CodecException naming the file that is damaged, of those with this state.
StateContents readStateContents(const std::string& directory, const std::string& uid, const std::string& state,
                                std::size_t largestKeys = 10, std::shared_ptr<FileSystem> files = posixFileSystem());

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/state_contents.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_STATE_CONTENTS_HPP
