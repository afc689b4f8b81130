#ifndef MILLRACE_CHECKPOINT_FILE_CHECKPOINT_STORE_IPP
#define MILLRACE_CHECKPOINT_FILE_CHECKPOINT_STORE_IPP

#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/known_blocks.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>

#include <utility>

namespace millrace::detail {

struct FileCheckpointStore::Entry {
    CheckpointInfo info;
    bool isComplete = false;
    bool hasFailed = false;     // a part is missing
    bool isDiscarded = false;   // and waits for its writers to notice
    bool ownsDirectory = true;  // else the user made it
    int writers = 0;
    std::int64_t lastPart = 0;
    std::vector<StateFileIndex> parts;
    std::vector<std::string> references;           // files of other checkpoints that it needs, or may
    bool referencesUnknown = false;                // its manifest cannot be read
    std::shared_ptr<const CheckpointBlocks> base;  // what it need not write again
    std::shared_ptr<CheckpointBlocks> blocks;      // what the next one need not; null: that one is full
};

/// The names of the files of other checkpoints.
[[gnu::cold]] inline std::vector<std::string> referencesOf(const std::vector<StateFileIndex>& parts) {
    std::vector<std::string> names;
    for (const StateFileIndex& part : parts) {
        if (part.name.find('/') != std::string::npos) names.push_back(part.name);
    }
    return names;
}

[[gnu::cold]] inline bool isCheckpointFile(std::string_view name) {
    return name == kManifestName || name == kNewManifestName || numberInName(name, "part-", ".state") >= 0;
}

MILLRACE_INLINE_COLD FileCheckpointStore::FileCheckpointStore(std::string directory, std::shared_ptr<FileSystem> files,
                                                              SnapshotCompression compression, bool incremental)
    : directory_(withoutTrailingSlashes(std::move(directory))), files_(std::move(files)), compression_(compression),
      incremental_(incremental) {
    if (directory_.empty()) throw ConfigurationException("the directory for checkpoints is empty; name one");
    try {
        openDirectory();
    } catch (const IoException& error) {
        raise<IoException>(
            "the directory '{}' cannot be used for checkpoints: {}. Name a directory in which this process may create "
            "files, and no other job keeps its own",
            {directory_, error.what()});
    }
    if (incremental_) contentKey_ = randomContentKey();
    scan();
}

MILLRACE_INLINE_COLD FileCheckpointStore::FileCheckpointStore(std::shared_ptr<FileSystem> files,
                                                              SnapshotCompression compression)
    : files_(std::move(files)), compression_(compression) {}

MILLRACE_INLINE_COLD FileCheckpointStore::~FileCheckpointStore() = default;

MILLRACE_INLINE_COLD std::unique_ptr<CheckpointStore> FileCheckpointStore::forSavepoints(
    std::shared_ptr<FileSystem> files, SnapshotCompression compression) {
    return std::unique_ptr<CheckpointStore>(new FileCheckpointStore(std::move(files), compression));
}

MILLRACE_INLINE_COLD void FileCheckpointStore::openDirectory() {
    createDirectories(directory_);
    const std::string path = message("{}/millrace.lock", {directory_});
    std::int64_t holder = 0;
    lock_ = files_->tryLock(path, holder);
    if (lock_ != nullptr) return;
    if (holder != 0)
        raise<IoException>("a job in process {} keeps its checkpoints there, and holds '{}'", {holder, path});
    raise<IoException>("another job keeps its checkpoints there, and holds '{}'", {path});
}

MILLRACE_INLINE_COLD void FileCheckpointStore::createDirectories(const std::string& path) {
    if (files_->kindOf(path) != FileKind::None) return;  // what is no directory will be said by who uses it
    const std::string parent = parentOf(path);
    createDirectories(parent);
    try {
        files_->createDirectory(path);
    } catch (const IoException&) {
        if (files_->kindOf(path) != FileKind::Directory) throw;  // somebody else was faster
    }
    files_->syncDirectory(parent);
}

MILLRACE_INLINE_COLD std::int64_t finishedIn(const std::vector<DirectoryEntry>& entries) noexcept {
    std::int64_t id = -1;
    for (const DirectoryEntry& entry : entries) {
        if (entry.kind == FileKind::File) id = std::max(id, numberInName(entry.name, kFinishedPrefix, ""));
    }
    return id;
}

MILLRACE_INLINE_COLD void FileCheckpointStore::scan() try {
    std::vector<std::string> unfinished;
    const std::vector<DirectoryEntry> entries = files_->list(directory_);
    finishedWith_ = finishedIn(entries);
    lastId_ = std::max(lastId_, finishedWith_);
    for (const DirectoryEntry& entry : entries) {
        if (entry.kind != FileKind::Directory) continue;
        std::int64_t id = numberInName(entry.name, "chk-", "");
        const CheckpointKind kind = id >= 0 ? CheckpointKind::Checkpoint : CheckpointKind::Savepoint;
        if (id < 0) id = numberInName(entry.name, "savepoint-", "");
        if (id >= 0 && !addFound(entry.name, id, kind))
            unfinished.push_back(message("{}/{}", {directory_, entry.name}));
    }
    // once it is known what those that are complete refer to
    for (const std::string& path : unfinished) removeFiles(path, true);
} catch (const PermissionException& cause) {
    failToRead(directory_, cause);
}

/// False for a directory without manifest.
MILLRACE_INLINE_COLD bool FileCheckpointStore::addFound(const std::string& name, std::int64_t id, CheckpointKind kind) {
    lastId_ = std::max(lastId_, id);
    const std::string path = message("{}/{}", {directory_, name});
    try {
        if (files_->kindOf(message("{}/{}", {path, kManifestName})) == FileKind::None) return false;
    } catch (const IoException& error) {
        // it cannot be looked at, so perhaps it is complete: `load` will say what is wrong
        log(LogLevel::Warning, error.what());
    }
    std::size_t place = 0;
    while (place < entries_.size() && entries_[place].info.id < id) ++place;
    Entry& entry = entries_.addAt(place, new Entry);
    entry.info.id = id;
    entry.info.kind = kind;
    entry.info.path = path;
    entry.isComplete = true;
    entry.referencesUnknown = true;
    try {
        const CheckpointManifest manifest = readManifest(*files_, path);
        entry.info.triggered = manifest.description.triggered;
        for (const StateFileIndex& part : manifest.parts) {
            for (const StateExtent& extent : part.states) entry.info.bytes += extent.bytes;
        }
        entry.references = referencesOf(manifest.parts);
        entry.referencesUnknown = false;
        // a crash can leave the manifest under both names
        const std::string second = message("{}/{}", {path, kNewManifestName});
        if (files_->kindOf(second) != FileKind::None) files_->remove(second);
    } catch (const MillraceException& error) {
        log(LogLevel::Warning, error.what());
    }
    return true;
}

MILLRACE_INLINE_COLD FileCheckpointStore::Entry* FileCheckpointStore::find(std::int64_t id) const {
    for (Entry& entry : entries_) {
        if (entry.info.id == id && !entry.isDiscarded) return &entry;
    }
    return nullptr;
}

MILLRACE_INLINE_COLD std::int64_t FileCheckpointStore::lastId() const {
    const std::lock_guard guard(mutex_);
    return lastId_;
}

/// Makes the directory of a checkpoint or savepoint; true if it was not there.
MILLRACE_INLINE_COLD bool FileCheckpointStore::makeDirectory(const std::string& path, bool mayExist) try {
    if (!mayExist) {
        files_->createDirectory(path);
        return true;
    }
    createDirectories(parentOf(path));
    if (files_->kindOf(path) == FileKind::None) {
        files_->createDirectory(path);
        return true;
    }
    if (files_->list(path).empty()) return false;
    raise<IoException>(
        "cannot write a savepoint to '{}': there are files in it. Name a directory that is empty or does not exist",
        {path});
} catch (const PermissionException& cause) {
    failToWrite(path, cause);
}

MILLRACE_INLINE_COLD void FileCheckpointStore::begin(const CheckpointDescription& description) {
    auto entry = std::make_unique<Entry>();
    entry->info.id = description.id;
    entry->info.kind = description.kind;
    entry->info.triggered = description.triggered;
    const bool isSavepoint = description.kind == CheckpointKind::Savepoint;
    if (isSavepoint && !description.target.empty()) {
        entry->info.path = withoutTrailingSlashes(description.target);
        entry->ownsDirectory = makeDirectory(entry->info.path, true);
    } else {
        if (directory_.empty()) throw ConfigurationException("a savepoint needs a directory; name one");
        entry->info.path = message("{}{}{}", {directory_, isSavepoint ? "/savepoint-" : "/chk-", description.id});
        makeDirectory(entry->info.path, false);
    }
    const std::lock_guard guard(mutex_);
    lastId_ = std::max(lastId_, description.id);
    if (incremental_ && !isSavepoint) {
        entry->blocks = std::make_shared<CheckpointBlocks>();
        for (const Entry& other : entries_) {  // the newest that is complete
            if (other.isComplete && !other.isDiscarded && other.blocks != nullptr) entry->base = other.blocks;
        }
        if (entry->base != nullptr) entry->references = entry->base->fileNames();  // they stay while this is under way
    }
    std::size_t place = entries_.size();
    while (place > 0 && entries_[place - 1].info.id > description.id) --place;
    entries_.addAt(place, entry.release());
}

MILLRACE_INLINE_COLD void FileCheckpointStore::writePart(std::int64_t id, int task, int subtask,
                                                         const SnapshotPart& part) {
    if (part.empty()) return;
    Entry* entry = nullptr;
    std::string path;
    std::shared_ptr<const CheckpointBlocks> base;
    IncrementalPart incremental;
    bool isIncremental = false;
    {
        const std::lock_guard guard(mutex_);
        entry = find(id);
        if (entry == nullptr || entry->isComplete) return;  // discarded meanwhile
        isIncremental = entry->blocks != nullptr;
        base = entry->base;
        incremental.key = contentKey_;
        if (base != nullptr) incremental.known = base->of(task, subtask);
        ++entry->writers;
        path = message("{}/part-{}.state", {entry->info.path, ++entry->lastPart});
    }
    // To the end of this function the entry stays: who discards it leaves it to its writers.
    const auto isWanted = [&] {
        const std::lock_guard guard(mutex_);
        return !entry->isDiscarded;
    };
    std::exception_ptr failure;
    StateFileIndex index;
    try {
        try {
            index = writeStateFile(*files_, path, {id, task, subtask}, part, isWanted, compression_,
                                   isIncremental ? &incremental : nullptr);
        } catch (const PermissionException& cause) {
            failToWrite(parentOf(path), cause);
        }
        incremental.written.task = task;
        incremental.written.subtask = subtask;
        const auto file = std::make_shared<SharedFile>();
        *file = {message("chk-{}/{}", {id, index.name}), index.owner, index.size};
        for (KnownBlock& block : incremental.written.blocks) {
            if (block.file == nullptr) block.file = file;
        }
    } catch (...) {
        failure = std::current_exception();
    }
    {
        const std::lock_guard guard(mutex_);
        --entry->writers;
        if (!entry->isDiscarded) {
            entry->hasFailed = entry->hasFailed || failure != nullptr;
            entry->parts.push_back(std::move(index));
            for (StateFileIndex& shared : incremental.shared) entry->parts.push_back(std::move(shared));
            if (isIncremental) entry->blocks->parts.push_back(std::move(incremental.written));
            if (failure != nullptr) std::rethrow_exception(failure);
            return;
        }
        if (entry->writers > 0) return;
    }
    removeEntry(*entry);
}

MILLRACE_INLINE_COLD CheckpointInfo FileCheckpointStore::complete(const CheckpointDescription& description) {
    Entry* entry = nullptr;
    CheckpointManifest manifest;
    {
        const std::lock_guard guard(mutex_);
        entry = find(description.id);
        if (entry == nullptr || entry->isComplete) {
            raise<IoException>("checkpoint {} was discarded before it was complete", {description.id});
        }
        if (entry->hasFailed || entry->writers > 0) {
            raise<IoException>(
                "checkpoint {} in '{}' cannot be completed: {}",
                {description.id, entry->info.path,
                 entry->hasFailed ? "a part of it could not be written" : "parts of it are still being written"});
        }
        manifest.parts = entry->parts;
    }
    manifest.description = description;
    const std::string& directory = entry->info.path;
    const std::string path = message("{}/{}", {directory, kManifestName});
    const std::string newPath = message("{}/{}", {directory, kNewManifestName});
    const std::string text = formatManifest(manifest);
    if (text.size() > kLargestManifest) {  // nobody would read it
        raise<IoException>(
            "checkpoint {} in '{}' cannot be completed: its manifest has {} bytes, at most {} are read. An incremental "
            "checkpoint of so much state refers to too many places: set CheckpointConfig::incremental to false",
            {description.id, directory, text.size(), kLargestManifest});
    }
    try {
        const std::unique_ptr<WritableFile> file = files_->create(newPath);
        file->write(std::as_bytes(std::span(text)));
        file->sync();
        file->close();
        // first the names of the parts, and of the directory itself: the manifest shall not be there without them
        files_->syncDirectory(directory);
        files_->syncDirectory(parentOf(directory));
    } catch (const PermissionException& cause) {
        failToWrite(directory, cause);
    }
    try {
        files_->rename(newPath, path);
        files_->syncDirectory(directory);
    } catch (const IoException& error) {
        withdraw(directory, path, error.what());
    }
    if (entry->blocks != nullptr) entry->blocks->sortBlocks();
    CheckpointInfo info;
    {
        const std::lock_guard guard(mutex_);
        entry->info.bytes = 0;
        entry->info.writtenBytes = 0;
        for (const StateFileIndex& part : entry->parts) {
            for (const StateExtent& extent : part.states) {
                entry->info.bytes += extent.bytes;
                if (part.owner.checkpoint == entry->info.id) entry->info.writtenBytes += extent.bytes;
            }
        }
        entry->references = referencesOf(entry->parts);
        entry->base.reset();
        entry->parts.clear();
        entry->isComplete = true;
        for (Entry& other : entries_) {  // only the newest is of use
            if (entry->blocks != nullptr && other.isComplete && other.info.id < entry->info.id) other.blocks.reset();
        }
        info = entry->info;
    }
    sweepRemains();  // of what it might have needed
    return info;
}

/// A checkpoint that may or may not count is worse than none: its job says that it failed, a restart would take it.
MILLRACE_INLINE_COLD void FileCheckpointStore::withdraw(const std::string& directory, const std::string& manifest,
                                                        const std::string& cause) {
    try {
        if (files_->kindOf(manifest) != FileKind::None) files_->remove(manifest);
        files_->syncDirectory(directory);
    } catch (const IoException&) {
        raise<IoException>(
            "the checkpoint in '{}' could not be completed, and whether it counts after a restart is not sure: {}",
            {directory, cause});
    }
    raise<IoException>("the checkpoint in '{}' could not be completed: {}", {directory, cause});
}

MILLRACE_INLINE_COLD void FileCheckpointStore::discard(std::int64_t id) noexcept {
    Entry* entry = nullptr;
    {
        const std::lock_guard guard(mutex_);
        entry = find(id);
        if (entry == nullptr) return;
        entry->isDiscarded = true;
        if (entry->writers > 0) return;
    }
    removeEntry(*entry);
}

MILLRACE_INLINE_COLD void FileCheckpointStore::removeEntry(const Entry& discarded) noexcept {
    removeFiles(discarded.info.path, discarded.ownsDirectory);
    {
        const std::lock_guard guard(mutex_);
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (&entries_[i] != &discarded) continue;
            delete entries_.release(i);
            break;
        }
    }
    sweepRemains();
}

