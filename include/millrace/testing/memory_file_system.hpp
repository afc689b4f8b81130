#ifndef MILLRACE_TESTING_MEMORY_FILE_SYSTEM_HPP
#define MILLRACE_TESTING_MEMORY_FILE_SYSTEM_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/file_system.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::testing {

/// What becomes of that which was not on the disk yet. @public
enum class Unsynced : std::uint8_t {
    Kept,  ///< the process ended, the machine did not
    Lost,  ///< the power failed, and nothing had been written on its own
    Some,  ///< the power failed, and by chance some had: names, beginnings of files, zeros in the place of their ends
};

/// A disk in memory that knows what has been synced, so that a test can cut its power. Paths are absolute. @public
/// *Thread safety:* any thread. *Failure:* as every FileSystem.
class MemoryFileSystem final : public FileSystem {
public:
    MILLRACE_INLINE MemoryFileSystem();
    MILLRACE_INLINE ~MemoryFileSystem() override;

    MILLRACE_INLINE std::unique_ptr<WritableFile> create(const std::string& path) override;
    MILLRACE_INLINE std::unique_ptr<ReadableFile> open(const std::string& path) override;
    MILLRACE_INLINE void rename(const std::string& from, const std::string& to) override;
    MILLRACE_INLINE void syncDirectory(const std::string& path) override;
    MILLRACE_INLINE std::vector<DirectoryEntry> list(const std::string& path) override;
    MILLRACE_INLINE FileKind kindOf(const std::string& path) override;
    MILLRACE_INLINE void remove(const std::string& path) override;
    MILLRACE_INLINE void createDirectory(const std::string& path) override;
    MILLRACE_INLINE std::unique_ptr<FileLock> tryLock(const std::string& path, std::int64_t& holder) override;

    /// The machine stops and starts again: nothing is locked any more, and files that were open are of no effect.
    /// `seed` decides what `Unsynced::Some` keeps.
    MILLRACE_INLINE void crash(Unsynced unsynced, std::uint64_t seed = 0);
    /// The bytes of a file, to look at or to damage.
    MILLRACE_INLINE std::vector<std::byte> contents(const std::string& path);
    MILLRACE_INLINE void setContents(const std::string& path, std::vector<std::byte> bytes);
    /// A copy of the whole disk.
    MILLRACE_INLINE std::shared_ptr<MemoryFileSystem> clone();

private:
    struct Node;
    class Writer;
    class Reader;
    class Lock;
    std::shared_ptr<Node> at(const std::string& path) const;
    /// The directory that `path` is in, and its name there.
    std::shared_ptr<Node> parentOf(const char* action, const std::string& path, std::string& name) const;

    std::mutex mutex_;
    std::shared_ptr<Node> root_;
    std::vector<std::string> locked_;
    std::uint64_t lives_ = 0;  // crashes so far: whoever was there before one holds nothing any more
};

}  // namespace millrace::testing

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/memory_file_system.ipp>
#endif

#endif  // MILLRACE_TESTING_MEMORY_FILE_SYSTEM_HPP
