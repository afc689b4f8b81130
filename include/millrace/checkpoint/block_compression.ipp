#ifndef MILLRACE_CHECKPOINT_BLOCK_COMPRESSION_IPP
#define MILLRACE_CHECKPOINT_BLOCK_COMPRESSION_IPP

#include <millrace/checkpoint/block_compression.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

#include <new>

#ifdef MILLRACE_HAS_ZSTD
#if !__has_include(<zstd.h>)
#error "millrace: MILLRACE_HAS_ZSTD is defined, but there is no zstd.h (Debian: libzstd-dev)."
#endif
#include <zstd.h>
#endif

namespace millrace {

namespace detail {

inline constexpr std::string_view kZstdName = "zstd";
inline constexpr const char* kZstdHint =
    "build it with zstd (Debian: libzstd-dev): millrace's CMake targets find it by themselves, others define "
    "MILLRACE_HAS_ZSTD and link zstd";

#ifdef MILLRACE_HAS_ZSTD

inline constexpr bool kHasZstd = true;
/// Of entries of plain numbers level 3 makes nothing smaller, and takes a quarter longer.
inline constexpr int kZstdLevel = 1;

struct BlockCompressor::Context {
    Context() : zstd(ZSTD_createCCtx()) {
        if (zstd == nullptr) throw std::bad_alloc();
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, kZstdLevel);
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { ZSTD_freeCCtx(zstd); }

    ZSTD_CCtx* zstd;
    std::vector<std::byte> output;
};

MILLRACE_INLINE_COLD std::span<const std::byte> BlockCompressor::compress(std::span<const std::byte> first,
                                                                          std::span<const std::byte> second) {
    if (context_ == nullptr) return {};
    ZSTD_CCtx* const zstd = context_->zstd;
    const std::size_t size = first.size() + second.size();
    std::vector<std::byte>& output = context_->output;
    if (const std::size_t bound = ZSTD_compressBound(size); output.size() < bound) output.resize(bound);
    ZSTD_CCtx_reset(zstd, ZSTD_reset_session_only);
    ZSTD_CCtx_setPledgedSrcSize(zstd, size);
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    ZSTD_inBuffer in{first.data(), first.size(), 0};
    while (in.pos < in.size) {
        if (ZSTD_isError(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_continue)) != 0) return {};
    }
    in = {second.data(), second.size(), 0};
    if (ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_end) != 0) return {};  // an error, or no room: not with the bound
    block_.clear();
    block_.writeString(kZstdName);
    block_.write(static_cast<std::uint64_t>(size));
    block_.writeBytes(output.data(), out.pos);
    if (size > mostUncompressedBytes(out.pos)) {
        // hardly more than one value: a frame of zeros that zstd skips makes it long enough to be believed
        const std::size_t padding = (size - mostUncompressedBytes(out.pos)) / 1024 + 1;
        block_.write(std::uint32_t{0x184D2A50});
        block_.write(static_cast<std::uint32_t>(padding));
        block_.writeBytes(std::vector<std::byte>(padding));
    }
    return block_.size() < size ? block_.bytes() : std::span<const std::byte>();
}

[[gnu::cold]] inline void decompressZstd(std::span<const std::byte> from, std::span<std::byte> into) {
    const std::size_t got = ZSTD_decompress(into.data(), into.size(), from.data(), from.size());
    if (ZSTD_isError(got) != 0) throw CodecException(message("zstd says: {}", {ZSTD_getErrorName(got)}));
    if (got != into.size()) {
        throw CodecException(message("{} bytes were expected of zstd, but it gave {}", {into.size(), got}));
    }
}

#else

inline constexpr bool kHasZstd = false;

struct BlockCompressor::Context {};

MILLRACE_INLINE_COLD std::span<const std::byte> BlockCompressor::compress(std::span<const std::byte>,
                                                                          std::span<const std::byte>) {
    return {};
}

[[noreturn, gnu::cold]] inline void decompressZstd(std::span<const std::byte>, std::span<std::byte>) {
    raise<ConfigurationException>("compressed by zstd, which this program was built without; {}", {kZstdHint});
}

#endif

MILLRACE_INLINE_COLD void requireCompression(SnapshotCompression compression, std::string_view who) {
    if (isAvailable(compression)) return;
    raise<ConfigurationException>("{}compression by zstd was asked for, which this program was built without; {}",
                                  {who, kZstdHint});
}

MILLRACE_INLINE_COLD BlockCompressor::BlockCompressor(SnapshotCompression compression) {
    requireCompression(compression, "");
    if (compression == SnapshotCompression::Zstd) context_ = std::make_unique<Context>();
}

MILLRACE_INLINE_COLD BlockCompressor::~BlockCompressor() = default;

MILLRACE_INLINE_COLD std::vector<std::byte> decompressBlock(std::span<const std::byte> block) {
    ByteReader reader(block);
    const std::string_view name = reader.readString();
    const auto size = reader.read<std::uint64_t>("a number of bytes");
    if (name != kZstdName) {
        raise<ConfigurationException>(
            "compressed by '{}', which this version of millrace does not know. Restore it with the version that wrote "
            "it, or a later one",
            {name});
    }
    const std::span<const std::byte> compressed = reader.readBytes(reader.remaining());
    if (size > mostUncompressedBytes(compressed.size())) {
        reader.fail(message("{} compressed bytes cannot be {}", {compressed.size(), size}));
    }
    if (!kHasZstd) decompressZstd(compressed, {});
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    decompressZstd(compressed, bytes);
    return bytes;
}

}  // namespace detail

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_BLOCK_COMPRESSION_IPP
