#ifndef MILLRACE_CONNECTORS_FILE_LINE_READER_IPP
#define MILLRACE_CONNECTORS_FILE_LINE_READER_IPP

#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace millrace::detail {

MILLRACE_INLINE bool FileDescriptor::reset() noexcept {
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || ::close(descriptor) == 0;
}

MILLRACE_INLINE void failFile(const char* action, const std::string& path, int errorNumber) {
    throw IoException(std::string("cannot ") + action + " '" + path +
                      "': " + std::generic_category().message(errorNumber));
}

MILLRACE_INLINE std::size_t FileLineReader::readAt(char* into, std::size_t size, std::uint64_t offset) {
    for (;;) {
        const ssize_t got = ::pread(file_.get(), into, size, static_cast<off_t>(offset));
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) failFile("read", path_, errno);
    }
}

MILLRACE_INLINE void FileLineReader::open(std::string path, std::uint64_t start, std::uint64_t end,
                                          std::uint64_t next) {
    path_ = std::move(path);
    file_ = FileDescriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.isOpen()) failFile("open", path_, errno);
    if (buffer_ == nullptr) {
        capacity_ = 256 * 1024;
        buffer_.reset(new char[capacity_]);
    }
    end_ = end;
    countedOffset_ = 0;
    countedLine_ = 1;

    // A part begins with the first line at or behind its start: found by reading on from the byte before it.
    const bool align = next == start && start > 0;
    bufferOffset_ = lineOffset_ = align ? start - 1 : next;
    cursor_ = limit_ = buffer_.get();
    if (align) {
        end_ = start;  // for the one line that belongs to the part before
        std::string_view before;
        (void)this->next(before);
        end_ = end;
    } else if (next == 0) {
        limit_ += readAt(buffer_.get(), capacity_, 0);
        constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
        if (std::string_view(cursor_, static_cast<std::size_t>(limit_ - cursor_)).starts_with(kByteOrderMark)) {
            cursor_ += kByteOrderMark.size();
        }
    }
}

MILLRACE_INLINE bool FileLineReader::nextBeyondBuffer(std::string_view& line) {
    constexpr std::size_t kLongestLine = std::size_t{1} << 28;
    std::size_t size = static_cast<std::size_t>(limit_ - cursor_);
    std::size_t searched = size;
    bufferOffset_ = lineOffset_;
    if (size > 0) std::memmove(buffer_.get(), cursor_, size);
    for (;;) {
        if (size == capacity_) {
            if (size >= kLongestLine) {
                throw FormatException(path_ + ":" + std::to_string(lineNumber()) + ": expected the line's end within " +
                                      std::to_string(kLongestLine >> 20) + " MiB, found none");
            }
            Owner<char[]> larger(new char[capacity_ * 2]);
            std::memcpy(larger.get(), buffer_.get(), size);
            buffer_ = std::move(larger);
            capacity_ *= 2;
        }
        const std::size_t got = readAt(buffer_.get() + size, capacity_ - size, bufferOffset_ + size);
        size += got;
        limit_ = buffer_.get() + size;
        cursor_ = buffer_.get();
        const char* const from = buffer_.get() + searched;
        const auto* const newline = static_cast<const char*>(std::memchr(from, '\n', size - searched));
        if (newline != nullptr || got == 0) {
            const char* lineEnd = newline != nullptr ? newline : limit_;
            cursor_ = newline != nullptr ? newline + 1 : limit_;
            if (lineEnd != buffer_.get() && lineEnd[-1] == '\r') --lineEnd;
            line = {buffer_.get(), static_cast<std::size_t>(lineEnd - buffer_.get())};
            return size > 0;
        }
        searched = size;
    }
}

MILLRACE_INLINE std::uint64_t FileLineReader::lineNumber() {
    char bytes[64 * 1024];
    while (countedOffset_ < lineOffset_) {
        const auto wanted = std::min<std::uint64_t>(sizeof bytes, lineOffset_ - countedOffset_);
        const std::size_t got = readAt(bytes, static_cast<std::size_t>(wanted), countedOffset_);
        if (got == 0) break;  // the file has been cut meanwhile
        countedLine_ += static_cast<std::uint64_t>(std::count(bytes, bytes + got, '\n'));
        countedOffset_ += got;
    }
    return countedLine_;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_FILE_LINE_READER_IPP
