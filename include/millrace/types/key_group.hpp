#ifndef MILLRACE_TYPES_KEY_GROUP_HPP
#define MILLRACE_TYPES_KEY_GROUP_HPP

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

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
    if (h == 0x80000000U) return 0;
    return (h & 0x80000000U) != 0 ? 0U - h : h;
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

/// `keyGroupFor` and `subtaskForKeyGroup` for a whole stream of hashes, without a division per record. @internal
class KeyGroupRouter {
public:
    constexpr KeyGroupRouter(int parallelism, int maxParallelism) noexcept
        : parallelism_(static_cast<std::uint32_t>(parallelism)),
          maxParallelism_(static_cast<std::uint32_t>(maxParallelism)),
          reciprocal_(std::numeric_limits<std::uint64_t>::max() / maxParallelism_ + 1) {}

    constexpr int keyGroup(std::uint32_t keyHash) const noexcept { return static_cast<int>(group(keyHash)); }

    constexpr int subtask(std::uint32_t keyHash) const noexcept {
        // the quotient by multiplication; the reciprocal of 1 does not fit, but then there is one group and one subtask
        return static_cast<int>(multiplyHigh(reciprocal_, group(keyHash) * parallelism_));
    }

private:
    // the remainder by two multiplications: Lemire, Kaser, Kurz, "Faster remainder by direct computation" (2019)
    constexpr std::uint32_t group(std::uint32_t keyHash) const noexcept {
        return static_cast<std::uint32_t>(multiplyHigh(reciprocal_ * keyGroupHash(keyHash), maxParallelism_));
    }
    static constexpr std::uint64_t multiplyHigh(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint64_t>((static_cast<Wide>(a) * b) >> 64);
    }

    std::uint32_t parallelism_;
    std::uint32_t maxParallelism_;
    std::uint64_t reciprocal_;
};

}  // namespace millrace

#endif  // MILLRACE_TYPES_KEY_GROUP_HPP
