#ifndef MILLRACE_CONNECTORS_FILE_SPLIT_IPP
#define MILLRACE_CONNECTORS_FILE_SPLIT_IPP

#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/connectors/file_split.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>

#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace millrace::detail {

MILLRACE_INLINE_COLD void addInput(const std::string& path, bool named, List<InputFile>& files) {
    // O_NONBLOCK: opening a pipe would otherwise wait for its writer
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.isOpen()) failFile("open", path, errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) failFile("read", path, errno);
    if (S_ISREG(status.st_mode)) {
        files.push_back({path, static_cast<std::uint64_t>(status.st_size)});
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        if (!named) return;  // sockets and pipes that lie about in a directory
        throw IoException("cannot read '" + path +
                          "': it is neither a file nor a directory; for standard input use StdinSource");
    }
    struct Directory {
        ~Directory() {
            if (opened != nullptr) ::closedir(opened);
        }
        DIR* const opened;
    };
    const Directory directory{::opendir(path.c_str())};
    if (directory.opened == nullptr) failFile("list directory", path, errno);
    List<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(directory.opened);
        if (entry == nullptr) break;
        if (entry->d_name[0] != '.' && entry->d_name[0] != '_') names.push_back(entry->d_name);
    }
    if (errno != 0) failFile("list directory", path, errno);
    heapSort(names.data(), names.size(), [](const std::string& a, const std::string& b) { return a < b; });
    for (const std::string& name : names) {
        const std::string child = path.ends_with('/') ? path + name : path + "/" + name;
        struct stat link {};
        const bool isLink = ::lstat(child.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
        // a link to a directory may lead in a circle
        if (isLink && ::stat(child.c_str(), &link) == 0 && S_ISDIR(link.st_mode)) continue;
        addInput(child, false, files);
    }
}

MILLRACE_INLINE_COLD List<InputFile> listInputFiles(const std::vector<std::string>& paths) {
    List<InputFile> files;
    for (const std::string& path : paths) addInput(path, true, files);
    return files;
}

MILLRACE_INLINE_COLD List<FileSplit> splitFiles(const List<InputFile>& files, std::uint64_t splitSize,
                                                int parallelism) {
    if (splitSize == 0) {
        std::uint64_t total = 0;
        for (const InputFile& file : files) total += file.size;
        const auto perSubtask = total / static_cast<std::uint64_t>(std::max(parallelism, 1));
        splitSize = parallelism <= 1
                        ? total + 1
                        : std::clamp<std::uint64_t>(perSubtask / 8, std::uint64_t{64} << 10, std::uint64_t{16} << 20);
    }
    List<FileSplit> splits;
    for (const InputFile& file : files) {
        for (std::uint64_t start = 0; start < file.size;) {
            const std::uint64_t end = file.size - start > splitSize ? start + splitSize : file.size;
            splits.push_back({file.path, start, end, start});
            start = end;
        }
    }
    return splits;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_FILE_SPLIT_IPP
