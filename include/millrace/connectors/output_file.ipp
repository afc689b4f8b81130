#ifndef MILLRACE_CONNECTORS_OUTPUT_FILE_IPP
#define MILLRACE_CONNECTORS_OUTPUT_FILE_IPP

#include <millrace/connectors/output_file.hpp>
#include <millrace/core/errors.hpp>

#include <cerrno>
#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::detail {

/// `<directory>/trades.csv` and subtask 2: `<directory>/trades.csv/trades-2.csv`.
MILLRACE_INLINE std::string partPath(std::string_view directory, int subtaskIndex) {
    while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
    const std::string_view name = directory.substr(directory.rfind('/') + 1);  // npos + 1 is 0
    std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) dot = name.size();
    return std::string(directory) + "/" + std::string(name.substr(0, dot)) + "-" + std::to_string(subtaskIndex) +
           std::string(name.substr(dot));
}

MILLRACE_INLINE OutputFile::OutputFile(const std::string& path, int subtaskIndex, int parallelism) : path_(path) {
    struct stat status {};
    if (parallelism > 1) {
        if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) failFile("create directory", path, errno);
        path_ = partPath(path, subtaskIndex);
        const std::string next = partPath(path, parallelism);
        if (::stat(next.c_str(), &status) == 0) {
            throw IoException("cannot write to '" + path + "': '" + next +
                              "' is there from a run with higher parallelism and would be taken for a part of this "
                              "one's output; remove it, or write to another directory");
        }
    }
    pathInProgress_ = path_;
    const bool exists = ::stat(path_.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) failFile("write to", path_, EISDIR);
    if (!exists || S_ISREG(status.st_mode)) {
        const std::size_t name = path_.rfind('/') + 1;  // npos + 1 is 0
        pathInProgress_.insert(name, ".");
        pathInProgress_ += ".inprogress";
    }
    file_ = FileDescriptor(::open(pathInProgress_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file_.isOpen()) failFile("create", pathInProgress_, errno);
    buffer_.reserve(kBufferSize + 4096);
}

MILLRACE_INLINE void OutputFile::writeOut() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            const int error = errno;
            buffer_.erase(0, buffer_.size() - rest.size());
            failFile("write to", pathInProgress_, error);
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
}

MILLRACE_INLINE void OutputFile::complete() {
    if (!file_.isOpen()) return;
    writeOut();
    if (!file_.reset()) failFile("write to", pathInProgress_, errno);
    if (pathInProgress_ != path_ && std::rename(pathInProgress_.c_str(), path_.c_str()) != 0) {
        failFile("create", path_, errno);
    }
}

MILLRACE_INLINE void OutputFile::abandon() noexcept {
    if (!file_.isOpen()) return;
    // the job has failed for a reason that matters more than an error here
    if (!buffer_.empty()) (void)!::write(file_.get(), buffer_.data(), buffer_.size());
    buffer_.clear();
    (void)file_.reset();
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_OUTPUT_FILE_IPP
