#ifndef MILLRACE_TYPES_KEY_GROUP_HPP
#define MILLRACE_TYPES_KEY_GROUP_HPP

#include <millrace/core/algorithm.hpp>

#include <bit>
#include <cstdint>

// Flink's arithmetic of key groups (KeyGroupRangeAssignment, MathUtils.murmurHash), so that a snapshot's key groups mean
// the same there and here. Frozen: a change would send keys of old snapshots to the wrong subtask.

namespace millrace {

/// Most key groups a job can have. @public
inline constexpr int kMaxParallelismLimit = 1 << 15;

/// MurmurHash3 (32 bits, by Austin Appleby, public domain) of one 32-bit word, made non-negative as Flink does it.
constexpr std::uint32_t keyGroupHash(std::uint32_t keyHash) noexcept {
    std::uint32_t h = keyHash * 0xcc9e2d51U;
    h = std::rotl(h, 15) * 0x1b873593U;
    h = std::rotl(h, 13) * 5 + 0xe6546b64U;
    h ^= 4;  // the length in bytes
    h = (h ^ (h >> 16)) * 0x85ebca6bU;
    h = (h ^ (h >> 13)) * 0xc2b2ae35U;
    h ^= h >> 16;
    // the absolute value, and 0 for the one that has none; half of all hashes are negative, so without a branch
    const std::uint32_t sign = 0U - (h >> 31);
    return ((h ^ sign) - sign) & 0x7fffffffU;
}

/// The key group of a key with the given `keyHash`: 0 … maxParallelism - 1. @public
constexpr int keyGroupFor(std::uint32_t keyHash, int maxParallelism) noexcept {
    return static_cast<int>(keyGroupHash(keyHash) % static_cast<std::uint32_t>(maxParallelism));
}

/// The subtask that owns a key group. @public
constexpr int subtaskForKeyGroup(int keyGroup, int parallelism, int maxParallelism) noexcept {
    return keyGroup * parallelism / maxParallelism;
}

/// Key groups `first` to `last`, both included. Empty if `last < first`. @public
struct KeyGroupRange {
    int first = 0;
    int last = -1;

    constexpr int size() const noexcept { return last - first + 1; }
    constexpr bool empty() const noexcept { return last < first; }
    constexpr bool contains(int keyGroup) const noexcept { return first <= keyGroup && keyGroup <= last; }
    constexpr bool operator==(const KeyGroupRange&) const = default;
};

/// The key groups that a subtask owns. @public
constexpr KeyGroupRange keyGroupRange(int subtask, int parallelism, int maxParallelism) noexcept {
    return {(subtask * maxParallelism + parallelism - 1) / parallelism,
            ((subtask + 1) * maxParallelism - 1) / parallelism};
}

/// What an operator of the given parallelism gets if no maximum was set: enough to grow by half, at least 128. @public
constexpr int defaultMaxParallelism(int parallelism) noexcept {
    const auto half = static_cast<std::uint32_t>(std::clamp(parallelism, 1, kMaxParallelismLimit));
    return static_cast<int>(std::clamp<std::uint32_t>(std::bit_ceil(half + half / 2), 128, kMaxParallelismLimit));
}

/// `keyGroupFor` and `subtaskForKeyGroup` for a whole stream of hashes: without a division per record, and in a form
/// that compilers vectorise. @internal
class KeyGroupRouter {
public:
    constexpr KeyGroupRouter(int parallelism, int maxParallelism) noexcept
        : parallelism_(static_cast<std::uint32_t>(parallelism)),
          maxParallelism_(static_cast<std::uint32_t>(maxParallelism)), shift_(31 + std::bit_width(maxParallelism_ - 1)),
          reciprocal_(static_cast<std::uint32_t>(((std::uint64_t{1} << shift_) - 1) / maxParallelism_ + 1)) {}

    constexpr int keyGroup(std::uint32_t keyHash) const noexcept { return static_cast<int>(group(keyHash)); }

    constexpr int subtask(std::uint32_t keyHash) const noexcept {
        return static_cast<int>(quotient(group(keyHash) * parallelism_));
    }

private:
    // n / maxParallelism for n < 2^31. The reciprocal R = ceil(2^s / d) is (2^s + e) / d with e < d <= 2^(s - 31), so
    // n * e < 2^s and the quotient is exact (Granlund, Montgomery, "Division by invariant integers using multiplication")
    constexpr std::uint32_t quotient(std::uint32_t n) const noexcept {
        return static_cast<std::uint32_t>((std::uint64_t{n} * reciprocal_) >> shift_);
    }
    constexpr std::uint32_t group(std::uint32_t keyHash) const noexcept {
        const std::uint32_t hash = keyGroupHash(keyHash);
        return hash - quotient(hash) * maxParallelism_;
    }

    std::uint32_t parallelism_;
    std::uint32_t maxParallelism_;
    int shift_;
    std::uint32_t reciprocal_;
};

}  // namespace millrace

#endif  // MILLRACE_TYPES_KEY_GROUP_HPP
