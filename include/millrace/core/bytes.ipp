#include <millrace/core/bytes.hpp>
#include <millrace/core/message.hpp>

namespace millrace {

MILLRACE_INLINE_COLD void ByteWriter::failLength(std::size_t count) {
    detail::raise<CodecException>("cannot encode {} elements or bytes in one value: at most 4294967295 are supported",
                                  {count});
}
MILLRACE_INLINE_COLD void ByteWriter::failOverwrite(std::size_t position) const {
    detail::raise<CodecException>("overwrite at byte {} of {}", {position, size_});
}

MILLRACE_INLINE_COLD void ByteReader::fail(const std::string& problem) const {
    detail::raise<CodecException>("cannot decode: at byte {} of {}: {}", {offset(), end_ - begin_, problem});
}
MILLRACE_INLINE_COLD void ByteReader::failShort(std::size_t count, const char* what) const {
    fail(detail::message("expected {} of {} bytes, found {}", {what, count, remaining()}));
}
MILLRACE_INLINE_COLD void ByteReader::failLength(std::size_t count, const char* what) const {
    fail(detail::message("expected {} with {} elements, found only {} bytes", {what, count, remaining()}));
}
MILLRACE_INLINE_COLD void ByteReader::expectVersion(std::uint8_t expected) {
    if (const auto found = read<std::uint8_t>("a format version"); found != expected) {
        fail(detail::message("format version {} expected, found {}", {expected, found}));
    }
}
MILLRACE_INLINE_COLD void ByteReader::failEnd() const {
    fail(detail::message("expected the end, found {} more bytes", {remaining()}));
}

}  // namespace millrace
