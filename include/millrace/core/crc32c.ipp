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
// The instruction takes three cycles, and one can begin in each: so long input is gone through in three places at once, and the
// three remainders are put together. From Mark Adler's crc32c.c (stackoverflow.com/a/17646775); what a remainder becomes by so
// many zeros is linear in its bits.

inline constexpr std::size_t kCrc32cStride = 1024;

__attribute__((target("sse4.2"))) inline std::uint32_t crc32cOfWord(std::uint32_t crc, const std::byte* at) noexcept {
    unsigned long long word;
    std::memcpy(&word, at, 8);
    return static_cast<std::uint32_t>(__builtin_ia32_crc32di(crc, word));
}

/// What a remainder becomes when kCrc32cStride zeros follow, by its bytes.
struct Crc32cStrideTables {
    Crc32cStrideTables() noexcept {
        constexpr std::byte kZeros[8] = {};
        for (std::uint32_t bit = 0; bit < 32; ++bit) {
            std::uint32_t crc = std::uint32_t{1} << bit;
            for (std::size_t i = 0; i < kCrc32cStride; i += 8) crc = crc32cOfWord(crc, kZeros);
            std::uint32_t* const table = tables[bit / 8];
            for (std::uint32_t b = 1u << bit % 8, i = 0; i < b; ++i) table[b + i] = table[i] ^ crc;
        }
    }
    std::uint32_t shift(std::uint32_t crc) const noexcept {
        return tables[0][crc & 0xff] ^ tables[1][crc >> 8 & 0xff] ^ tables[2][crc >> 16 & 0xff] ^ tables[3][crc >> 24];
    }
    std::uint32_t tables[4][256] = {};
};

__attribute__((target("sse4.2"))) inline std::uint32_t crc32cBySse42(std::span<const std::byte> bytes,
                                                                     std::uint32_t before) noexcept {
    std::uint32_t crc = ~before;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    if (left >= 3 * kCrc32cStride) {
        static const Crc32cStrideTables kTables;
        for (; left >= 3 * kCrc32cStride; left -= 3 * kCrc32cStride, at += 3 * kCrc32cStride) {
            std::uint32_t second = 0;
            std::uint32_t third = 0;
            for (std::size_t i = 0; i < kCrc32cStride; i += 8) {
                crc = crc32cOfWord(crc, at + i);
                second = crc32cOfWord(second, at + kCrc32cStride + i);
                third = crc32cOfWord(third, at + 2 * kCrc32cStride + i);
            }
            crc = kTables.shift(kTables.shift(crc) ^ second) ^ third;
        }
    }
    for (; left >= 8; left -= 8, at += 8) crc = crc32cOfWord(crc, at);
    for (; left > 0; --left, ++at) crc = __builtin_ia32_crc32qi(crc, std::to_integer<unsigned char>(*at));
    return ~crc;
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
