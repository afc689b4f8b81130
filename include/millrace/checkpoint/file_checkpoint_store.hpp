#ifndef MILLRACE_CHECKPOINT_FILE_CHECKPOINT_STORE_HPP
#define MILLRACE_CHECKPOINT_FILE_CHECKPOINT_STORE_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/content_hash.hpp>
#include <millrace/core/file_system.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/posix_file_system.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// Checkpoints in a directory, `chk-<id>` each; savepoints are `savepoint-<id>` there, or the directory that the user names.
/// `finished-<id>` says that a job has finished there. What counts has been on the disk since `complete` returned. While the store lives, the directory is locked: no other job
/// can use it.
///
/// Incremental checkpoints refer to files of earlier ones: those stay when their checkpoint is removed, in its directory, which
/// is then none of a checkpoint any more, as long as a completed checkpoint, or one under way, needs them.
///
/// Completed checkpoints that were there before are listed even if they turn out damaged: `load` says so.
class FileCheckpointStore final : public CheckpointStore {
public:
    /// Creates the directory and those above it where they are missing, and removes what unfinished checkpoints have left
    /// behind; of what is not a checkpoint's, nothing is touched.
    /// *Failure:* IoException if the directory cannot be used, or is used by another store, naming its process.
    MILLRACE_INLINE explicit FileCheckpointStore(std::string directory,
                                                 std::shared_ptr<FileSystem> files = posixFileSystem(),
                                                 SnapshotCompression compression = SnapshotCompression::None,
                                                 bool incremental = false);
    MILLRACE_INLINE ~FileCheckpointStore() override;
    /// Without a directory of its own: only for savepoints into directories that the user names.
    static std::unique_ptr<CheckpointStore> forSavepoints(std::shared_ptr<FileSystem> files = posixFileSystem(),
                                                          SnapshotCompression compression = SnapshotCompression::None);

    MILLRACE_INLINE std::int64_t lastId() const override;
    /// Makes the directory of the checkpoint. A savepoint's may exist if it is empty.
    MILLRACE_INLINE void begin(const CheckpointDescription& description) override;
    MILLRACE_INLINE void writePart(std::int64_t id, int task, int subtask, const SnapshotPart& part) override;
    /// *Failure:* after an exception the checkpoint does not count, unless the message says that this is not sure.
    MILLRACE_INLINE CheckpointInfo complete(const CheckpointDescription& description) override;
    /// May be called while parts are being written: the last writer then removes what there is. Files that are not a
    /// checkpoint's stay, and so does their directory.
    MILLRACE_INLINE void discard(std::int64_t id) noexcept override;
    /// An empty file `finished-<id>`, which is on the disk, or gone from it, on return. Removes no checkpoints.
    MILLRACE_INLINE void setFinished(std::int64_t lastId) override;
    MILLRACE_INLINE std::int64_t finishedWith() const override;
    MILLRACE_INLINE std::vector<CheckpointInfo> completed() const override;
    MILLRACE_INLINE std::shared_ptr<const StoredCheckpoint> load(std::int64_t id) const override;

    const std::string& directory() const noexcept { return directory_; }

private:
    struct Entry;
    FileCheckpointStore(std::shared_ptr<FileSystem> files, SnapshotCompression compression);
    void openDirectory();
    void createDirectories(const std::string& path);
    bool makeDirectory(const std::string& path, bool mayExist);
    void scan();
    bool addFound(const std::string& name, std::int64_t id, CheckpointKind kind);
    [[noreturn]] void withdraw(const std::string& directory, const std::string& manifest, const std::string& cause);
    void removeEntry(const Entry& discarded) noexcept;
    void removeFiles(const std::string& path, bool withDirectory) noexcept;
    void sweepRemains() noexcept;
    bool isReferredTo(std::int64_t checkpoint, const std::string& file) const noexcept;
    Entry* find(std::int64_t id) const;

    std::string directory_;
    std::shared_ptr<FileSystem> files_;
    SnapshotCompression compression_;
    bool incremental_ = false;
    ContentHash contentKey_;  ///< of the hashes of blocks
    std::unique_ptr<FileLock> lock_;
    mutable std::mutex mutex_;  // guards what follows; no file is touched under it
    std::int64_t lastId_ = 0;
    std::int64_t finishedWith_ = -1;
    OwnerList<Entry> entries_;
    std::vector<std::int64_t> remains_;  ///< removed checkpoints with files that others refer to
};

/// What a directory of checkpoints says that a job has finished with; -1: none has.
std::int64_t finishedIn(const std::vector<DirectoryEntry>& entries) noexcept;

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/file_checkpoint_store.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_FILE_CHECKPOINT_STORE_HPP
