#ifndef MILLRACE_TYPES_CODEC_RULES_HPP
#define MILLRACE_TYPES_CODEC_RULES_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/types/type_kind.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

// Which types have a codec, and the one sentence for those that have none.

namespace millrace {

template <class T>
struct Codec;

namespace detail {

/// The user wrote a specialisation of Codec for T.
template <class T>
concept HasOwnCodec = !requires { typename Codec<T>::DerivedByMillrace; };

template <class T>
constexpr bool hasCodec();

/// `fn.template operator()<Part>()` for each type that T consists of; true if it is for all. At most one level deep.
template <class T, class Fn>
constexpr bool allParts(Fn fn) {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kind == TypeKind::Optional) {
        return fn.template operator()<typename T::value_type>();
    } else if constexpr (kind == TypeKind::Variant || kind == TypeKind::Tuple) {
        return [&]<template <class...> class Group, class... Part>(std::type_identity<Group<Part...>>) {
            return (fn.template operator()<Part>() && ...);
        }(std::type_identity<T>{});
    } else if constexpr (kind == TypeKind::Array) {
        return fn.template operator()<ArrayElement<T>>();
    } else if constexpr (kind == TypeKind::Sequence) {
        return fn.template operator()<typename T::value_type>();
    } else if constexpr (kind == TypeKind::Set) {
        return fn.template operator()<typename T::key_type>();
    } else if constexpr (kind == TypeKind::Map) {
        return fn.template operator()<typename T::key_type>() && fn.template operator()<typename T::mapped_type>();
    } else if constexpr (kind == TypeKind::Aggregate) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return (fn.template operator()<FieldType<T, I>>() && ...);
        }(std::make_index_sequence<fieldCount<T>()>{});
    } else {
        return kind != TypeKind::None;
    }
}

/// Decoding makes the parts of these families anew, so they need a default constructor.
constexpr bool makesParts(TypeKind kind) {
    return kind == TypeKind::Optional || kind == TypeKind::Variant || kind == TypeKind::Sequence ||
           kind == TypeKind::Set || kind == TypeKind::Map;
}

template <class T>
inline constexpr bool kDefaultConstructible = std::is_array_v<T> || std::default_initializable<T>;

template <class T>
constexpr bool hasCodec() {
    if constexpr (std::is_const_v<T> || std::is_reference_v<T> || std::is_void_v<T>) {
        return false;
    } else if constexpr (HasOwnCodec<T>) {
        return requires(const T& source, T& target, ByteWriter& writer, ByteReader& reader) {
            Codec<T>::encode(source, writer);
            Codec<T>::decode(reader, target);
            { Codec<T>::name() } -> std::convertible_to<std::string>;
        };
    } else {
        return allParts<T>([]<class Part>() {
            return hasCodec<Part>() && (!makesParts(kTypeKind<T>) || kDefaultConstructible<Part>);
        });
    }
}

/// What an error names: a type, and the field of the record in which it was found.
template <class Record, auto Field, class T>
inline constexpr bool kHasCodec = hasCodec<T>();
template <class Record, auto Field, class T>
inline constexpr bool kElementsHaveDefaultConstructor = hasCodec<T>();

struct NothingMissing {};
template <bool NoDefaultConstructor, class Record, auto Field, class T>
struct MissingCodec {
    static constexpr bool check() {
        if constexpr (NoDefaultConstructor) {
            static_assert(kElementsHaveDefaultConstructor<Record, Field, T>,
                          "millrace: the elements of this container need a default constructor, or its values cannot "
                          "be read back from a snapshot. The record and its field are named below. Add one, or "
                          "specialise millrace::Codec for the container.");
        } else {
            static_assert(kHasCodec<Record, Field, T>,
                          "millrace: this type has no codec, so it cannot be part of state, of a key or of a message. "
                          "The record and its field are named below. Use a type that has one (numbers, std::string, "
                          "chrono, containers, plain aggregates of these), or specialise millrace::Codec for it.");
        }
        return true;
    }
};

// the first that is missing wins a fold
constexpr NothingMissing operator+(NothingMissing, NothingMissing) {
    return {};
}
template <class Missing>
constexpr Missing operator+(NothingMissing, Missing missing) {
    return missing;
}
template <bool NoDefaultConstructor, class Record, auto Field, class T, class Other>
constexpr auto operator+(MissingCodec<NoDefaultConstructor, Record, Field, T> missing, Other) {
    return missing;
}

/// The innermost type because of which T has no codec.
template <class Record, auto Field, class T>
constexpr auto findMissingCodec() {
    constexpr bool composed = kTypeKind<T> != TypeKind::None && !std::is_const_v<T> && !HasOwnCodec<T>;
    if constexpr (hasCodec<T>()) {
        return NothingMissing{};
    } else if constexpr (composed && kTypeKind<T> == TypeKind::Aggregate) {
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return (NothingMissing{} + ... + findMissingCodec<T, kNameInErrors<T, I>, FieldType<T, I>>());
        }(std::make_index_sequence<fieldCount<T>()>{});
    } else if constexpr (composed && allParts<T>([]<class Part>() { return hasCodec<Part>(); })) {
        return MissingCodec<true, Record, Field, T>{};
    } else if constexpr (composed && kTypeKind<T> == TypeKind::Map) {
        return findMissingCodec<Record, Field, typename T::key_type>() +
               findMissingCodec<Record, Field, typename T::mapped_type>();
    } else if constexpr (composed && kTypeKind<T> == TypeKind::Array) {
        return findMissingCodec<Record, Field, ArrayElement<T>>();
    } else if constexpr (composed && (kTypeKind<T> == TypeKind::Variant || kTypeKind<T> == TypeKind::Tuple)) {
        return []<template <class...> class Group, class... Part>(std::type_identity<Group<Part...>>) {
            return (NothingMissing{} + ... + findMissingCodec<Record, Field, Part>());
        }(std::type_identity<T>{});
    } else if constexpr (composed) {
        return findMissingCodec<Record, Field, typename T::value_type>();
    } else {
        return MissingCodec<false, Record, Field, T>{};
    }
}

/// Its error is printed once per type, however many functions of the codec are used.
template <class T, bool = hasCodec<T>()>
struct RequireCodec {
    static constexpr bool kChecked = true;
};
template <class T>
struct RequireCodec<T, false> {
    static constexpr bool kChecked = decltype(findMissingCodec<NoRecord, kNoField, T>())::check();
};

}  // namespace detail

/// T can be written to snapshots and messages: a derived codec or one of the user's. @public
template <class T>
concept HasCodec = detail::hasCodec<T>();

}  // namespace millrace

#endif  // MILLRACE_TYPES_CODEC_RULES_HPP
