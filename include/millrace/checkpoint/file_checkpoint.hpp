#ifndef MILLRACE_CHECKPOINT_FILE_CHECKPOINT_HPP
#define MILLRACE_CHECKPOINT_FILE_CHECKPOINT_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/checkpoint/manifest.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/file_system.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::detail {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kNewManifestName = "manifest.json.new";

/// A directory with a completed checkpoint or savepoint, opened for reading. Nothing in it is changed, and it may have been
/// moved since it was written.
class FileCheckpoint final : public StoredCheckpoint {
public:
    /// *Failure:* IoException if there is none, or for what the system says; CodecException naming the file that is damaged,
    /// missing, or of another format. What is in the data files is looked at when it is read.
    MILLRACE_INLINE FileCheckpoint(std::shared_ptr<FileSystem> files, std::string directory);
    /// For who wants to know what there is of one that is damaged: the data files are not looked at yet.
    static FileCheckpoint manifestOf(std::shared_ptr<FileSystem> files, std::string directory) {
        return FileCheckpoint(std::move(files), std::move(directory), ManifestOnly());
    }
    /// *Failure:* as the constructor, for one of the data files.
    MILLRACE_INLINE void expectIntact(const StateFileIndex& part) const;

    MILLRACE_INLINE void read(std::string_view uid, std::string_view state, const Visitor& visit) const override;
    MILLRACE_INLINE void readKeyGroups(std::string_view uid, std::string_view state, KeyGroupRange wanted,
                                       const Visitor& visit) const override;
    MILLRACE_INLINE std::uint64_t bytesOf(std::string_view uid, std::string_view state,
                                          KeyGroupRange wanted) const override;
    MILLRACE_INLINE std::vector<std::string> statesOf(std::string_view uid) const override;
    MILLRACE_INLINE std::string schemaOf(std::string_view uid, std::string_view state) const override;
    bool hasSchemas() const override { return formatVersion_ >= 2; }
    /// Of the manifest.
    int formatVersion() const noexcept { return formatVersion_; }
    /// What there is, sorted by subtask.
    const std::vector<StateFileIndex>& parts() const noexcept { return parts_; }
    /// Of state, as written.
    MILLRACE_INLINE std::uint64_t bytes() const;

private:
    struct ManifestOnly {};
    MILLRACE_INLINE FileCheckpoint(std::shared_ptr<FileSystem> files, std::string directory, ManifestOnly);

    std::shared_ptr<FileSystem> files_;
    int formatVersion_ = kManifestVersion;
    std::vector<StateFileIndex> parts_;
};

/// "/a/b" of "/a/b//".
std::string withoutTrailingSlashes(std::string path);
/// The directory in which a path is.
std::string parentOf(const std::string& path);
/// The file that a checkpoint in `directory` calls `name`: one of its own, or of another one beside it.
std::string pathOfPart(const std::string& directory, const std::string& name);

/// Throws PermissionException about a checkpoint or savepoint that this process may not read, or write: with what to do.
[[noreturn]] void failToRead(const std::string& directory, const PermissionException& cause);
[[noreturn]] void failToWrite(const std::string& directory, const PermissionException& cause);

/// The manifest of a directory. *Failure:* as FileCheckpoint.
CheckpointManifest readManifest(FileSystem& files, const std::string& directory);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/file_checkpoint.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_FILE_CHECKPOINT_HPP
