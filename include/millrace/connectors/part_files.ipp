#ifndef MILLRACE_CONNECTORS_PART_FILES_IPP
#define MILLRACE_CONNECTORS_PART_FILES_IPP

#include <millrace/connectors/part_files.hpp>
#include <millrace/connectors/random_uid.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::detail {

/// Makes a directory and those above it, durably.
MILLRACE_INLINE_COLD void makeDirectories(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        if (!S_ISDIR(status.st_mode)) failFile("write part files to", path, ENOTDIR);
        return;
    }
    const std::string parent = directoryOf(path);
    if (parent != path) makeDirectories(parent);
    if (::mkdir(path.c_str(), 0777) != 0) {
        if (errno == EEXIST) return;  // another subtask was faster
        failFile("create directory", path, errno);
    }
    syncDirectory(parent);
}

MILLRACE_INLINE_COLD void checkBucket(std::string_view bucket) {
    for (std::size_t from = 0; !bucket.empty() && from <= bucket.size();) {
        const std::size_t end = std::min(bucket.find('/', from), bucket.size());
        const std::string_view name = bucket.substr(from, end - from);
        if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) {
            raise<IoException>(
                "the bucket assigner has given \"{}\", which is no directory below the sink's path: give names joined "
                "by '/', or \"\"",
                {bucket});
        }
        from = end + 1;
    }
}

MILLRACE_INLINE_COLD PartFile::PartFile(std::string bucket, PendingFile file, Timestamp now)
    : bucket_(std::move(bucket)), file_(std::move(file)), created_(now), lastWritten_(now) {
    descriptor_ = FileDescriptor(::open(file_.pathInProgress.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!descriptor_.isOpen()) failFile("create", file_.pathInProgress, errno);
}

MILLRACE_INLINE_COLD PartFile::PartFile(const PartFileState& state)
    : bucket_(state.bucket), file_(state.file), written_(state.size), created_(Duration(state.createdTicks)),
      lastWritten_(created_) {
    const std::string& path = file_.pathInProgress;
    descriptor_ = FileDescriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    struct stat status {};
    if (!descriptor_.isOpen() && errno == ENOENT && ::stat(file_.path.c_str(), &status) == 0) {
        raise<IoException>(
            "cannot go on writing '{}': it was finished after the checkpoint that is restored, with records that will "
            "now be written again; restore the newest checkpoint, or remove the files that are newer",
            {file_.path});
    }
    if (!descriptor_.isOpen()) failFile("go on writing", path, errno);
    if (::fstat(descriptor_.get(), &status) != 0) failFile("go on writing", path, errno);
    if (static_cast<std::uint64_t>(status.st_size) < written_) {
        raise<IoException>("cannot go on writing '{}': the checkpoint has {} bytes of it, but there are {}",
                           {path, written_, static_cast<std::uint64_t>(status.st_size)});
    }
    const auto size = static_cast<off_t>(written_);
    if (::ftruncate(descriptor_.get(), size) != 0 || ::lseek(descriptor_.get(), size, SEEK_SET) != size) {
        failFile("go on writing", path, errno);
    }
}

MILLRACE_INLINE void PartFile::writeOut() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t count = ::write(descriptor_.get(), rest.data(), rest.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) failFile("write to", file_.pathInProgress, errno);
        written_ += static_cast<std::uint64_t>(count);
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    buffer_.clear();
}

MILLRACE_INLINE_COLD bool PartFile::isDue(const RollingPolicy& policy, Timestamp now) noexcept {
    if (std::exchange(touched_, false)) lastWritten_ = now;
    return now >= saturatingAdd(created_, policy.rolloverInterval) ||
           now >= saturatingAdd(lastWritten_, policy.inactivityInterval);
}

MILLRACE_INLINE_COLD void PartFile::sync() {
    writeOut();
    if (::fdatasync(descriptor_.get()) != 0) failFile("write to", file_.pathInProgress, errno);
    if (!std::exchange(isEntrySynced_, true)) syncDirectory(directoryOf(file_.path));
}

MILLRACE_INLINE_COLD PendingFile PartFile::finish() {
    sync();
    if (!descriptor_.reset()) failFile("write to", file_.pathInProgress, errno);
    return file_;
}

MILLRACE_INLINE_COLD PartFiles::PartFiles(std::string path, OutputFileConfig config, RollingPolicy policy,
                                          std::function<Timestamp()> clock)
    : path_(std::move(path)), config_(std::move(config)), policy_(policy), clock_(std::move(clock)), uid_(randomUid()) {
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
    makeDirectories(path_);
}

MILLRACE_INLINE_COLD PartFile& PartFiles::findPart(std::string_view bucket) {
    const auto found = open_.find(bucket);
    if (found != open_.end()) {
        if (found->second->size() <= policy_.maxPartSize) return *(last_ = found->second.get());
        finish(*found->second);
        open_.erase(found);
    }
    checkBucket(bucket);
    std::string directory = path_;
    if (!bucket.empty()) {
        directory += '/';
        directory += bucket;
        makeDirectories(directory);
    }
    const std::string name = message("{}-{}-{}{}", {config_.partPrefix, uid_, counter_++, config_.partSuffix});
    auto part = std::make_unique<PartFile>(std::string(bucket),
                                           PendingFile{directory + "/." + name + ".inprogress", directory + "/" + name},
                                           clock_ ? clock_() : Timestamp{});
    last_ = part.get();
    open_.emplace(bucket, std::move(part));
    return *last_;
}

MILLRACE_INLINE_COLD void PartFiles::finish(PartFile& part) {
    if (last_ == &part) last_ = nullptr;
    pending_.push_back(part.finish());
}

template <class Which>
void PartFiles::finishIf(Which which) {
    for (auto each = open_.begin(); each != open_.end();) {
        if (which(*each->second)) {
            finish(*each->second);
            each = open_.erase(each);
        } else {
            ++each;
        }
    }
}

MILLRACE_INLINE_COLD void PartFiles::checkTime(Timestamp now) {
    finishIf([&](PartFile& part) { return part.isDue(policy_, now); });
}

MILLRACE_INLINE_COLD void PartFiles::finishAll() {
    finishIf([](const PartFile&) { return true; });
}

MILLRACE_INLINE_COLD std::vector<PendingFile> PartFiles::prepareCommit() {
    finishIf([&](const PartFile& part) { return policy_.onCheckpoint || part.size() > policy_.maxPartSize; });
    return std::exchange(pending_, {});
}

MILLRACE_INLINE_COLD std::vector<PartFileState> PartFiles::snapshot() {
    std::vector<PartFileState> states;
    for (const auto& [bucket, part] : open_) {
        part->sync();
        states.push_back(part->state());
    }
    return states;
}

MILLRACE_INLINE_COLD void PartFiles::restore(const std::vector<PartFileState>& states) {
    for (const PartFileState& state : states) {
        auto part = std::make_unique<PartFile>(state);
        if (open_.contains(state.bucket)) {  // of another subtask that is not there any more
            finish(*part);
        } else {
            open_.emplace(state.bucket, std::move(part));
        }
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_PART_FILES_IPP
