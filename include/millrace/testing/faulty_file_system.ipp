#ifndef MILLRACE_TESTING_FAULTY_FILE_SYSTEM_IPP
#define MILLRACE_TESTING_FAULTY_FILE_SYSTEM_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/testing/faulty_file_system.hpp>

#include <utility>

namespace millrace::testing {

class FaultyFileSystem::Writer final : public WritableFile {
public:
    Writer(FaultyFileSystem& system, std::unique_ptr<WritableFile> file, std::string path)
        : system_(system), file_(std::move(file)), path_(std::move(path)) {}
    [[gnu::cold]] void write(std::span<const std::byte> bytes) override {
        bool fails = false;
        const std::uint64_t arriving = system_.countWrite(path_, bytes.size(), fails);
        if (arriving > 0) file_->write(bytes.first(static_cast<std::size_t>(arriving)));
        if (fails) system_.fail("write to '" + path_ + "'");
    }
    [[gnu::cold]] void sync() override {
        system_.count("sync " + path_);
        file_->sync();
    }
    [[gnu::cold]] void close() override {
        system_.count("close " + path_);
        file_->close();
    }

private:
    FaultyFileSystem& system_;
    std::unique_ptr<WritableFile> file_;
    std::string path_;
};

class FaultyFileSystem::Reader final : public ReadableFile {
public:
    Reader(FaultyFileSystem& system, std::unique_ptr<ReadableFile> file, std::string path)
        : system_(system), file_(std::move(file)), path_(std::move(path)) {}
    std::uint64_t size() const override { return file_->size(); }
    [[gnu::cold]] std::size_t readAt(std::uint64_t offset, std::span<std::byte> into) const override {
        system_.count("read " + path_);
        return file_->readAt(offset, into);
    }

private:
    FaultyFileSystem& system_;
    std::unique_ptr<ReadableFile> file_;
    std::string path_;
};

MILLRACE_INLINE_COLD FaultyFileSystem::FaultyFileSystem(std::shared_ptr<FileSystem> behind)
    : behind_(std::move(behind)) {}

MILLRACE_INLINE_COLD FaultyFileSystem::~FaultyFileSystem() = default;

MILLRACE_INLINE_COLD void FaultyFileSystem::restart(std::uint64_t n, FileFault fault, bool isLasting, bool isCrash) {
    const std::lock_guard guard(mutex_);
    failing_ = n;
    fault_ = fault;
    isLasting_ = isLasting;
    isCrash_ = isCrash;
    hasFailed_ = false;
    countsBytes_ = false;
    trace_.clear();
}

MILLRACE_INLINE_COLD void FaultyFileSystem::failAt(std::uint64_t n, FileFault fault) {
    restart(n, fault, false, false);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::failFrom(std::uint64_t n, FileFault fault) {
    restart(n, fault, true, false);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::crashAt(std::uint64_t n) {
    restart(n, FileFault::ShortWrite, true, true);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::crashAfterBytes(std::uint64_t bytes) {
    restart(0, FileFault::IoError, true, true);
    const std::lock_guard guard(mutex_);
    countsBytes_ = true;
    bytesLeft_ = bytes;
}

MILLRACE_INLINE_COLD void FaultyFileSystem::restart() {
    restart(0, FileFault::IoError, false, false);
}

MILLRACE_INLINE_COLD bool FaultyFileSystem::hasFailed() const {
    const std::lock_guard guard(mutex_);
    return hasFailed_;
}

MILLRACE_INLINE_COLD std::uint64_t FaultyFileSystem::operations() const {
    const std::lock_guard guard(mutex_);
    return trace_.size();
}

MILLRACE_INLINE_COLD std::vector<std::string> FaultyFileSystem::trace() const {
    const std::lock_guard guard(mutex_);
    return trace_;
}

MILLRACE_INLINE_COLD void FaultyFileSystem::fail(const std::string& operation) const {
    if (!isCrash_ && fault_ == FileFault::Permission) {
        millrace::detail::raise<PermissionException>("cannot {}: Permission denied (injected)", {operation});
    }
    const char* const why = isCrash_                       ? "the machine has crashed"
                            : fault_ == FileFault::IoError ? "Input/output error"
                                                           : "No space left on device";
    millrace::detail::raise<IoException>("cannot {}: {} (injected)", {operation, why});
}

MILLRACE_INLINE_COLD void FaultyFileSystem::count(const std::string& operation) {
    const std::lock_guard guard(mutex_);
    trace_.push_back(operation);
    const bool isDown = hasFailed_ && isLasting_;
    if (!isDown && trace_.size() != failing_) return;
    hasFailed_ = true;
    fail(operation);
}

MILLRACE_INLINE_COLD std::uint64_t FaultyFileSystem::countWrite(const std::string& path, std::uint64_t bytes,
                                                                bool& fails) {
    const std::lock_guard guard(mutex_);
    trace_.push_back(millrace::detail::message("write {} {}", {bytes, path}));
    fails = true;
    if (hasFailed_ && isLasting_) return 0;
    if (countsBytes_ && bytes > bytesLeft_) {
        hasFailed_ = true;
        return bytesLeft_;
    }
    bytesLeft_ -= countsBytes_ ? bytes : 0;
    if (trace_.size() == failing_) {
        hasFailed_ = true;
        return fault_ == FileFault::ShortWrite ? bytes / 2 : 0;
    }
    fails = false;
    return bytes;
}

MILLRACE_INLINE_COLD std::unique_ptr<WritableFile> FaultyFileSystem::create(const std::string& path) {
    count("create " + path);
    return std::make_unique<Writer>(*this, behind_->create(path), path);
}

MILLRACE_INLINE_COLD std::unique_ptr<ReadableFile> FaultyFileSystem::open(const std::string& path) {
    count("open " + path);
    return std::make_unique<Reader>(*this, behind_->open(path), path);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::rename(const std::string& from, const std::string& to) {
    count("rename " + from + " " + to);
    behind_->rename(from, to);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::syncDirectory(const std::string& path) {
    count("sync " + path);
    behind_->syncDirectory(path);
}

MILLRACE_INLINE_COLD std::vector<DirectoryEntry> FaultyFileSystem::list(const std::string& path) {
    count("list " + path);
    return behind_->list(path);
}

MILLRACE_INLINE_COLD FileKind FaultyFileSystem::kindOf(const std::string& path) {
    count("look " + path);
    return behind_->kindOf(path);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::remove(const std::string& path) {
    count("remove " + path);
    behind_->remove(path);
}

MILLRACE_INLINE_COLD void FaultyFileSystem::createDirectory(const std::string& path) {
    count("mkdir " + path);
    behind_->createDirectory(path);
}

MILLRACE_INLINE_COLD std::unique_ptr<FileLock> FaultyFileSystem::tryLock(const std::string& path,
                                                                         std::int64_t& holder) {
    count("lock " + path);
    return behind_->tryLock(path, holder);
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_FAULTY_FILE_SYSTEM_IPP
