#ifndef MILLRACE_CORE_CONTENT_HASH_IPP
#define MILLRACE_CORE_CONTENT_HASH_IPP

#include <millrace/core/content_hash.hpp>

#include <bit>
#include <cstring>

namespace millrace::detail {

inline std::uint64_t mixContent(std::uint64_t z) noexcept {
    z = (z ^ (z >> 33)) * 0xff51afd7ed558ccdULL;
    z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return z ^ (z >> 33);
}

/// MurmurHash3 of 128 bits, going on from `seed`.
MILLRACE_INLINE ContentHash hashContent(std::span<const std::byte> bytes, ContentHash seed) {
    constexpr std::uint64_t kFirst = 0x87c37b91114253d5ULL;
    constexpr std::uint64_t kSecond = 0x4cf5ad432745937fULL;
    std::uint64_t low = seed.low;
    std::uint64_t high = seed.high;
    const auto add = [&](std::uint64_t a, std::uint64_t b) {
        low ^= std::rotl(a * kFirst, 31) * kSecond;
        low = (std::rotl(low, 27) + high) * 5 + 0x52dce729;
        high ^= std::rotl(b * kSecond, 33) * kFirst;
        high = (std::rotl(high, 31) + low) * 5 + 0x38495ab5;
    };
    const std::byte* at = bytes.data();
    std::uint64_t words[2];
    std::size_t left = bytes.size();
    for (; left >= sizeof words; at += sizeof words, left -= sizeof words) {
        std::memcpy(words, at, sizeof words);
        add(words[0], words[1]);
    }
    if (left > 0) {
        std::memset(words, 0, sizeof words);
        std::memcpy(words, at, left);
        add(words[0], words[1]);
    }
    low ^= bytes.size();
    high ^= bytes.size();
    low += high;
    high += low;
    low = mixContent(low);
    high = mixContent(high);
    low += high;
    return {low, high + low};
}

MILLRACE_INLINE ContentHash contentHash(std::span<const std::byte> first, std::span<const std::byte> second) {
    const ContentHash hash = hashContent(first, {});
    return second.empty() ? hash : hashContent(second, hash);
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_CONTENT_HASH_IPP
