#ifndef MILLRACE_CONNECTORS_FILE_SPLIT_HPP
#define MILLRACE_CONNECTORS_FILE_SPLIT_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// The lines of a file that begin in [start, end), read on from `next`. @evolving
struct FileSplit {
    std::string path;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t next = 0;  ///< `start`, or where a line begins
    const std::string& splitId() const noexcept { return path; }
    friend bool operator==(const FileSplit&, const FileSplit&) = default;
};

namespace detail {

struct InputFile {
    std::string path;
    std::uint64_t size = 0;
};

/// The files named by `paths`: files as they are, directories with all that is in them at any depth, sorted by path.
/// In directories, names that begin with '.' or '_' are skipped.
/// *Failure:* IoException, also for a file that cannot be opened: better now than in the middle of the job.
List<InputFile> listInputFiles(const std::vector<std::string>& paths);

/// Cuts files into splits of at most `splitSize` bytes, in order. 0: so that all subtasks have work and are, as they
/// take the splits in order, never far from each other in the file.
List<FileSplit> splitFiles(const List<InputFile>& files, std::uint64_t splitSize, int parallelism);

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/file_split.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_FILE_SPLIT_HPP
