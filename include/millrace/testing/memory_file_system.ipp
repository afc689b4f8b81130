#ifndef MILLRACE_TESTING_MEMORY_FILE_SYSTEM_IPP
#define MILLRACE_TESTING_MEMORY_FILE_SYSTEM_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <cstring>
#include <map>
#include <string_view>
#include <utility>

namespace millrace::detail {

[[noreturn, gnu::cold]] inline void failMemoryFile(const char* action, const std::string& path, const char* why) {
    raise<IoException>("cannot {} '{}': {}", {action, path, why});
}

}  // namespace millrace::detail

namespace millrace::testing {

struct MemoryFileSystem::Node {
    using Entries = std::map<std::string, std::shared_ptr<Node>>;

    bool isDirectory = false;
    std::vector<std::byte> data;  // of a file, and of it what is on the disk
    std::vector<std::byte> synced;
    Entries entries;  // of a directory
    Entries syncedEntries;

    std::shared_ptr<Node> clone(std::map<const Node*, std::shared_ptr<Node>>& copies) const {
        std::shared_ptr<Node>& copy = copies[this];
        if (copy != nullptr) return copy;
        const auto made = copy = std::make_shared<Node>(*this);
        for (auto& [name, node] : made->entries) node = node->clone(copies);
        for (auto& [name, node] : made->syncedEntries) node = node->clone(copies);
        return made;
    }

    void crash(Unsynced unsynced, std::uint64_t& random) {
        const auto oneOf = [&](std::uint64_t count) {  // SplitMix64
            std::uint64_t z = random += 0x9e3779b97f4a7c15U;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
            return (z ^ (z >> 31)) % count;
        };
        if (unsynced == Unsynced::Lost) {
            data = synced;
            entries = syncedEntries;
        } else if (unsynced == Unsynced::Some) {
            Entries kept;
            for (const auto& [name, node] : entries) {
                const auto before = syncedEntries.find(name);
                const bool isSynced = before != syncedEntries.end() && before->second == node;
                if (isSynced || oneOf(2) == 0) {
                    kept[name] = node;
                } else if (before != syncedEntries.end()) {
                    kept[name] = before->second;
                }
            }
            for (const auto& [name, node] : syncedEntries) {
                if (!entries.contains(name) && oneOf(2) == 0) kept[name] = node;  // its removal was not written yet
            }
            entries = std::move(kept);
            if (data != synced) {
                const std::size_t least = std::min(synced.size(), data.size());
                const std::size_t written = least + oneOf(data.size() - least + 1);
                if (oneOf(2) == 0) {
                    data.resize(written);
                } else {
                    std::fill(data.begin() + static_cast<std::ptrdiff_t>(written), data.end(), std::byte{0});
                }
            }
        }
        synced = data;
        syncedEntries = entries;
        for (const auto& [name, node] : entries) node->crash(unsynced, random);
    }
};

class MemoryFileSystem::Writer final : public WritableFile {
public:
    Writer(MemoryFileSystem& system, std::shared_ptr<Node> node)
        : system_(system), node_(std::move(node)), life_(system.lives_) {}
    [[gnu::cold]] void write(std::span<const std::byte> bytes) override {
        const std::lock_guard guard(system_.mutex_);
        if (life_ == system_.lives_) node_->data.insert(node_->data.end(), bytes.begin(), bytes.end());
    }
    [[gnu::cold]] void sync() override {
        const std::lock_guard guard(system_.mutex_);
        if (life_ == system_.lives_) node_->synced = node_->data;
    }
    void close() override {}

private:
    MemoryFileSystem& system_;
    std::shared_ptr<Node> node_;
    std::uint64_t life_;
};

class MemoryFileSystem::Reader final : public ReadableFile {
public:
    explicit Reader(std::vector<std::byte> data) : data_(std::move(data)) {}
    std::uint64_t size() const override { return data_.size(); }
    [[gnu::cold]] std::size_t readAt(std::uint64_t offset, std::span<std::byte> into) const override {
        if (offset >= data_.size()) return 0;
        const std::size_t count = std::min(into.size(), data_.size() - static_cast<std::size_t>(offset));
        if (count > 0) std::memcpy(into.data(), data_.data() + offset, count);
        return count;
    }

private:
    std::vector<std::byte> data_;
};

class MemoryFileSystem::Lock final : public FileLock {
public:
    Lock(MemoryFileSystem& system, std::string path) : system_(system), path_(std::move(path)), life_(system.lives_) {}
    ~Lock() override {
        const std::lock_guard guard(system_.mutex_);
        if (life_ == system_.lives_) std::erase(system_.locked_, path_);
    }

private:
    MemoryFileSystem& system_;
    std::string path_;
    std::uint64_t life_;
};

MILLRACE_INLINE_COLD MemoryFileSystem::MemoryFileSystem() : root_(std::make_shared<Node>()) {
    root_->isDirectory = true;
}

MILLRACE_INLINE_COLD MemoryFileSystem::~MemoryFileSystem() = default;

MILLRACE_INLINE_COLD std::shared_ptr<MemoryFileSystem::Node> MemoryFileSystem::at(const std::string& path) const {
    std::shared_ptr<Node> node = root_;
    for (std::size_t begin = 0; begin < path.size() && node != nullptr;) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (end > begin) {
            const auto found = node->entries.find(path.substr(begin, end - begin));
            node = found == node->entries.end() ? nullptr : found->second;
        }
        begin = end + 1;
    }
    return node;
}