/// Whether a checkpoint other than its own needs a file, or may.
MILLRACE_INLINE_COLD bool FileCheckpointStore::isReferredTo(std::int64_t checkpoint,
                                                            const std::string& file) const noexcept {
    const std::lock_guard guard(mutex_);
    for (const Entry& entry : entries_) {
        if (entry.isDiscarded || entry.info.id <= checkpoint) continue;
        if (entry.referencesUnknown) return true;
        if (std::find(entry.references.begin(), entry.references.end(), file) != entry.references.end()) return true;
    }
    return false;
}

/// Removes what is left of checkpoints and is not needed any more.
MILLRACE_INLINE_COLD void FileCheckpointStore::sweepRemains() noexcept {
    std::vector<std::int64_t> remains;
    {
        const std::lock_guard guard(mutex_);
        remains.swap(remains_);
    }
    for (const std::int64_t id : remains) removeFiles(message("{}/chk-{}", {directory_, id}), true);
}

MILLRACE_INLINE_COLD void FileCheckpointStore::removeFiles(const std::string& path, bool withDirectory) noexcept {
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::int64_t id = parentOf(path) == directory_ ? numberInName(name, "chk-", "") : -1;
    bool isNeeded = false;
    try {
        // Without its manifest a directory is no checkpoint any more. That comes first and is made sure of, so that no
        // crash leaves one that looks complete and is not.
        const std::string manifest = message("{}/{}", {path, kManifestName});
        if (files_->kindOf(manifest) == FileKind::File) {
            files_->remove(manifest);
            files_->syncDirectory(path);
        }
        bool hasOthers = false;
        for (const DirectoryEntry& entry : files_->list(path)) {
            if (entry.kind != FileKind::File || !isCheckpointFile(entry.name)) {
                hasOthers = true;
            } else if (id >= 0 && isReferredTo(id, message("{}/{}", {name, entry.name}))) {
                isNeeded = true;
            } else {
                files_->remove(message("{}/{}", {path, entry.name}));
            }
        }
        if (withDirectory && !hasOthers && !isNeeded) files_->remove(path);
    } catch (const std::exception& error) {
        log(LogLevel::Warning, error.what());  // what is left is removed at the next start
    }
    if (!isNeeded) return;
    const std::lock_guard guard(mutex_);
    remains_.push_back(id);
}

