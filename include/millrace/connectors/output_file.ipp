#ifndef MILLRACE_CONNECTORS_OUTPUT_FILE_IPP
#define MILLRACE_CONNECTORS_OUTPUT_FILE_IPP

#include <millrace/connectors/output_file.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

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

MILLRACE_INLINE_COLD OutputFile::OutputFile(const std::string& path, int subtaskIndex, int parallelism) {
    locate(path, subtaskIndex, parallelism);
    open(O_CREAT | O_TRUNC);
}

MILLRACE_INLINE_COLD OutputFile::OutputFile(const std::string& path, int subtaskIndex, int parallelism,
                                            const OutputFileState* states, std::size_t count) {
    locate(path, subtaskIndex, parallelism);
    struct stat status {};
    if (count == 0 && ::stat(path_.c_str(), &status) != 0) {  // the sink is new in the job
        open(O_CREAT | O_TRUNC);
        return;
    }
    if (count != 1 || states->path != path_) {
        raise<ConfigurationException>(
            "FileSink: cannot go on writing '{}' after a restore: the checkpoint has {}. A sink with one file per "
            "subtask is restored at the same path and parallelism only; use FileSink::forRowFormat(directory, format) "
            "for one that is not bound to that",
            {path_, count == 0 ? "no file of this subtask, but there is one already"
                               : message("the file '{}' for this subtask", {states->path})});
    }
    written_ = states->size;
    if (states->isComplete) return;
    if (pathInProgress_ == path_) {
        open(O_CREAT);  // a device
        return;
    }
    open(0);
    if (::fstat(file_.get(), &status) != 0) failFile("go on writing", pathInProgress_, errno);
    if (static_cast<std::uint64_t>(status.st_size) < written_) {
        raise<IoException>("cannot go on writing '{}': the checkpoint has {} bytes of it, but there are {}",
                           {pathInProgress_, written_, static_cast<std::uint64_t>(status.st_size)});
    }
    const auto size = static_cast<off_t>(written_);
    if (::ftruncate(file_.get(), size) != 0 || ::lseek(file_.get(), size, SEEK_SET) != size) {
        failFile("go on writing", pathInProgress_, errno);
    }
}

MILLRACE_INLINE_COLD void OutputFile::locate(const std::string& path, int subtaskIndex, int parallelism) {
    path_ = path;
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
}

MILLRACE_INLINE_COLD void OutputFile::open(int flags) {
    file_ = FileDescriptor(::open(pathInProgress_.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666));
    if (!file_.isOpen()) failFile(flags == 0 ? "go on writing" : "create", pathInProgress_, errno);
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
        written_ += static_cast<std::uint64_t>(written);
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

MILLRACE_INLINE_COLD void OutputFile::sync() {
    writeOut();
    if (pathInProgress_ == path_) return;
    if (::fdatasync(file_.get()) != 0) failFile("write to", pathInProgress_, errno);
    syncDirectory(directoryOf(path_));
}

MILLRACE_INLINE_COLD void OutputFile::finish() {
    if (!file_.isOpen()) return;
    sync();
    if (!file_.reset()) failFile("write to", pathInProgress_, errno);
    isPending_ = pathInProgress_ != path_;
}

MILLRACE_INLINE_COLD bool OutputFile::takePending(PendingFile& file) {
    if (!std::exchange(isPending_, false)) return false;
    file = {pathInProgress_, path_};
    return true;
}

MILLRACE_INLINE_COLD OutputFileState OutputFile::snapshot() {
    if (file_.isOpen()) sync();
    return {path_, written_, !file_.isOpen()};
}

MILLRACE_INLINE_COLD void OutputFileCommitter::commit(std::span<CommitRequest<PendingFile>> requests) {
    for (CommitRequest<PendingFile>& request : requests) {
        const PendingFile& file = request.getCommittable();
        if (std::rename(file.pathInProgress.c_str(), file.path.c_str()) != 0) {
            if (errno != ENOENT || !request.isRecovered()) failFile("create", file.path, errno);
            request.signalAlreadyCommitted();  // before the failure
        } else {
            syncDirectory(directoryOf(file.path));
        }
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
