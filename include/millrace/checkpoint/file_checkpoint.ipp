#ifndef MILLRACE_CHECKPOINT_FILE_CHECKPOINT_IPP
#define MILLRACE_CHECKPOINT_FILE_CHECKPOINT_IPP

#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string withoutTrailingSlashes(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

MILLRACE_INLINE_COLD std::string parentOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : withoutTrailingSlashes(path.substr(0, slash));
}

MILLRACE_INLINE_COLD std::string pathOfPart(const std::string& directory, const std::string& name) {
    if (name.find('/') == std::string::npos) return message("{}/{}", {directory, name});
    const std::string path = withoutTrailingSlashes(directory);
    const std::string last = path.substr(path.rfind('/') + 1);
    if (last == "." || last == "..") return message("{}/../{}", {path, name});
    const std::string parent = parentOf(path);
    return message("{}/{}", {parent == "/" ? "" : parent, name});
}

/// Why a directory without manifest is no checkpoint, in a form that helps.
[[noreturn, gnu::cold]] inline void failNoManifest(FileSystem& files, const std::string& directory) {
    const FileKind kind = files.kindOf(directory);
    if (kind == FileKind::None) raise<IoException>("there is no checkpoint '{}': no such directory", {directory});
    if (kind != FileKind::Directory) {
        raise<IoException>("'{}' is not a checkpoint: give the directory that holds '{}'", {directory, kManifestName});
    }
    std::string inside;
    std::int64_t newest = -1;
    for (const DirectoryEntry& entry : files.list(directory)) {
        if (const std::int64_t id = numberInName(entry.name, "chk-", ""); id > newest) {
            newest = id;
            inside = entry.name;
        }
    }
    if (!inside.empty()) {
        raise<IoException>("'{}' is not a checkpoint, but a directory of them: give one of them, such as '{}/{}'",
                           {directory, directory, inside});
    }
    raise<IoException>("'{}' is not a completed checkpoint: it has no '{}', which is written last. Give another one",
                       {directory, kManifestName});
}

MILLRACE_INLINE_COLD void failToRead(const std::string& directory, const PermissionException& cause) {
    raise<PermissionException>(
        "'{}' cannot be read: {}. Run as the user that wrote it, or let this one read its files and enter the "
        "directories above them (chown, chmod)",
        {directory, cause.what()});
}

MILLRACE_INLINE_COLD void failToWrite(const std::string& directory, const PermissionException& cause) {
    raise<PermissionException>(
        "'{}' cannot be written: {}. Name a directory in which this process may create files, or let it do so in this "
        "one (chown, chmod)",
        {directory, cause.what()});
}

MILLRACE_INLINE_COLD CheckpointManifest readManifest(FileSystem& files, const std::string& directory) try {
    const std::string path = message("{}/{}", {directory, kManifestName});
    if (files.kindOf(path) == FileKind::None) failNoManifest(files, directory);
    const std::unique_ptr<ReadableFile> file = files.open(path);
    const std::uint64_t size = file->size();
    if (size > kLargestManifest) {
        raise<CodecException>(
            "the manifest '{}' is damaged: it has {} bytes, at most {} were expected. Restore from another checkpoint",
            {path, size, kLargestManifest});
    }
    std::string text(static_cast<std::size_t>(size), '\0');
    text.resize(file->readAt(0, std::as_writable_bytes(std::span(text))));
    return parseManifest(text, path);
} catch (const PermissionException& cause) {
    failToRead(directory, cause);
}

MILLRACE_INLINE_COLD FileCheckpoint::FileCheckpoint(std::shared_ptr<FileSystem> files, std::string directory)
    : FileCheckpoint(std::move(files), std::move(directory), ManifestOnly()) {
    for (const StateFileIndex& part : parts_) expectIntact(part);
}

MILLRACE_INLINE_COLD FileCheckpoint::FileCheckpoint(std::shared_ptr<FileSystem> files, std::string directory,
                                                    ManifestOnly)
    : files_(std::move(files)) {
    CheckpointManifest manifest = readManifest(*files_, directory);
    place_ = std::move(directory);
    formatVersion_ = manifest.version;
    description_ = std::move(manifest.description);
    parts_ = std::move(manifest.parts);
    std::stable_sort(parts_.begin(), parts_.end(), [](const StateFileIndex& a, const StateFileIndex& b) {
        return std::pair(a.owner.subtask, a.owner.task) < std::pair(b.owner.subtask, b.owner.task);
    });
}

