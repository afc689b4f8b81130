#ifndef MILLRACE_CORE_POSIX_FILE_SYSTEM_IPP
#define MILLRACE_CORE_POSIX_FILE_SYSTEM_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/posix_file_system.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace {
namespace detail {

/// Throws IoException, or PermissionException: `what`, and the text of errno.
[[noreturn, gnu::cold]] inline void failPosix(const std::string& what, int errorNumber) {
    const std::string reason = std::generic_category().message(errorNumber);
    if (errorNumber == EACCES || errorNumber == EPERM || errorNumber == EROFS) {
        raise<PermissionException>("{}{}", {what, reason});
    }
    raise<IoException>("{}{}", {what, reason});
}
/// The same: "cannot <action> '<path>': <text of errno>".
[[noreturn, gnu::cold]] inline void failPosix(const char* action, const std::string& path, int errorNumber = errno) {
    const std::string text = message("cannot {} '{}': ", {action, path});
    failPosix(text, errorNumber);
}

/// An open file, closed with its owner.
class PosixFile {
public:
    PosixFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;
    ~PosixFile() {
        if (descriptor_ >= 0) (void)::close(descriptor_);
    }
    const std::string& path() const noexcept { return path_; }
    int get() const noexcept { return descriptor_; }
    int release() noexcept { return std::exchange(descriptor_, -1); }

private:
    std::string path_;
    int descriptor_;
};

[[gnu::cold]] inline int openPosix(const std::string& path, int flags) {
    for (;;) {
        const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EINTR) return descriptor;
    }
}

[[gnu::cold]] inline FileKind kindOfMode(mode_t mode) {
    if (S_ISREG(mode)) return FileKind::File;
    return S_ISDIR(mode) ? FileKind::Directory : FileKind::Other;
}

class PosixWritableFile final : public WritableFile {
public:
    PosixWritableFile(const std::string& path, int descriptor) : file_(path, descriptor) {}
    [[gnu::cold]] ~PosixWritableFile() override {
        try {
            if (file_.get() >= 0) flush();
        } catch (...) {
            // `sync` and `close` say it to who asks
        }
    }

    void write(std::span<const std::byte> bytes) override {
        if (file_.get() < 0) failPosix("write to", file_.path(), EBADF);  // it is closed
        if (buffer_ == nullptr) buffer_.reset(new std::byte[kBuffer]);
        while (!bytes.empty()) {
            const std::size_t fits = std::min(bytes.size(), kBuffer - buffered_);
            std::memcpy(buffer_.get() + buffered_, bytes.data(), fits);
            buffered_ += fits;
            bytes = bytes.subspan(fits);
            if (buffered_ == kBuffer) flush();
        }
    }
    [[gnu::cold]] void sync() override {
        flush();
        if (::fsync(file_.get()) != 0) failPosix("write to the disk", file_.path());
    }
    [[gnu::cold]] void close() override {
        flush();
        // after EINTR the descriptor is gone on Linux: closing again could hit another file
        if (::close(file_.release()) != 0 && errno != EINTR) failPosix("close", file_.path());
    }

private:
    /// What the system gets at once: whole pages, many together, cost it half of what unaligned pieces of 16 KiB do.
    static constexpr std::size_t kBuffer = std::size_t{256} << 10;

    [[gnu::cold]] void flush() {
        if (failed_ != 0) failPosix("write to", file_.path(), failed_);  // some of the file is missing for good
        const std::size_t count = std::exchange(buffered_, 0);
        for (std::size_t done = 0; done < count;) {
            const ssize_t written = ::write(file_.get(), buffer_.get() + done, count - done);
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) {
                failed_ = errno;
                failPosix("write to", file_.path(), failed_);
            }
            done += static_cast<std::size_t>(written);
            written_ += written;
        }
        startWriting();
    }
    /// Lets the disk begin with what is there, so that `sync` has less to wait for. A wish: what fails shows in `sync`.
    /// Where the disk's queue is full it waits for a place in it. That is for checkpoints, whose files are written by a thread
    /// that does nothing else (on the caller's thread of a CallerRuntime it waits for `sync` anyway); sinks, whose writers run
    /// on the threads of tasks, have files of their own that do not do this.
    void startWriting() noexcept {
#if defined(__linux__)
        constexpr ::off_t kAtOnce = 4 << 20;
        if (written_ - started_ < kAtOnce) return;
        ::sync_file_range(file_.get(), started_, written_ - started_, SYNC_FILE_RANGE_WRITE);
        started_ = written_;
#endif
    }

    PosixFile file_;
    Owner<std::byte[]> buffer_;
    std::size_t buffered_ = 0;
    int failed_ = 0;  ///< errno of the first write that did
    ::off_t written_ = 0;
    ::off_t started_ = 0;
};

