#ifndef MILLRACE_CONNECTORS_FILE_COMMITTER_HPP
#define MILLRACE_CONNECTORS_FILE_COMMITTER_HPP

#include <millrace/core/config.hpp>
#include <millrace/functions/committer.hpp>

#include <span>
#include <string>
#include <string_view>

namespace millrace::detail {

/// A file that is complete but not visible yet: it gets its name when the checkpoint that covers it is complete.
struct PendingFile {
    std::string pathInProgress;
    std::string path;
    bool operator==(const PendingFile&) const = default;
};

/// Gives pending files their names. A file that has its name already counts as committed.
class FileCommitter {
public:
    /// *Failure:* IoException with the path, when a file cannot be renamed.
    void commit(std::span<CommitRequest<PendingFile>> requests);
};

/// Makes the entries of a directory durable. *Failure:* IoException.
void syncDirectory(const std::string& path);
/// "." for a path without a slash.
std::string directoryOf(std::string_view path);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/file_committer.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_FILE_COMMITTER_HPP
