#ifndef MILLRACE_CHECKPOINT_STATE_FILE_HPP
#define MILLRACE_CHECKPOINT_STATE_FILE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/file_system.hpp>
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

/// Which checkpoint, task and subtask a file belongs to.
struct StateFileOwner {
    std::int64_t checkpoint = 0;
    std::int32_t task = 0;
    std::int32_t subtask = 0;
    bool operator==(const StateFileOwner&) const = default;
};

/// Where a file has one state of one operator.
struct StateExtent {
    std::string uid;
    std::string state;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  ///< in the file
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;  ///< of the pieces
    std::int32_t firstKeyGroup = 0;
    std::int32_t lastKeyGroup = 0;
    std::string schema{};  ///< what the pieces look like, as `layoutText` spells it; kept in the manifest
    bool operator==(const StateExtent&) const = default;
};

/// What a manifest says of a file.
struct StateFileIndex {
    std::string name;
    StateFileOwner owner;
    std::uint64_t size = 0;
    std::vector<StateExtent> states;
    bool operator==(const StateFileIndex&) const = default;
};

/// Writes a file and has it on the disk when it returns; its name is the caller's affair. `isWanted` is asked from time to
/// time: when it returns false, the rest is left out. *Failure:* IoException, or what the part throws.
StateFileIndex writeStateFile(FileSystem& files, const std::string& path, const StateFileOwner& owner,
                              const SnapshotPart& part, const std::function<bool()>& isWanted);

/// Reads such files, and trusts nothing in them. *Thread safety:* any thread. *Failure:* IoException for what the system
/// says; CodecException naming file, byte and what to do for a file that is damaged or of another format.
class StateFileReader {
public:
    using Visitor = std::function<void(int keyGroup, std::span<const std::byte> bytes)>;
    using FullVisitor = std::function<void(std::string_view uid, std::string_view state, int keyGroup,
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