MILLRACE_INLINE_COLD void FileCheckpoint::expectIntact(const StateFileIndex& part) const try {
    const std::string path = pathOfPart(place_, part.name);
    if (files_->kindOf(path) == FileKind::None) {
        const bool isElsewhere = part.owner.checkpoint != description_.id;
        raise<CodecException>(
            "the state file '{}' is missing, though the manifest of the checkpoint {}{}{}{}{}Restore from another "
            "checkpoint, or from a copy of this one",
            {path, isElsewhere ? "'" : "", isElsewhere ? place_ : "", isElsewhere ? "' " : "",
             isElsewhere ? "refers to" : "names",
             isElsewhere ? " it: an incremental checkpoint needs the directories beside it. " : " it. "});
    }
    const StateFileReader reader(*files_, path);
    if (reader.size() != part.size) {
        reader.fail(std::min(reader.size(), part.size), message("the manifest says that it has {} bytes", {part.size}));
    }
    if (reader.owner() != part.owner) {
        reader.fail(
            0, message("it is of checkpoint {}, task {}, subtask {} instead of checkpoint {}, task {}, subtask {}",
                       {reader.owner().checkpoint, reader.owner().task, reader.owner().subtask, part.owner.checkpoint,
                        part.owner.task, part.owner.subtask}));
    }
} catch (const PermissionException& cause) {
    failToRead(place_, cause);
}

MILLRACE_INLINE_COLD void FileCheckpoint::read(std::string_view uid, std::string_view state,
                                               const Visitor& visit) const {
    readKeyGroups(uid, state, {0, kMaxParallelismLimit - 1}, visit);
}

MILLRACE_INLINE_COLD void FileCheckpoint::readKeyGroups(std::string_view uid, std::string_view state,
                                                        KeyGroupRange wanted, const Visitor& visit) const {
    for (const StateFileIndex& part : parts_) {
        std::unique_ptr<StateFileReader> reader;
        for (const StateExtent& extent : part.states) {
            if (extent.uid != uid || extent.state != state) continue;
            const bool isKeyed = extent.firstKeyGroup >= 0;
            if (isKeyed && (extent.firstKeyGroup > wanted.last || extent.lastKeyGroup < wanted.first)) continue;
            if (reader == nullptr) {
                reader = std::make_unique<StateFileReader>(*files_, pathOfPart(place_, part.name));
            }
            reader->read(extent, [&](int keyGroup, std::span<const std::byte> bytes) {
                visit(part.owner.subtask, keyGroup, bytes);
            });
        }
    }
}

MILLRACE_INLINE_COLD std::uint64_t FileCheckpoint::bytesOf(std::string_view uid, std::string_view state,
                                                           KeyGroupRange wanted) const {
    constexpr double kMostCompressed = 32;  // a manifest may say anything, the length of a file is what it is
    double bytes = 0;
    for (const StateFileIndex& part : parts_) {
        for (const StateExtent& extent : part.states) {
            if (extent.uid != uid || extent.state != state || extent.firstKeyGroup < 0) continue;
            const KeyGroupRange common{std::max(wanted.first, extent.firstKeyGroup),
                                       std::min(wanted.last, extent.lastKeyGroup)};
            if (common.empty()) continue;
            const double share = static_cast<double>(common.size()) /
                                 static_cast<double>(extent.lastKeyGroup - extent.firstKeyGroup + 1);
            bytes += share *
                     std::min(static_cast<double>(extent.bytes), kMostCompressed * static_cast<double>(extent.length));
        }
    }
    return static_cast<std::uint64_t>(bytes);
}

MILLRACE_INLINE_COLD std::vector<std::string> FileCheckpoint::statesOf(std::string_view uid) const {
    std::vector<std::string> names;
    for (const StateFileIndex& part : parts_) {
        for (const StateExtent& extent : part.states) {
            if (extent.uid == uid) names.push_back(extent.state);
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

MILLRACE_INLINE_COLD std::string FileCheckpoint::schemaOf(std::string_view uid, std::string_view state) const {
    for (const StateFileIndex& part : parts_) {
        for (const StateExtent& extent : part.states) {
            if (extent.uid == uid && extent.state == state) return extent.schema;
        }
    }
    return {};
}

MILLRACE_INLINE_COLD std::uint64_t FileCheckpoint::bytes() const {
    std::uint64_t sum = 0;
    for (const StateFileIndex& part : parts_) {
        for (const StateExtent& extent : part.states) sum += extent.bytes;
    }
    return sum;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_FILE_CHECKPOINT_IPP
