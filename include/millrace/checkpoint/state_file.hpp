#ifndef MILLRACE_CHECKPOINT_STATE_FILE_HPP
#define MILLRACE_CHECKPOINT_STATE_FILE_HPP

#include <millrace/checkpoint/snapshot_compression.hpp>
#include <millrace/checkpoint/state_file_index.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/file_system.hpp>
#include <millrace/core/function_ref.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/state/snapshot.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

// A file with what one task has written for a checkpoint; docs/checkpoint_format.md describes it byte by byte.

namespace millrace::detail {

inline constexpr int kStateFileVersion = 1;
inline constexpr std::uint64_t kStateFileHeaderSize = 32;

struct IncrementalPart;

/// Writes a file and has it on the disk when it returns; its name is the caller's affair. `isWanted` is asked from time to
/// time: when it returns false, the rest is left out. With `incremental`, what it knows is not written, but referred to.
/// *Failure:* IoException, or what the part throws.
StateFileIndex writeStateFile(FileSystem& files, const std::string& path, const StateFileOwner& owner,
                              const SnapshotPart& part, const std::function<bool()>& isWanted,
                              SnapshotCompression compression = SnapshotCompression::None,
                              IncrementalPart* incremental = nullptr);

/// Reads such files, and trusts nothing in them. *Thread safety:* any thread. *Failure:* IoException for what the system
/// says; CodecException naming file, byte and what to do for a file that is damaged or of another format;
/// ConfigurationException for a compression that this program does not have.
class StateFileReader {
public:
    using Visitor = detail::FunctionRef<void(int keyGroup, std::span<const std::byte> bytes)>;
    using FullVisitor = detail::FunctionRef<void(std::string_view uid, std::string_view state, int keyGroup,
                                                 std::span<const std::byte> bytes)>;

    StateFileReader(FileSystem& files, std::string path);
    StateFileReader(std::unique_ptr<ReadableFile> file, std::string path);

    const StateFileOwner& owner() const noexcept { return owner_; }
    std::uint64_t size() const noexcept { return size_; }
    /// The pieces of one state.
    void read(const StateExtent& extent, const Visitor& visit) const;
    /// All pieces; does without an index.
    void readAll(const FullVisitor& visit) const;
    /// Throws CodecException about this file.
    [[noreturn]] void fail(std::uint64_t offset, const std::string& problem) const;

private:
    struct Block;
    void readHeader();
    /// The block at `offset`, which ends before `end`.
    Block readBlock(std::uint64_t offset, std::uint64_t end) const;
    void readBytes(std::uint64_t offset, std::span<std::byte> into) const;

    std::unique_ptr<ReadableFile> file_;
    std::string path_;
    std::uint64_t size_ = 0;
    StateFileOwner owner_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/state_file.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_STATE_FILE_HPP
