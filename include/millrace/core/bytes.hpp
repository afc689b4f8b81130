#ifndef MILLRACE_CORE_BYTES_HPP
#define MILLRACE_CORE_BYTES_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/owner.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

static_assert(std::endian::native == std::endian::little, "millrace: only little-endian machines are supported");

/// What is written as its own bytes, little endian: integers, floating point numbers, enums, `std::byte`.
template <class T>
concept FixedBytes = (std::is_arithmetic_v<T> || std::is_enum_v<T>)&&sizeof(T) <= 8;

/// A buffer of bytes that grows; `clear()` keeps the memory. @public
class ByteWriter {
public:
    ByteWriter() = default;
    explicit ByteWriter(std::size_t capacity) { reserve(capacity); }
    ByteWriter(ByteWriter&& other) noexcept
        : buffer_(std::move(other.buffer_)), size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    ByteWriter& operator=(ByteWriter&& other) noexcept {
        buffer_ = std::move(other.buffer_);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
        return *this;
    }

    std::span<const std::byte> bytes() const noexcept { return {buffer_.get(), size_}; }
    template <class Byte = std::byte>  // a template so that only those who call it compile it
    std::vector<Byte> toVector() const {
        const Byte* const bytes = buffer_.get();
        return {bytes, bytes + size_};
    }
    const std::byte* data() const noexcept { return buffer_.get(); }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    void clear() noexcept { size_ = 0; }

    /// Room for `count` more bytes.
    void reserve(std::size_t count) {
        if (capacity_ - size_ < count) grow(count);
    }

    /// `count` more bytes, which the caller fills before anything else is written.
    std::byte* extend(std::size_t count) {
        reserve(count);
        return buffer_.get() + std::exchange(size_, size_ + count);
    }

    template <FixedBytes T>
    void write(T value) {
        std::memcpy(extend(sizeof(T)), &value, sizeof(T));
    }

    void writeBytes(const void* data, std::size_t count) {
        if (count == 0) return;
        std::memcpy(extend(count), data, count);
    }
    void writeBytes(std::span<const std::byte> bytes) { writeBytes(bytes.data(), bytes.size()); }

    /// Number of elements that follow, in 32 bits. *Failure:* CodecException for more than 2^32 - 1.
    void writeLength(std::size_t count) {
        if (count > std::numeric_limits<std::uint32_t>::max()) [[unlikely]] {
            failLength(count);
        }
        write(static_cast<std::uint32_t>(count));
    }

    /// Length and bytes of a text.
    void writeString(std::string_view text) {
        writeLength(text.size());
        writeBytes(text.data(), text.size());
    }

    /// Replaces what was written at `position`, such as a length that is known only afterwards.
    template <FixedBytes T>
    void overwrite(std::size_t position, T value) {
        if (position > size_ || size_ - position < sizeof(T)) [[unlikely]] {
            failOverwrite(position);
        }
        std::memcpy(buffer_.get() + position, &value, sizeof(T));
    }

private:
    [[noreturn]] static void failLength(std::size_t count);
    [[noreturn]] void failOverwrite(std::size_t position) const;
    [[gnu::noinline]] void grow(std::size_t count) {
        const std::size_t capacity = std::max({std::size_t{256}, 2 * capacity_, size_ + count});
        detail::Owner<std::byte[]> larger(new std::byte[capacity]);
        if (size_ != 0) std::memcpy(larger.get(), buffer_.get(), size_);
        buffer_ = std::move(larger);
        capacity_ = capacity;
    }

    detail::Owner<std::byte[]> buffer_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// Reads bytes that are not trusted: nothing is read or allocated beyond what is there. @public
/// *Failure:* every function throws CodecException naming the offset and what was expected there.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) noexcept
        : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
    std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

    /// Throws unless `count` more bytes follow; then as many may be read with `readUnchecked`.
    void require(std::size_t count, const char* what = "a value") const {
        if (remaining() < count) [[unlikely]] {
            failShort(count, what);
        }
    }

    template <FixedBytes T>
    T read(const char* what = "a value") {
        require(sizeof(T), what);
        return readUnchecked<T>();
    }

    /// As `read`, after a `require` that covers it.
    template <FixedBytes T>
    T readUnchecked() noexcept {
        T value;
        std::memcpy(&value, at_, sizeof(T));
        at_ += sizeof(T);
        return value;
    }

    /// The next `count` bytes; valid as long as the bytes the reader was made from.
    std::span<const std::byte> readBytes(std::size_t count, const char* what = "bytes") {
        require(count, what);
        const std::byte* const data = at_;
        at_ += count;
        return {data, count};
    }

    /// A number of elements of which each takes at least `minBytesEach` (not 0) bytes: never more than can follow.
    std::size_t readLength(std::size_t minBytesEach = 1, const char* what = "a list") {
        const auto count = static_cast<std::size_t>(read<std::uint32_t>("a length"));
        if (count > remaining() / minBytesEach) [[unlikely]] {
            failLength(count, what);
        }
        return count;
    }

    /// A text, as `ByteWriter::writeString` wrote it; valid as long as the bytes the reader was made from.
    std::string_view readString() {
        const std::size_t count = readLength(1, "a string");
        const auto text = readBytes(count);
        return {reinterpret_cast<const char*>(text.data()), text.size()};
    }

    /// Reads the version that saved bytes begin with. Throws if it is another one.
    void expectVersion(std::uint8_t expected);
    /// Throws if anything follows.
    void expectEnd() const {
        if (at_ != end_) [[unlikely]] {
            failEnd();
        }
    }

    [[noreturn]] void fail(const std::string& problem) const;

private:
    [[noreturn]] void failShort(std::size_t count, const char* what) const;
    [[noreturn]] void failLength(std::size_t count, const char* what) const;
    [[noreturn]] void failEnd() const;

    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/bytes.ipp>
#endif

#endif  // MILLRACE_CORE_BYTES_HPP
