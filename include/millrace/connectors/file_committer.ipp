#ifndef MILLRACE_CONNECTORS_FILE_COMMITTER_IPP
#define MILLRACE_CONNECTORS_FILE_COMMITTER_IPP

#include <millrace/connectors/file_committer.hpp>
#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string directoryOf(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

MILLRACE_INLINE_COLD void syncDirectory(const std::string& path) {
    FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.isOpen()) failFile("open directory", path, errno);
    // EINVAL: a file system that does not do this
    if (::fsync(directory.get()) != 0 && errno != EINVAL) failFile("write directory", path, errno);
}

MILLRACE_INLINE_COLD void FileCommitter::commit(std::span<CommitRequest<PendingFile>> requests) {
    std::string unsynced;
    for (CommitRequest<PendingFile>& request : requests) {
        const PendingFile& file = request.getCommittable();
        // the name of a part is used once, so what has it can only be this file
        if (::access(file.path.c_str(), F_OK) == 0) {
            request.signalAlreadyCommitted();
        } else if (std::rename(file.pathInProgress.c_str(), file.path.c_str()) != 0) {
            if (errno != ENOENT || !request.isRecovered()) {
                failFile("commit the output file", file.path + "' (now '" + file.pathInProgress, errno);
            }
            log(LogLevel::Warning, message("'{}' was to be committed again after a restore, but neither it nor '{}' is "
                                           "there: taken for committed, and moved or removed since",
                                           {file.path, file.pathInProgress}));
            request.signalAlreadyCommitted();
            continue;
        }
        std::string directory = directoryOf(file.path);
        if (directory == unsynced) continue;
        if (!unsynced.empty()) syncDirectory(unsynced);
        unsynced = std::move(directory);
    }
    if (!unsynced.empty()) syncDirectory(unsynced);
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_FILE_COMMITTER_IPP
