#ifndef MILLRACE_OPERATORS_SORT_BUFFER_IPP
#define MILLRACE_OPERATORS_SORT_BUFFER_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/sort_buffer.hpp>

#include <millrace/core/errors.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace millrace::detail {

namespace sorting {

inline int compareBytes(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    const int difference = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
    if (difference != 0) return difference;
    return a.size() < b.size() ? -1 : (a.size() > b.size() ? 1 : 0);
}

[[noreturn, gnu::cold, gnu::noinline]] inline void fail(const std::string& directory, const char* what) {
    const std::string cause = std::strerror(errno);
    throw MillraceException("sorting in batch execution: " + std::string(what) + " a temporary file in '" + directory +
                            "': " + cause + "; give the job more memory for sorting or another directory");
}

}  // namespace sorting

MILLRACE_INLINE bool SortedRecord::sameKeyAs(std::uint32_t otherHash,
                                             std::span<const std::byte> otherKey) const noexcept {
    return hash == otherHash && sorting::compareBytes(key, otherKey) == 0;
}
MILLRACE_INLINE bool SortedRecord::isBefore(const SortedRecord& other) const noexcept {
    if (hash != other.hash) return hash < other.hash;
    if (const int keys = sorting::compareBytes(key, other.key); keys != 0) return keys < 0;
    return time < other.time;
}

/// A sorted run in a temporary file that has no name.
class SortBuffer::Run {
public:
    explicit Run(const std::string& directory) : directory_(directory) {
        std::string name = directory + "/millrace-sort-XXXXXX";
        const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
        if (descriptor < 0) sorting::fail(directory_, "cannot create");
        ::unlink(name.c_str());
        file_ = ::fdopen(descriptor, "w+b");
        if (file_ == nullptr) {
            ::close(descriptor);
            sorting::fail(directory_, "cannot open");
        }
        std::setvbuf(file_, nullptr, _IOFBF, std::size_t{256} << 10);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() { std::fclose(file_); }

    void write(const SortedRecord& record) {
        const Header header{record.time.time_since_epoch().count(), record.hash,
                            static_cast<std::uint32_t>(record.key.size()),
                            static_cast<std::uint32_t>(record.record.size())};
        put(&header, sizeof header);
        put(record.key.data(), record.key.size());
        put(record.record.data(), record.record.size());
    }
    void rewind() {
        if (std::fflush(file_) != 0 || std::fseek(file_, 0, SEEK_SET) != 0) sorting::fail(directory_, "cannot write");
    }
    /// Reads the next record into `head`; false at the end.
    bool read() {
        Header header;
        const std::size_t got = std::fread(&header, 1, sizeof header, file_);
        if (got == 0 && std::feof(file_) != 0) return false;
        if (got != sizeof header) sorting::fail(directory_, "cannot read");
        buffer_.resize(std::size_t{header.keyLength} + header.recordLength);
        if (std::fread(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) {
            sorting::fail(directory_, "cannot read");
        }
        const std::span<const std::byte> all(buffer_);
        head = {header.hash, Timestamp{Duration{header.time}}, all.first(header.keyLength),
                all.subspan(header.keyLength)};
        return true;
    }

    SortedRecord head;
    bool ended = false;

private:
    struct Header {
        std::int64_t time;
        std::uint32_t hash;
        std::uint32_t keyLength;
        std::uint32_t recordLength;
    };
    void put(const void* data, std::size_t count) {
        if (count != 0 && std::fwrite(data, 1, count, file_) != count) sorting::fail(directory_, "cannot write");
    }

    const std::string& directory_;
    std::FILE* file_;
    std::vector<std::byte> buffer_;
};

MILLRACE_INLINE_COLD SortBuffer::SortBuffer(std::size_t memoryBudget, std::string directory)
    : budget_(memoryBudget), directory_(std::move(directory)) {
    if (directory_.empty()) {
        const char* const given = std::getenv("TMPDIR");
        directory_ = given != nullptr && *given != '\0' ? given : "/tmp";
    }
}
MILLRACE_INLINE_COLD SortBuffer::~SortBuffer() = default;

MILLRACE_INLINE void SortBuffer::added() {
    if (records_.bytes.size() + records_.entries.size() * sizeof(Entry) > budget_) spill();
}

MILLRACE_INLINE SortedRecord SortBuffer::at(const Entry& entry) const noexcept {
    const auto key = records_.bytes.bytes().subspan(entry.keyBegin, entry.keyLength);
    return {entry.hash, Timestamp{Duration{entry.time}}, key,
            records_.bytes.bytes().subspan(entry.keyBegin + entry.keyLength, entry.recordLength)};
}

MILLRACE_INLINE_COLD void SortBuffer::sortEntries() {
    std::sort(records_.entries.begin(), records_.entries.end(), [this](const Entry& a, const Entry& b) {
        if (a.hash != b.hash) return a.hash < b.hash;
        const SortedRecord left = at(a);
        const SortedRecord right = at(b);
        if (const int keys = sorting::compareBytes(left.key, right.key); keys != 0) return keys < 0;
        if (a.time != b.time) return a.time < b.time;
        return a.keyBegin < b.keyBegin;  // the order of arrival
    });
}

/// Makes one run of all: each costs a file and a buffer.
MILLRACE_INLINE_COLD void SortBuffer::mergeRuns() {
    for (const auto& run : runs_) {
        run->rewind();
        run->ended = !run->read();
    }
    auto merged = std::make_unique<Run>(directory_);
    SortedRecord record;
    while (next(record)) merged->write(record);
    started_ = false;
    current_ = nullptr;
    runs_.clear();
    runs_.push_back(std::move(merged));
}

MILLRACE_INLINE_COLD void SortBuffer::spill() {
    constexpr std::size_t kMostRuns = 64;
    sortEntries();
    runs_.push_back(std::make_unique<Run>(directory_));
    for (const Entry& entry : records_.entries) runs_.back()->write(at(entry));
    records_.entries.clear();
    records_.bytes.clear();
    if (runs_.size() == kMostRuns) mergeRuns();
}

MILLRACE_INLINE_COLD void SortBuffer::sort() {
    sortEntries();
    for (const auto& run : runs_) {
        run->rewind();
        run->ended = !run->read();
    }
}

/// Finds the smallest head. There are few runs (data / budget), so a plain search does. On a tie the earlier run wins, and
/// the memory, which came last, loses.
MILLRACE_INLINE bool SortBuffer::advance() {
    if (started_) {
        if (current_ != nullptr) {
            current_->ended = !current_->read();
        } else {
            ++nextEntry_;
        }
    }
    started_ = true;
    hasHead_ = false;
    for (const auto& run : runs_) {
        if (run->ended || (hasHead_ && !run->head.isBefore(head_))) continue;
        head_ = run->head;
        current_ = run.get();
        hasHead_ = true;
    }
    if (nextEntry_ < records_.entries.size()) {
        const SortedRecord inMemory = at(records_.entries[nextEntry_]);
        if (!hasHead_ || inMemory.isBefore(head_)) {
            head_ = inMemory;
            current_ = nullptr;
            hasHead_ = true;
        }
    }
    return hasHead_;
}

MILLRACE_INLINE const SortedRecord* SortBuffer::peek() {
    if (!hasHead_ && !advance()) return nullptr;
    return &head_;
}

MILLRACE_INLINE bool SortBuffer::next(SortedRecord& record) {
    if (peek() == nullptr) return false;
    record = head_;
    hasHead_ = false;  // the next call moves on; until then the bytes stay
    return true;
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SORT_BUFFER_IPP