MILLRACE_INLINE_COLD void FileCheckpointStore::setFinished(std::int64_t lastId) {
    const std::int64_t before = finishedWith();
    if (lastId == before || directory_.empty()) return;
    if (lastId >= 0) {
        const std::unique_ptr<WritableFile> file =
            files_->create(message("{}/{}{}", {directory_, kFinishedPrefix, lastId}));
        file->sync();
        file->close();
    }
    if (before >= 0) files_->remove(message("{}/{}{}", {directory_, kFinishedPrefix, before}));
    files_->syncDirectory(directory_);
    const std::lock_guard guard(mutex_);
    finishedWith_ = lastId;
}

MILLRACE_INLINE_COLD std::int64_t FileCheckpointStore::finishedWith() const {
    const std::lock_guard guard(mutex_);
    return finishedWith_;
}

MILLRACE_INLINE_COLD std::vector<CheckpointInfo> FileCheckpointStore::completed() const {
    const std::lock_guard guard(mutex_);
    std::vector<CheckpointInfo> infos;
    for (std::size_t i = entries_.size(); i-- > 0;) {
        if (entries_[i].isComplete && !entries_[i].isDiscarded) infos.push_back(entries_[i].info);
    }
    return infos;
}

MILLRACE_INLINE_COLD std::shared_ptr<const StoredCheckpoint> FileCheckpointStore::load(std::int64_t id) const {
    std::string path;
    {
        const std::lock_guard guard(mutex_);
        const Entry* const entry = find(id);
        if (entry == nullptr || !entry->isComplete) {
            raise<IoException>("there is no completed checkpoint {} in '{}'", {id, directory_});
        }
        path = entry->info.path;
        // Who loads one restores it, and that may have been because another is damaged: the next one refers to none of them.
        for (Entry& each : entries_) {
            if (each.isComplete) each.blocks.reset();
        }
    }
    auto checkpoint = std::make_shared<FileCheckpoint>(files_, path);
    if (checkpoint->description().id != id) {
        raise<CodecException>(
            "the manifest '{}/{}' is of checkpoint {}, not {}: the directory was renamed. Give it its name back, or "
            "restore from it by its path",
            {path, kManifestName, checkpoint->description().id, id});
    }
    return checkpoint;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_FILE_CHECKPOINT_STORE_IPP