class PosixReadableFile final : public ReadableFile {
public:
    PosixReadableFile(const std::string& path, int descriptor, std::uint64_t size)
        : file_(path, descriptor), size_(size) {}

    std::uint64_t size() const override { return size_; }
    [[gnu::cold]] std::size_t readAt(std::uint64_t offset, std::span<std::byte> into) const override {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t got =
                ::pread(file_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) failPosix("read", file_.path());
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

private:
    PosixFile file_;
    std::uint64_t size_;
};

class PosixFileLock final : public FileLock {
public:
    PosixFileLock(const std::string& path, int descriptor) : file_(path, descriptor) {}

private:
    PosixFile file_;
};

class PosixFileSystem final : public FileSystem {
public:
    [[gnu::cold]] std::unique_ptr<WritableFile> create(const std::string& path) override {
        const int descriptor = openPosix(path, O_WRONLY | O_CREAT | O_TRUNC);
        if (descriptor < 0) failPosix("create", path);
        return std::make_unique<PosixWritableFile>(path, descriptor);
    }
    [[gnu::cold]] std::unique_ptr<ReadableFile> open(const std::string& path) override {
        PosixFile file(path, openPosix(path, O_RDONLY | O_NONBLOCK));
        if (file.get() < 0) failPosix("open", path);
        struct stat status {};
        if (::fstat(file.get(), &status) != 0) failPosix("open", path);
        if (!S_ISREG(status.st_mode)) raise<IoException>("cannot open '{}': it is not a file", {path});
        return std::make_unique<PosixReadableFile>(path, file.release(), static_cast<std::uint64_t>(status.st_size));
    }
    [[gnu::cold]] void rename(const std::string& from, const std::string& to) override {
        if (std::rename(from.c_str(), to.c_str()) != 0) {
            const int errorNumber = errno;
            failPosix(message("cannot rename '{}' to '{}': ", {from, to}), errorNumber);
        }
    }
    [[gnu::cold]] void syncDirectory(const std::string& path) override {
        const PosixFile directory(path, openPosix(path, O_RDONLY | O_DIRECTORY));
        if (directory.get() < 0) failPosix("open directory", path);
        // EINVAL: a file system that keeps no names back
        if (::fsync(directory.get()) != 0 && errno != EINVAL) failPosix("write to the disk the directory", path);
    }
    [[gnu::cold]] std::vector<DirectoryEntry> list(const std::string& path) override {
        const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
        if (directory == nullptr) failPosix("read directory", path);
        std::vector<DirectoryEntry> entries;
        for (;;) {
            errno = 0;
            const dirent* const entry = ::readdir(directory.get());
            if (entry == nullptr && errno != 0) failPosix("read directory", path);
            if (entry == nullptr) break;
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            struct stat status {};
            // a name that has gone meanwhile, or points nowhere, is none of ours
            const bool isKnown = ::fstatat(::dirfd(directory.get()), entry->d_name, &status, 0) == 0;
            entries.push_back({std::string(name), isKnown ? kindOfMode(status.st_mode) : FileKind::Other});
        }
        std::sort(entries.begin(), entries.end(),
                  [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
        return entries;
    }
    [[gnu::cold]] FileKind kindOf(const std::string& path) override {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0) return kindOfMode(status.st_mode);
        if (errno != ENOENT && errno != ENOTDIR) failPosix("look at", path);
        return FileKind::None;
    }
    [[gnu::cold]] void remove(const std::string& path) override {
        if (std::remove(path.c_str()) != 0) failPosix("remove", path);
    }
    [[gnu::cold]] void createDirectory(const std::string& path) override {
        if (::mkdir(path.c_str(), 0777) != 0) failPosix("create directory", path);
    }
    [[gnu::cold]] std::unique_ptr<FileLock> tryLock(const std::string& path, std::int64_t& holder) override {
        PosixFile file(path, openPosix(path, O_RDWR | O_CREAT));
        if (file.get() < 0) failPosix("open", path);
        while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR) continue;
            if (errno != EWOULDBLOCK) failPosix("lock", path);
            char digits[24] = {};
            const bool isKnown = ::pread(file.get(), digits, sizeof digits - 1, 0) > 0;
            holder = isKnown ? std::strtoll(digits, nullptr, 10) : 0;
            return nullptr;
        }
        char digits[24];
        const int length = std::snprintf(digits, sizeof digits, "%lld\n", static_cast<long long>(::getpid()));
        if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), digits, static_cast<std::size_t>(length), 0) < 0) {
            failPosix("write to", path);
        }
        return std::make_unique<PosixFileLock>(path, file.release());
    }
};

}  // namespace detail

MILLRACE_INLINE_COLD std::shared_ptr<FileSystem> posixFileSystem() {
    static const auto system = std::make_shared<detail::PosixFileSystem>();
    return system;
}

}  // namespace millrace

#endif  // MILLRACE_CORE_POSIX_FILE_SYSTEM_IPP
