#ifndef MILLRACE_TYPES_KEY_HASH_HPP
#define MILLRACE_TYPES_KEY_HASH_HPP

#include <millrace/types/type_kind.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace millrace {

/// Makes a type of yours usable as a key where its fields are not: specialise it with
/// `static std::uint64_t of(const T&)`, equal for equal values, and the same in every version of your program. @public
template <class T>
struct KeyHash;

namespace detail {

// ---- the hash of a sequence of 64-bit words
// State h, at first the golden ratio; each word w makes it mix64(h ^ w). mix64 is the finaliser of MurmurHash3 (64
// bits, by Austin Appleby, public domain): two multiplications per word, every bit of the input reaches every bit.

inline constexpr std::uint64_t kKeyHashSeed = 0x9e3779b97f4a7c15U;

constexpr std::uint64_t mix64(std::uint64_t h) noexcept {
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdU;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53U;
    return h ^ (h >> 33);
}

template <class Word>
inline std::uint64_t loadWord(const char* bytes) noexcept {
    Word word;
    std::memcpy(&word, bytes, sizeof(Word));
    return word;
}

/// The words of a byte string: eight bytes each, little endian; the last one holds the remaining 0 to 7 bytes and, in
/// its highest byte, the lowest byte of the length.
inline std::uint64_t mixBytes(std::uint64_t h, const char* bytes, std::size_t size) noexcept {
    std::uint64_t last = static_cast<std::uint64_t>(size & 0xff) << 56;
    for (; size >= 8; size -= 8, bytes += 8) h = mix64(h ^ loadWord<std::uint64_t>(bytes));
    if (size >= 4) {
        // two loads that overlap: the bytes they share are the same
        last |= loadWord<std::uint32_t>(bytes) | (loadWord<std::uint32_t>(bytes + size - 4) << (8 * (size - 4)));
    } else if (size > 0) {
        last |= loadWord<std::uint8_t>(bytes) | (loadWord<std::uint8_t>(bytes + size / 2) << (8 * (size / 2))) |
                (loadWord<std::uint8_t>(bytes + size - 1) << (8 * (size - 1)));
    }
    return mix64(h ^ last);
}

// ---- which types are keys

template <class T>
concept TextKey = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> ||
                  std::is_same_v<T, const char*> || std::is_same_v<T, char*>;

template <class T>
concept HasOwnKeyHash = requires(const T& key) {
    { KeyHash<T>::of(key) } -> std::convertible_to<std::uint64_t>;
};

template <class T>
constexpr bool isHashableKey();

template <class T>
constexpr bool isHashableKey() {
    using Key = std::remove_cvref_t<T>;
    constexpr TypeKind kind = kTypeKind<Key>;
    if constexpr (HasOwnKeyHash<Key> || TextKey<Key>) {
        return true;
    } else if constexpr (kind == TypeKind::Optional) {
        return isHashableKey<typename Key::value_type>();
    } else if constexpr (kind == TypeKind::Variant || kind == TypeKind::Tuple) {
        return []<template <class...> class Group, class... Part>(std::type_identity<Group<Part...>>) {
            return (isHashableKey<Part>() && ...);
        }(std::type_identity<Key>{});
    } else if constexpr (kind == TypeKind::Array) {
        return isHashableKey<ArrayElement<Key>>();
    } else if constexpr (kind == TypeKind::Aggregate) {
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return (isHashableKey<FieldType<Key, I>>() && ...);
        }(std::make_index_sequence<fieldCount<Key>()>{});
    } else {
        return kind == TypeKind::Boolean || kind == TypeKind::Integer || kind == TypeKind::Floating ||
               kind == TypeKind::Enumeration || kind == TypeKind::Duration || kind == TypeKind::TimePoint;
    }
}

template <class Element>
inline constexpr bool kIsByte =
    sizeof(Element) == 1 &&
    (std::is_integral_v<Element> || std::is_same_v<Element, std::byte>)&&!std::is_same_v<Element, bool>;

// ---- the words of a key

template <class Key>
constexpr std::uint64_t integerWord(Key key) noexcept {
    if constexpr (std::is_enum_v<Key>) {
        return integerWord(static_cast<std::underlying_type_t<Key>>(key));
    } else if constexpr (std::is_same_v<Key, char>) {
        return static_cast<unsigned char>(key);  // char has a sign on some machines only
    } else {
        return static_cast<std::uint64_t>(key);  // extends the sign
    }
}

template <class Key>
constexpr std::uint64_t floatingWord(Key key) noexcept {
    if (key != key) return 0x7ff8000000000000U;                           // one NaN, though no NaN equals another
    return std::bit_cast<std::uint64_t>(static_cast<double>(key) + 0.0);  // + 0.0: -0.0 equals 0.0
}

