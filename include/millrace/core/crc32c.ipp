#ifndef MILLRACE_CORE_CRC32C_IPP
#define MILLRACE_CORE_CRC32C_IPP

#include <millrace/core/crc32c.hpp>

#include <cstring>

namespace millrace::detail {

/// tables[k][b]: the checksum's change by byte b when k more bytes follow.
struct Crc32cTables {
    Crc32cTables() noexcept {
        for (std::uint32_t b = 0; b < 256; ++b) {
            std::uint32_t crc = b;
            for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1)));
            tables[0][b] = crc;
        }
        for (std::uint32_t b = 0; b < 256; ++b) {
            for (int k = 1; k < 8; ++k) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
        }
    }
    std::uint32_t tables[8][256];
};

MILLRACE_INLINE std::uint32_t crc32cByTables(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
    static const Crc32cTables kTables;
    const auto& t = kTables.tables;
    std::uint32_t crc = ~before;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; ++k) crc ^= t[7 - k][(word >> (8 * k)) & 0xff];
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ t[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
    return ~crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("sse4.2"))) inline std::uint32_t crc32cBySse42(std::span<const std::byte> bytes,
                                                                     std::uint32_t before) noexcept {
    std::uint64_t crc = static_cast<std::uint32_t>(~before);
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        unsigned long long word;
        std::memcpy(&word, at, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    auto rest = static_cast<std::uint32_t>(crc);
    for (; left > 0; --left, ++at) rest = __builtin_ia32_crc32qi(rest, std::to_integer<unsigned char>(*at));
    return ~rest;
}
#endif

MILLRACE_INLINE std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
    if (kHasInstruction) return crc32cBySse42(bytes, before);
#endif
    return crc32cByTables(bytes, before);
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_CRC32C_IPP
