#ifndef MILLRACE_STATE_TABLE_SLOT_HPP
#define MILLRACE_STATE_TABLE_SLOT_HPP

#include <millrace/types/key_hash.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Multiplicative (Fibonacci) hashing: the high bits place the entry. Dense integers then hardly collide.
inline constexpr std::uint64_t kFibonacci = 0x9E3779B97F4A7C15u;
/// By which to multiply to undo it, modulo 2^64 and lower powers of two.
inline constexpr std::uint64_t kInverse = 0xF1DE83E19937733Du;
static_assert(kFibonacci * kInverse == 1);

template <class Key>
inline constexpr bool kIntegerKey = (std::is_integral_v<Key> || std::is_enum_v<Key>)&&sizeof(Key) <= 8;

/// Whether a stored key equals what a selector returned: the key itself, a view of it, a tuple of references…
template <class Key, class K>
bool sameKey(const Key& stored, const K& key) {
    if constexpr (requires {
                      { stored == key } -> std::convertible_to<bool>;
                  }) {
        if constexpr (std::is_floating_point_v<Key> && std::is_same_v<Key, K>) {
            return stored == key || (stored != stored && key != key);  // NaN is one key, as its hash says
        } else {
            return stored == key;
        }
    } else {
        return stored == Key(key);
    }
}

template <class Key>
struct StoredInteger {
    using Type = Key;
};
template <>
struct StoredInteger<bool> {
    using Type = std::uint8_t;
};
template <class Key>
    requires std::is_enum_v<Key>
struct StoredInteger<Key> : StoredInteger<std::underlying_type_t<Key>> {};

/// An entry of a table: key and value side by side, or free. A value lives exactly while the entry is occupied; zeroed
/// memory is a free entry.
template <class Key, class Value>
struct TableSlot {
    static constexpr std::uint32_t kFree = 0;

    std::uint32_t tag;  ///< part of the hash, never 0 when occupied
    union {
        Key storedKey;
    };
    union {
        Value value;
    };

    static std::uint64_t hashOf(std::uint32_t keyHash) noexcept { return (keyHash + std::uint64_t{1}) * kFibonacci; }
    template <class K>
    static std::uint64_t hashOf(const K& key) {
        return hashOf(static_cast<std::uint32_t>(keyHash(key)));
    }
    static std::uint32_t tagOf(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash) | 1; }

    bool occupied() const noexcept { return tag != kFree; }
    template <class K>
    bool holds(const K& key, std::uint64_t hash) const {
        return tag == tagOf(hash) && sameKey(storedKey, key);
    }
    template <class K>
    static std::uint64_t hashByCall(const K& key) {
        return hashOf(keyHashByCall(key));
    }
    std::uint64_t storedHash() const { return hashByCall(storedKey); }

    template <class K>
    void occupy(const K& key, std::uint64_t hash) {
        std::construct_at(&storedKey, key);
        tag = tagOf(hash);
    }
    /// Ends the value and the key.
    void release() noexcept {
        std::destroy_at(&value);
        std::destroy_at(&storedKey);
        tag = kFree;
    }
    /// Takes key and value over, from an occupied entry into a free one. If one of them may throw both are copied, where
    /// that is possible: the table is then unchanged when growing fails.
    void moveFrom(TableSlot& other) {
        constexpr bool kMoves =
            std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_constructible_v<Value>;
        constexpr bool kCopies = std::is_copy_constructible_v<Key> && std::is_copy_constructible_v<Value>;
        if constexpr (kMoves || !kCopies) {
            std::construct_at(&value, std::move(other.value));
            std::construct_at(&storedKey, std::move(other.storedKey));
        } else {
            std::construct_at(&value, std::as_const(other.value));
            try {
                std::construct_at(&storedKey, std::as_const(other.storedKey));
            } catch (...) {
                std::destroy_at(&value);
                throw;
            }
        }
        tag = other.tag;
    }
};

/// Integer keys need no tag, and are not stored as they are: multiplying by an odd number loses nothing, so the hash tells the
/// key. One key, `kSideKey`, has the hash 0, which means "free"; its entry is kept elsewhere. It is a key that is hardly used.
template <class Key, class Value>
    requires kIntegerKey<Key>
struct TableSlot<Key, Value> {
    using Stored = typename StoredInteger<Key>::Type;
    using Unsigned = std::make_unsigned_t<Stored>;
    static constexpr Stored kSideKey =
        std::is_signed_v<Stored> ? std::numeric_limits<Stored>::min() : std::numeric_limits<Stored>::max();

    Unsigned lowHash;  ///< all of it that there is memory for: enough to know the key by
    union {
        Value value;
    };

    static std::uint64_t hashOf(Key key) noexcept {
        return static_cast<Unsigned>(static_cast<Unsigned>(key) - static_cast<Unsigned>(kSideKey)) * kFibonacci;
    }
    /// Not of the entry that is kept elsewhere: whoever keeps it knows its key.
    Key key() const noexcept {
        return static_cast<Key>(static_cast<Stored>(lowHash * kInverse + static_cast<Unsigned>(kSideKey)));
    }

    bool occupied() const noexcept { return lowHash != 0; }
    bool holds(Key, std::uint64_t hash) const noexcept { return lowHash == static_cast<Unsigned>(hash); }
    std::uint64_t storedHash() const noexcept {
        if constexpr (sizeof(Stored) == sizeof(std::uint64_t)) {
            return lowHash;
        } else {
            return hashOf(key());
        }
    }

    void occupy(Key, std::uint64_t hash) noexcept { lowHash = static_cast<Unsigned>(hash); }
    void release() noexcept {
        std::destroy_at(&value);
        lowHash = 0;
    }
    void moveFrom(TableSlot& other) {
        std::construct_at(&value, std::move_if_noexcept(other.value));
        lowHash = other.lowHash;
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TABLE_SLOT_HPP
