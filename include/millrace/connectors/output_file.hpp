#ifndef MILLRACE_CONNECTORS_OUTPUT_FILE_HPP
#define MILLRACE_CONNECTORS_OUTPUT_FILE_HPP

#include <millrace/connectors/file_committer.hpp>
#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace millrace::detail {

/// What a checkpoint says of an output file.
struct OutputFileState {
    std::string path;
    std::uint64_t size = 0;
    bool isComplete = false;  ///< nothing follows
};

/// A file that appears under its name when it is complete: until then it is `.<name>.inprogress` beside it.
/// Devices and pipes are written to directly. All failures are IoExceptions with the path.
class OutputFile {
public:
    /// Subtask 0 of 1 writes to `path`. Otherwise `path` is a directory, made if need be, and subtask i of p writes the
    /// part `<stem>-<i><extension>` in it: `trades.csv/trades-0.csv`.
    OutputFile(const std::string& path, int subtaskIndex, int parallelism);
    /// Goes on where a checkpoint has been: what was written behind it is cut off. *Failure:* also ConfigurationException when
    /// the states are not those of the same subtask at the same parallelism.
    OutputFile(const std::string& path, int subtaskIndex, int parallelism, const OutputFileState* states,
               std::size_t count);
    OutputFile(OutputFile&&) noexcept = default;
    OutputFile& operator=(OutputFile&&) noexcept = default;
    ~OutputFile() { abandon(); }

    /// Append to it, then call `appended`.
    std::string& buffer() noexcept { return buffer_; }
    void appended() {
        if (buffer_.size() >= kBufferSize) writeOut();
    }
    /// Hands the buffer to the operating system.
    void writeOut();
    /// Writes out and gives the file its name.
    void complete();
    /// Writes out, down to the disk, and leaves the name to a committer.
    void finish();
    /// What `finish` has left since the last call; false if there is none, as for devices.
    bool takePending(PendingFile& file);
    /// Writes out, down to the disk.
    OutputFileState snapshot();
    /// After a failure: what has been written stays in the file in progress.
    void abandon() noexcept;

    const std::string& path() const noexcept { return path_; }

private:
    static constexpr std::size_t kBufferSize = 64 * 1024;

    void locate(const std::string& path, int subtaskIndex, int parallelism);
    void open(int flags);
    void sync();

    std::string path_;
    std::string pathInProgress_;  ///< equals `path_` for devices
    FileDescriptor file_;
    std::string buffer_;
    std::uint64_t written_ = 0;
    bool isPending_ = false;
};

/// Gives output files their names; an existing file is replaced.
class OutputFileCommitter {
public:
    void commit(std::span<CommitRequest<PendingFile>> requests);
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/output_file.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_OUTPUT_FILE_HPP
