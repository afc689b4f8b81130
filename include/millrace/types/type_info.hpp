#ifndef MILLRACE_TYPES_TYPE_INFO_HPP
#define MILLRACE_TYPES_TYPE_INFO_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/types/codec_rules.hpp>
#include <millrace/types/schema_evolution.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// Types as data: one small constant per type that is written to snapshots, so that everything about names and about what
// has become of a type since a snapshot was taken is ordinary code, compiled once.

namespace millrace::detail {

struct TypeInfo;

/// A codec that a user has written, whose bytes nobody else understands.
struct OwnCodecInfo {
    std::string (*name)();
    std::uint32_t version;
    void (*skip)(ByteReader& reader);  ///< null: no value can be made to read into
    void (*writeDefault)(ByteWriter& writer);
    /// Reads a value of an older version and writes it as of today; null: it cannot.
    void (*upgrade)(ByteReader& reader, std::uint32_t version, ByteWriter& writer);
};

/// Reads a value of an old type and writes what it has become.
struct TypeMigration {
    const TypeInfo* from;
    void (*migrate)(ByteReader& reader, ByteWriter& writer);
};

/// What `SchemaEvolution<T>` says.
struct EvolutionInfo {
    const RenamedField* renamed;
    std::size_t renamedCount;
    const TypeMigration* migrations;
    std::size_t migrationCount;
};

struct TypeInfo {
    TypeKind kind = TypeKind::None;  ///< None: `own`, or no codec at all
    char letter = 0;                 ///< numbers: i, u, f or c; time points: s of the system clock, l local
    std::uint8_t bytes = 0;          ///< of a number
    std::uint32_t count = 0;         ///< of parts; for arrays of elements
    std::int64_t num = 0;            ///< seconds per tick
    std::int64_t den = 0;
    const TypeInfo* const* parts = nullptr;
    const std::string_view* names = nullptr;  ///< of fields
    void (*writeDefault)(ByteWriter& writer) =
        nullptr;  ///< aggregates: encodes T{}; null if that cannot be made. Other kinds have an obvious one.
    const OwnCodecInfo* own = nullptr;
    const EvolutionInfo* evolution = nullptr;
};

/// The name of its codec: `{symbol:string,price:f64}`. One of the user's with its version: "shop.Money@2".
std::string typeText(const TypeInfo& info);
void appendTypeText(const TypeInfo& info, std::string& text);

template <class T>
constexpr TypeInfo makeTypeInfo();

template <class T>
inline constexpr TypeInfo kTypeInfo = makeTypeInfo<T>();

template <class... Part>
inline constexpr const TypeInfo* kPartInfos[sizeof...(Part) + 1] = {&kTypeInfo<Part>..., nullptr};

template <class T>
constexpr std::uint32_t codecVersionOf() {
    if constexpr (requires { Codec<T>::version(); }) {
        return Codec<T>::version();
    } else {
        return 1;
    }
}

template <class T>
void writeDefaultOf(ByteWriter& writer) {
    Codec<T>::encode(T{}, writer);
}

// ---- codecs of users

template <class T>
struct OwnCodecOf {
    static std::string name() { return Codec<T>::name(); }
    static void skip(ByteReader& reader) {
        T value{};
        Codec<T>::decode(reader, value);
    }
    static void upgrade(ByteReader& reader, std::uint32_t version, ByteWriter& writer) {
        T value{};
        Codec<T>::decodeVersion(reader, value, version);
        Codec<T>::encode(value, writer);
    }
    static constexpr OwnCodecInfo make() {
        OwnCodecInfo info{name, codecVersionOf<T>(), nullptr, nullptr, nullptr};
        if constexpr (kDefaultConstructible<T>) {
            info.skip = skip;
            info.writeDefault = writeDefaultOf<T>;
            if constexpr (requires(ByteReader& reader, T& value) {
                              Codec<T>::decodeVersion(reader, value, std::uint32_t{1});
                          }) {
                info.upgrade = upgrade;
            }
        }
        return info;
    }
    static constexpr OwnCodecInfo kInfo = make();
};

// ---- SchemaEvolution

template <class T>
concept HasEvolution = !requires { typename SchemaEvolution<T>::SaysNothing; };
template <class T>
concept HasRenames = requires { SchemaEvolution<T>::renamed; };
template <class T>
concept HasOldTypes = requires { typename SchemaEvolution<T>::OldTypes; };

template <class T>
constexpr bool renamesAreFields() {
    if constexpr (!HasRenames<T>) {
        return true;
    } else if constexpr (kTypeKind<T> == TypeKind::Aggregate) {
        for (const RenamedField& each : SchemaEvolution<T>::renamed) {
            bool isField = false;
            for (const std::string_view name : kFieldNames<T>) isField = isField || name == each.now;
            if (!isField) return false;
        }
        return true;
    } else {
        return false;
    }
}

// constants and not concepts, so that compilers do not list every constraint after our sentence
template <class T>
inline constexpr bool kRenamesAreFields = renamesAreFields<T>();
template <class T, class Old>
inline constexpr bool kMigrates = HasCodec<Old> && kDefaultConstructible<Old> && requires(const Old& old) {
    { SchemaEvolution<T>::migrate(old) } -> std::convertible_to<T>;
};
template <class T>
inline constexpr bool kEvolutionSaysSomething = HasRenames<T> || HasOldTypes<T>;

template <class T, class Old>
void migrateFrom(ByteReader& reader, ByteWriter& writer) {
    Old old{};
    Codec<Old>::decode(reader, old);
    const T value = SchemaEvolution<T>::migrate(std::as_const(old));
    Codec<T>::encode(value, writer);
}
template <class T, class Old>
constexpr TypeMigration migrationFrom() {
    if constexpr (kMigrates<T, Old>) {
        return {&kTypeInfo<Old>, migrateFrom<T, Old>};
    } else {
        return {};
    }
}

template <class T>
struct OldTypesOf {
    using Type = std::tuple<>;
};
template <HasOldTypes T>
struct OldTypesOf<T> {
    using Type = typename SchemaEvolution<T>::OldTypes;
};

template <class T>
constexpr EvolutionInfo renamesOf() {
    if constexpr (HasRenames<T>) {
        return {std::data(SchemaEvolution<T>::renamed), std::size(SchemaEvolution<T>::renamed), nullptr, 0};
    } else {
        return {};
    }
}

template <class T, class OldTypes = typename OldTypesOf<T>::Type>
struct EvolutionOf;
template <class T, class... Old>
struct EvolutionOf<T, std::tuple<Old...>> {
    // in a function: a class that fails would be the cause of more errors
    static constexpr bool check() {
        static_assert(
            kEvolutionSaysSomething<T>,
            "millrace: SchemaEvolution<T> is specialised, but says nothing: it needs static constexpr "
            "RenamedField renamed[], or OldTypes = std::tuple<...> with a migrate for each. T is named above.");
        static_assert(kRenamesAreFields<T>,
                      "millrace: SchemaEvolution<T>::renamed names a field that T does not have. Each is {name in the "
                      "snapshot, name in T}. T is named above.");
        static_assert(
            (kMigrates<T, Old> && ...),
            "millrace: SchemaEvolution<T>: each of OldTypes needs static T migrate(const OldType& old), a codec "
            "and a default constructor. T and the old types are named above.");
        return true;
    }
    static constexpr bool kChecked = check();
    static constexpr TypeMigration kMigrations[sizeof...(Old) + 1]{migrationFrom<T, Old>()..., {}};
    static constexpr EvolutionInfo kInfo{renamesOf<T>().renamed, renamesOf<T>().renamedCount, kMigrations,
                                         sizeof...(Old)};
};

// ---- what a type consists of

template <class T>
constexpr void setNumber(TypeInfo& info) {
    info.letter = std::is_same_v<T, char>       ? 'c'  // char has a sign on some machines
                  : std::is_floating_point_v<T> ? 'f'
                  : std::is_signed_v<T>         ? 'i'
                                                : 'u';
    info.bytes = sizeof(T);
}
template <class... Part>
constexpr void setParts(TypeInfo& info) {
    info.parts = kPartInfos<Part...>;
    info.count = sizeof...(Part);
}
template <class D>
constexpr void setTicks(TypeInfo& info) {
    setParts<typename D::rep>(info);
    info.num = D::period::num;
    info.den = D::period::den;
}

template <class T>
constexpr TypeInfo makeTypeInfo() {
    TypeInfo info;
    if constexpr (!HasCodec<T>) {
        return info;  // an error elsewhere
    } else if constexpr (HasOwnCodec<T>) {
        info.own = &OwnCodecOf<T>::kInfo;
    } else {
        constexpr TypeKind kind = kTypeKind<T>;
        info.kind = kind;
        if constexpr (kind == TypeKind::Integer || kind == TypeKind::Floating) {
            setNumber<T>(info);
        } else if constexpr (kind == TypeKind::Enumeration) {
            setParts<std::underlying_type_t<T>>(info);
        } else if constexpr (kind == TypeKind::Duration) {
            setTicks<T>(info);
        } else if constexpr (kind == TypeKind::TimePoint) {
            setTicks<typename T::duration>(info);
            info.letter = std::is_same_v<typename T::clock, std::chrono::system_clock> ? 's' : 'l';
        } else if constexpr (kind == TypeKind::Array) {
            setParts<ArrayElement<T>>(info);
            info.count = arraySize<T>();
        } else if constexpr (kind == TypeKind::Optional || kind == TypeKind::Sequence) {
            setParts<typename T::value_type>(info);
        } else if constexpr (kind == TypeKind::Set) {
            setParts<typename T::key_type>(info);
        } else if constexpr (kind == TypeKind::Map) {
            setParts<typename T::key_type, typename T::mapped_type>(info);
        } else if constexpr (kind == TypeKind::Variant || kind == TypeKind::Tuple) {
            [&]<template <class...> class Group, class... Part>(std::type_identity<Group<Part...>>) {
                setParts<Part...>(info);
            }(std::type_identity<T>{});
        } else if constexpr (kind == TypeKind::Aggregate) {
            [&]<class... Field>(const std::tuple<std::type_identity<Field>...>*) {
                setParts<Field...>(info);
            }(static_cast<const typename FieldTypesOf<T>::Tuple*>(nullptr));
            info.names = std::data(kFieldNames<T>);
            if constexpr (kDefaultConstructible<T>) info.writeDefault = writeDefaultOf<T>;
        }
    }
    if constexpr (HasEvolution<T>) {
        if constexpr (EvolutionOf<T>::kChecked) info.evolution = &EvolutionOf<T>::kInfo;
    }
    return info;
}

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/types/type_info.ipp>
#endif

#endif  // MILLRACE_TYPES_TYPE_INFO_HPP
