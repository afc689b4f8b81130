#ifndef MILLRACE_CONNECTORS_OUTPUT_FILE_HPP
#define MILLRACE_CONNECTORS_OUTPUT_FILE_HPP

#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/core/config.hpp>

#include <cstddef>
#include <string>

namespace millrace::detail {

/// A file that appears under its name when it is complete: until then it is `.<name>.inprogress` beside it.
/// Devices and pipes are written to directly. All failures are IoExceptions with the path.
class OutputFile {
public:
    /// Subtask 0 of 1 writes to `path`. Otherwise `path` is a directory, made if need be, and subtask i of p writes the
    /// part `<stem>-<i><extension>` in it: `trades.csv/trades-0.csv`.
    OutputFile(const std::string& path, int subtaskIndex, int parallelism);
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
    /// After a failure: what has been written stays in the file in progress.
    void abandon() noexcept;

    const std::string& path() const noexcept { return path_; }

private:
    static constexpr std::size_t kBufferSize = 64 * 1024;

    std::string path_;
    std::string pathInProgress_;  ///< equals `path_` for devices
    FileDescriptor file_;
    std::string buffer_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/output_file.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_OUTPUT_FILE_HPP
