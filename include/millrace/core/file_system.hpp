#ifndef MILLRACE_CORE_FILE_SYSTEM_HPP
#define MILLRACE_CORE_FILE_SYSTEM_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace {

/// A file that is being written. @evolving
/// Its bytes are safe from a loss of power when `sync` has returned, its name when `FileSystem::syncDirectory` has. The
/// destructor closes without saying what failed.
/// *Thread safety:* one thread at a time. *Failure:* IoException naming the file and what the system said; what of the
/// bytes is on the disk is then unknown, and calling `sync` again proves nothing.
class WritableFile {
public:
    virtual ~WritableFile() = default;
    /// Appends all of the bytes. They may be held back until `sync` or `close`, which then say what failed.
    virtual void write(std::span<const std::byte> bytes) = 0;
    virtual void sync() = 0;
    virtual void close() = 0;
};

/// A file that is being read. @evolving
/// *Thread safety:* any thread. *Failure:* IoException naming the file and what the system said.
class ReadableFile {
public:
    virtual ~ReadableFile() = default;
    virtual std::uint64_t size() const = 0;
    /// Fills `into` from `offset` on, and returns how many bytes there were: fewer than asked for only at the end.
    virtual std::size_t readAt(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

/// Given up when it is destroyed, or when the process ends, however it does. @evolving
class FileLock {
public:
    virtual ~FileLock() = default;
};

/// What is found under a path. @evolving
enum class FileKind : std::uint8_t { None, File, Directory, Other };

/// What a directory holds. @evolving
struct DirectoryEntry {
    std::string name;
    FileKind kind = FileKind::Other;
};

/// The part of a file system that checkpoints need; `posixFileSystem()` is the machine's, and tests have others. @evolving
/// *Thread safety:* any thread, with different paths. *Failure:* IoException naming the path and what the system said.
class FileSystem {
public:
    virtual ~FileSystem() = default;
    /// Opens a new file for writing; what has this name already is replaced.
    virtual std::unique_ptr<WritableFile> create(const std::string& path) = 0;
    /// Opens a file for reading. Anything but a file is refused: a pipe would be waited for.
    virtual std::unique_ptr<ReadableFile> open(const std::string& path) = 0;
    /// Gives a file another name in one step; a file that had it is replaced.
    virtual void rename(const std::string& from, const std::string& to) = 0;
    /// Makes the names in a directory safe from a loss of power.
    virtual void syncDirectory(const std::string& path) = 0;
    /// Sorted by name.
    virtual std::vector<DirectoryEntry> list(const std::string& path) = 0;
    virtual FileKind kindOf(const std::string& path) = 0;
    /// Removes a file, or a directory that is empty.
    virtual void remove(const std::string& path) = 0;
    /// Makes a directory in one that exists.
    virtual void createDirectory(const std::string& path) = 0;
    /// Locks a file, which is created where it is missing and stays. Null if the lock is held; then `holder` is the id of
    /// the process, or 0 where that is not known.
    virtual std::unique_ptr<FileLock> tryLock(const std::string& path, std::int64_t& holder) = 0;
};

}  // namespace millrace

#endif  // MILLRACE_CORE_FILE_SYSTEM_HPP
