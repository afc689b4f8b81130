#ifndef MILLRACE_CORE_CONTENT_HASH_HPP
#define MILLRACE_CORE_CONTENT_HASH_HPP

#include <millrace/core/config.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::detail {

/// 128 bits by which bytes are recognised: other bytes have the same with a probability of 2^-128, also where somebody has
/// chosen them who does not know the key.
struct ContentHash {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    auto operator<=>(const ContentHash&) const = default;
};

/// Of `first` and then `second`: SipHash-2-4 with 128 bits. `key` is a secret of one process: nothing stores it, or a hash.
ContentHash contentHash(const ContentHash& key, std::span<const std::byte> first,
                        std::span<const std::byte> second = {});

/// A key that nobody can guess. *Failure:* IoException.
ContentHash randomContentKey();

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/content_hash.ipp>
#endif

#endif  // MILLRACE_CORE_CONTENT_HASH_HPP