MILLRACE_INLINE_COLD std::shared_ptr<MemoryFileSystem::Node> MemoryFileSystem::parentOf(const char* action,
                                                                                        const std::string& path,
                                                                                        std::string& name) const {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) millrace::detail::failMemoryFile(action, path, "in memory, paths begin with '/'");
    name = path.substr(slash + 1);
    std::shared_ptr<Node> parent = at(path.substr(0, slash));
    if (parent == nullptr || name.empty()) millrace::detail::failMemoryFile(action, path, "No such file or directory");
    if (!parent->isDirectory) millrace::detail::failMemoryFile(action, path, "Not a directory");
    return parent;
}

MILLRACE_INLINE_COLD std::unique_ptr<WritableFile> MemoryFileSystem::create(const std::string& path) {
    const std::lock_guard guard(mutex_);
    std::string name;
    const std::shared_ptr<Node> parent = parentOf("create", path, name);
    std::shared_ptr<Node>& node = parent->entries[name];
    if (node == nullptr) node = std::make_shared<Node>();
    if (node->isDirectory) millrace::detail::failMemoryFile("create", path, "Is a directory");
    node->data.clear();
    return std::make_unique<Writer>(*this, node);
}

MILLRACE_INLINE_COLD std::unique_ptr<ReadableFile> MemoryFileSystem::open(const std::string& path) {
    return std::make_unique<Reader>(contents(path));
}

MILLRACE_INLINE_COLD std::vector<std::byte> MemoryFileSystem::contents(const std::string& path) {
    const std::lock_guard guard(mutex_);
    const std::shared_ptr<Node> node = at(path);
    if (node == nullptr) millrace::detail::failMemoryFile("open", path, "No such file or directory");
    if (node->isDirectory) millrace::detail::failMemoryFile("open", path, "Is a directory");
    return node->data;
}

MILLRACE_INLINE_COLD void MemoryFileSystem::setContents(const std::string& path, std::vector<std::byte> bytes) {
    const std::unique_ptr<WritableFile> file = create(path);
    file->write(bytes);
    file->sync();
}

MILLRACE_INLINE_COLD void MemoryFileSystem::rename(const std::string& from, const std::string& to) {
    const std::lock_guard guard(mutex_);
    std::string oldName;
    std::string newName;
    const std::shared_ptr<Node> oldParent = parentOf("rename", from, oldName);
    const std::shared_ptr<Node> newParent = parentOf("rename", to, newName);
    const auto found = oldParent->entries.find(oldName);
    if (found == oldParent->entries.end())
        millrace::detail::failMemoryFile("rename", from, "No such file or directory");
    const std::shared_ptr<Node> node = found->second;
    oldParent->entries.erase(found);
    newParent->entries[newName] = node;
}

MILLRACE_INLINE_COLD void MemoryFileSystem::syncDirectory(const std::string& path) {
    const std::lock_guard guard(mutex_);
    const std::shared_ptr<Node> node = at(path);
    if (node == nullptr || !node->isDirectory) millrace::detail::failMemoryFile("sync", path, "No such directory");
    node->syncedEntries = node->entries;
}

MILLRACE_INLINE_COLD std::vector<DirectoryEntry> MemoryFileSystem::list(const std::string& path) {
    const std::lock_guard guard(mutex_);
    const std::shared_ptr<Node> node = at(path);
    if (node == nullptr || !node->isDirectory)
        millrace::detail::failMemoryFile("read directory", path, "No such directory");
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, entry] : node->entries) {
        entries.push_back({name, entry->isDirectory ? FileKind::Directory : FileKind::File});
    }
    return entries;
}

MILLRACE_INLINE_COLD FileKind MemoryFileSystem::kindOf(const std::string& path) {
    const std::lock_guard guard(mutex_);
    const std::shared_ptr<Node> node = at(path);
    if (node == nullptr) return FileKind::None;
    return node->isDirectory ? FileKind::Directory : FileKind::File;
}

MILLRACE_INLINE_COLD void MemoryFileSystem::remove(const std::string& path) {
    const std::lock_guard guard(mutex_);
    std::string name;
    const std::shared_ptr<Node> parent = parentOf("remove", path, name);
    const auto found = parent->entries.find(name);
    if (found == parent->entries.end()) millrace::detail::failMemoryFile("remove", path, "No such file or directory");
    if (!found->second->entries.empty()) millrace::detail::failMemoryFile("remove", path, "Directory not empty");
    parent->entries.erase(found);
}

MILLRACE_INLINE_COLD void MemoryFileSystem::createDirectory(const std::string& path) {
    const std::lock_guard guard(mutex_);
    std::string name;
    const std::shared_ptr<Node> parent = parentOf("create directory", path, name);
    std::shared_ptr<Node>& node = parent->entries[name];
    if (node != nullptr) millrace::detail::failMemoryFile("create directory", path, "File exists");
    node = std::make_shared<Node>();
    node->isDirectory = true;
}

MILLRACE_INLINE_COLD std::unique_ptr<FileLock> MemoryFileSystem::tryLock(const std::string& path,
                                                                         std::int64_t& holder) {
    if (kindOf(path) == FileKind::None) (void)create(path);
    const std::lock_guard guard(mutex_);
    holder = 0;
    if (std::find(locked_.begin(), locked_.end(), path) != locked_.end()) return nullptr;
    locked_.push_back(path);
    return std::make_unique<Lock>(*this, path);
}

MILLRACE_INLINE_COLD void MemoryFileSystem::crash(Unsynced unsynced, std::uint64_t seed) {
    const std::lock_guard guard(mutex_);
    root_->crash(unsynced, seed);
    locked_.clear();
    ++lives_;
}

MILLRACE_INLINE_COLD std::shared_ptr<MemoryFileSystem> MemoryFileSystem::clone() {
    const std::lock_guard guard(mutex_);
    auto copy = std::make_shared<MemoryFileSystem>();
    std::map<const Node*, std::shared_ptr<Node>> copies;
    copy->root_ = root_->clone(copies);
    return copy;
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_MEMORY_FILE_SYSTEM_IPP
