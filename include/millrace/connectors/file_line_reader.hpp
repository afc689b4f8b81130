#ifndef MILLRACE_CONNECTORS_FILE_LINE_READER_HPP
#define MILLRACE_CONNECTORS_FILE_LINE_READER_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/owner.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// An open file that is closed with its owner.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~FileDescriptor() { reset(); }

    int get() const noexcept { return descriptor_; }
    bool isOpen() const noexcept { return descriptor_ >= 0; }
    /// Closes. False if that reports an error (data that could not be written after all); errno says which.
    bool reset() noexcept;

private:
    int descriptor_ = -1;
};

/// Throws IoException: "cannot <action> '<path>': <text of the error number>".
[[noreturn]] void failFile(const char* action, const std::string& path, int errorNumber);

/// Cuts the part [start, end) of a file into lines: those that begin in it, so that the lines of adjacent parts are
/// together all lines, each once. The last line of a part may reach beyond its end.
/// A line ends with "\n" or "\r\n" (not part of it), the last one of the file also without. A UTF-8 byte order mark at
/// the start of the file is skipped.
class FileLineReader {
public:
    /// Starts at `next`: `start` for a new part, or what `position()` gave.
    void open(std::string path, std::uint64_t start, std::uint64_t end, std::uint64_t next);
    void close() noexcept { file_ = FileDescriptor(); }

    /// The next line; valid until the next call. False: no line begins before the part's end any more.
    bool next(std::string_view& line) {
        lineOffset_ = position();
        if (lineOffset_ >= end_) return false;
        const auto* const newline =
            static_cast<const char*>(std::memchr(cursor_, '\n', static_cast<std::size_t>(limit_ - cursor_)));
        if (newline == nullptr) [[unlikely]] {
            return nextBeyondBuffer(line);
        }
        const char* const lineEnd = newline != cursor_ && newline[-1] == '\r' ? newline - 1 : newline;
        line = {cursor_, static_cast<std::size_t>(lineEnd - cursor_)};
        cursor_ = newline + 1;
        return true;
    }

    /// Where in the file the line last returned begins.
    std::uint64_t lineOffset() const noexcept { return lineOffset_; }
    /// Where in the file the next line begins.
    std::uint64_t position() const noexcept {
        return bufferOffset_ + static_cast<std::uint64_t>(cursor_ - buffer_.get());
    }
    /// Number of the line last returned, from 1. Counts only now, from the start of the file or the last question on.
    std::uint64_t lineNumber();

    const std::string& path() const noexcept { return path_; }

private:
    bool nextBeyondBuffer(std::string_view& line);
    std::size_t readAt(char* into, std::size_t size, std::uint64_t offset);

    std::string path_;
    FileDescriptor file_;
    Owner<char[]> buffer_;
    std::size_t capacity_ = 0;
    const char* cursor_ = nullptr;  // the unread bytes of the buffer: [cursor_, limit_)
    const char* limit_ = nullptr;
    std::uint64_t bufferOffset_ = 0;  // of the buffer's first byte in the file
    std::uint64_t end_ = 0;
    std::uint64_t lineOffset_ = 0;
    std::uint64_t countedOffset_ = 0;  // the line that begins here has the number countedLine_
    std::uint64_t countedLine_ = 1;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/file_line_reader.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_FILE_LINE_READER_HPP