template <class T>
constexpr std::uint64_t mixKey(std::uint64_t h, const T& key) {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (HasOwnKeyHash<T>) {
        return mix64(h ^ static_cast<std::uint64_t>(KeyHash<T>::of(key)));
    } else if constexpr (TextKey<T>) {
        const std::string_view text(key);
        return mixBytes(h, text.data(), text.size());
    } else if constexpr (kind == TypeKind::Boolean || kind == TypeKind::Integer || kind == TypeKind::Enumeration) {
        return mix64(h ^ integerWord(key));
    } else if constexpr (kind == TypeKind::Floating) {
        return mix64(h ^ floatingWord(key));
    } else if constexpr (kind == TypeKind::Duration) {
        return mixKey(h, key.count());
    } else if constexpr (kind == TypeKind::TimePoint) {
        return mixKey(h, key.time_since_epoch().count());
    } else if constexpr (kind == TypeKind::Optional) {
        h = mix64(h ^ static_cast<std::uint64_t>(key.has_value()));
        return key ? mixKey(h, *key) : h;
    } else if constexpr (kind == TypeKind::Variant) {
        h = mix64(h ^ static_cast<std::uint64_t>(key.index()));
        return std::visit([h](const auto& part) { return mixKey(h, part); }, key);
    } else if constexpr (kind == TypeKind::Array) {
        if constexpr (kIsByte<ArrayElement<T>>) {
            return mixBytes(h, reinterpret_cast<const char*>(&key[0]), arraySize<T>());
        } else {
            for (const auto& element : key) h = mixKey(h, element);
            return h;
        }
    } else if constexpr (kind == TypeKind::Tuple) {
        std::apply([&h](const auto&... part) { ((h = mixKey(h, part)), ...); }, key);
        return h;
    } else {
        applyToFields(key, [&h](const auto&... field) { ((h = mixKey(h, field)), ...); });
        return h;
    }
}

template <class T>
struct KeyDecayOf {
    using Type = std::decay_t<T>;
};
template <>
struct KeyDecayOf<std::string_view> {
    using Type = std::string;
};
template <>
struct KeyDecayOf<const char*> {
    using Type = std::string;
};
template <>
struct KeyDecayOf<char*> {
    using Type = std::string;
};
template <class... Part>
struct KeyDecayOf<std::tuple<Part...>> {
    using Type = std::tuple<typename KeyDecayOf<std::decay_t<Part>>::Type...>;
};
template <class First, class Second>
struct KeyDecayOf<std::pair<First, Second>> {
    using Type =
        std::pair<typename KeyDecayOf<std::decay_t<First>>::Type, typename KeyDecayOf<std::decay_t<Second>>::Type>;
};

}  // namespace detail

/// The key type that a selector's result stands for: without reference and const, views and C strings as `std::string`,
/// also inside a tuple or pair (a selector may return `std::tie(…)`). @public
template <class T>
using KeyDecay = typename detail::KeyDecayOf<std::decay_t<T>>::Type;

/// Keys whose hash millrace can freeze: bool, characters, integers, float, double, enums, strings, durations, time
/// points, and optional, variant, pair, tuple, array and plain aggregates of them; or a type with a `KeyHash`. @public
template <class T>
concept HashableKey = detail::isHashableKey<T>();

/// What a stream can be keyed by: hashable, comparable with ==, copyable. @public
template <class T>
concept KeyType = HashableKey<T> && std::equality_comparable<T> && std::copyable<T>;

/// The frozen 32-bit hash of a key: decides its key group, so it is the same on every machine and in every version.
/// @public
///
/// It depends on the key's canonical form, a sequence of 64-bit words:
/// - integer, enum, bool, character: one word, the value with its sign extended. All widths of a value hash alike;
/// - float, double: one word, the bits of the double; -0.0 counts as 0.0;
/// - duration, time point: as its count of ticks;
/// - string, string_view, C string, array of single bytes: eight bytes per word; the last one holds the remaining 0 to
///   7 bytes and, in its highest byte, the length modulo 256;
/// - optional, variant: a word with 0 or 1, or with the index; then the value;
/// - pair, tuple, array, aggregate: the words of the parts in order, so a tuple of the fields hashes like the record.
///
/// The words w are folded into h = 0x9e3779b97f4a7c15 by h = mix64(h ^ w), mix64 being MurmurHash3's 64-bit finaliser;
/// the lower half of h is the hash.
template <class Key>
    requires HashableKey<Key>
constexpr std::uint32_t keyHash(const Key& key) {
    if constexpr (std::is_array_v<Key> && std::is_same_v<std::remove_extent_t<Key>, char>) {
        return keyHash(std::string_view(key));  // a literal
    } else {
        return static_cast<std::uint32_t>(detail::mixKey(detail::kKeyHashSeed, key));
    }
}

namespace detail {

template <class Key>
[[gnu::noinline]] std::uint32_t calledKeyHash(const Key& key) {
    return keyHash(key);
}
/// `keyHash` by a call, where that costs little beside the rest: hashes of texts and the like are not inlined there.
template <class Key>
std::uint32_t keyHashByCall(const Key& key) {
    if constexpr (std::is_arithmetic_v<Key> || std::is_enum_v<Key>) {
        return keyHash(key);
    } else {
        return calledKeyHash(key);
    }
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_TYPES_KEY_HASH_HPP
