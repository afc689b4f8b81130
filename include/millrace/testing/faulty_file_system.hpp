#ifndef MILLRACE_TESTING_FAULTY_FILE_SYSTEM_HPP
#define MILLRACE_TESTING_FAULTY_FILE_SYSTEM_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/file_system.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::testing {

/// How an operation fails. @public
enum class FileFault : std::uint8_t {
    NoSpace,     ///< ENOSPC
    IoError,     ///< EIO
    ShortWrite,  ///< of a write, half arrives before there is no space left; anything else fails as with NoSpace
    Permission,  ///< EACCES
};

/// A file system in front of another one whose operations fail when a test says so. @public
/// Everything counts as an operation: create, write, sync, close, open, read, rename, sync of a directory, list, look
/// (`kindOf`), remove, create a directory, lock. With `crashAt`, nothing reaches the disk any more from one of them on, until
/// `restart`; a MemoryFileSystem behind it then also loses what was not synced. A write at which it crashes arrives by half.
/// *Thread safety:* any thread.
///
/// *Example:* `for (n = 1; …; ++n) { files->failAt(n, FileFault::NoSpace); …; if (files->operations() < n) break; }`
class FaultyFileSystem final : public FileSystem {
public:
    MILLRACE_INLINE explicit FaultyFileSystem(std::shared_ptr<FileSystem> behind);
    MILLRACE_INLINE ~FaultyFileSystem() override;

    /// The n-th operation from now on (from 1) fails, once.
    MILLRACE_INLINE void failAt(std::uint64_t n, FileFault fault);
    /// The n-th operation from now on and all after it fail.
    MILLRACE_INLINE void failFrom(std::uint64_t n, FileFault fault);
    /// The n-th operation from now on (from 1) and all after it do nothing but fail.
    MILLRACE_INLINE void crashAt(std::uint64_t n);
    /// The same after so many more bytes have been written.
    MILLRACE_INLINE void crashAfterBytes(std::uint64_t bytes);
    /// Operations work again; what was said above is forgotten.
    MILLRACE_INLINE void restart();
    /// Whether it has come to what was asked for.
    MILLRACE_INLINE bool hasFailed() const;
    /// Operations since the last call of one of the functions above.
    MILLRACE_INLINE std::uint64_t operations() const;
    /// The same as texts: "create /a/b", "write 12 /a/b", "rename /a/b /a/c"…
    MILLRACE_INLINE std::vector<std::string> trace() const;

    MILLRACE_INLINE std::unique_ptr<WritableFile> create(const std::string& path) override;
    MILLRACE_INLINE std::unique_ptr<ReadableFile> open(const std::string& path) override;
    MILLRACE_INLINE void rename(const std::string& from, const std::string& to) override;
    MILLRACE_INLINE void syncDirectory(const std::string& path) override;
    MILLRACE_INLINE std::vector<DirectoryEntry> list(const std::string& path) override;
    MILLRACE_INLINE FileKind kindOf(const std::string& path) override;
    MILLRACE_INLINE void remove(const std::string& path) override;
    MILLRACE_INLINE void createDirectory(const std::string& path) override;
    MILLRACE_INLINE std::unique_ptr<FileLock> tryLock(const std::string& path, std::int64_t& holder) override;

private:
    class Writer;
    class Reader;
    void restart(std::uint64_t n, FileFault fault, bool isLasting, bool isCrash);
    /// Counts an operation, and throws if it is to fail.
    void count(const std::string& operation);
    /// The same for a write; returns how many of the bytes arrive, and whether it then fails.
    std::uint64_t countWrite(const std::string& path, std::uint64_t bytes, bool& fails);
    [[noreturn]] void fail(const std::string& operation) const;

    std::shared_ptr<FileSystem> behind_;
    mutable std::mutex mutex_;
    std::uint64_t failing_ = 0;  // the number of an operation; 0: none
    FileFault fault_ = FileFault::IoError;
    bool isLasting_ = false;
    bool isCrash_ = false;
    bool hasFailed_ = false;
    std::uint64_t bytesLeft_ = 0;  // before a crash
    bool countsBytes_ = false;
    std::vector<std::string> trace_;
};

}  // namespace millrace::testing

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/faulty_file_system.ipp>
#endif

#endif  // MILLRACE_TESTING_FAULTY_FILE_SYSTEM_HPP
