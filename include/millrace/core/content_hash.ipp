#ifndef MILLRACE_CORE_CONTENT_HASH_IPP
#define MILLRACE_CORE_CONTENT_HASH_IPP

#include <millrace/core/content_hash.hpp>
#include <millrace/core/errors.hpp>

#include <bit>
#include <cstring>
#include <string>

#include <sys/random.h>
#include <cerrno>

namespace millrace::detail {

/// The state of SipHash.
struct ContentSip {
    std::uint64_t a;
    std::uint64_t b;
    std::uint64_t c;
    std::uint64_t d;

    void round() noexcept {
        a += b;
        c += d;
        b = std::rotl(b, 13) ^ a;
        d = std::rotl(d, 16) ^ c;
        a = std::rotl(a, 32);
        c += b;
        a += d;
        b = std::rotl(b, 17) ^ c;
        d = std::rotl(d, 21) ^ a;
        c = std::rotl(c, 32);
    }
    void add(std::uint64_t word) noexcept {
        d ^= word;
        round();
        round();
        a ^= word;
    }
    std::uint64_t finish() noexcept {
        for (int i = 0; i < 4; ++i) round();
        return a ^ b ^ c ^ d;
    }
};

MILLRACE_INLINE ContentHash hashContent(std::span<const std::byte> bytes, const ContentHash& key) {
    ContentSip state{key.low ^ 0x736f6d6570736575ULL, key.high ^ 0x646f72616e646f6dULL ^ 0xee,
                     key.low ^ 0x6c7967656e657261ULL, key.high ^ 0x7465646279746573ULL};
    const std::byte* at = bytes.data();
    std::uint64_t word = 0;
    std::size_t left = bytes.size();
    for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
        std::memcpy(&word, at, sizeof word);
        state.add(word);
    }
    word = 0;
    if (left > 0) std::memcpy(&word, at, left);
    state.add(word | std::uint64_t{bytes.size()} << 56);
    state.c ^= 0xee;
    const std::uint64_t low = state.finish();
    state.b ^= 0xdd;
    return {low, state.finish()};
}

MILLRACE_INLINE ContentHash contentHash(const ContentHash& key, std::span<const std::byte> first,
                                        std::span<const std::byte> second) {
    const ContentHash hash = hashContent(first, key);
    return second.empty() ? hash : hashContent(second, hash);  // the hash is as secret as the key
}

MILLRACE_INLINE_COLD ContentHash randomContentKey() {
    ContentHash key;
    if (::getentropy(&key, sizeof key) != 0) {
        throw IoException(std::string("cannot get random bytes from the system: ") + std::strerror(errno));
    }
    return key;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_CONTENT_HASH_IPP
