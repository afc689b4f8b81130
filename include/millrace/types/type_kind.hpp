#ifndef MILLRACE_TYPES_TYPE_KIND_HPP
#define MILLRACE_TYPES_TYPE_KIND_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/types/reflection.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

// Sorts types into the families that codecs, key hashes and formats treat alike. Containers are recognised by shape, so
// that no container header is needed here.

namespace millrace::detail {

template <class T>
inline constexpr bool kIsChronoDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsChronoDuration<std::chrono::duration<Rep, Period>> = true;

// Not for steady_clock: its time points mean nothing in another process.
template <class T>
inline constexpr bool kIsChronoTimePoint = false;
template <class D>
inline constexpr bool kIsChronoTimePoint<std::chrono::time_point<std::chrono::system_clock, D>> = true;
template <class Clock, class D>
    requires(!requires { Clock::now(); })  // std::chrono::local_t, which <chrono> alone has
inline constexpr bool kIsChronoTimePoint<std::chrono::time_point<Clock, D>> = true;

template <class T>
inline constexpr bool kIsStdOptional = false;
template <class T>
inline constexpr bool kIsStdOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsStdVariant = false;
template <class... T>
inline constexpr bool kIsStdVariant<std::variant<T...>> = true;

template <class T>
inline constexpr bool kIsStdTuple = false;
template <class... T>
inline constexpr bool kIsStdTuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool kIsStdTuple<std::pair<A, B>> = true;

template <class T>
concept FixedSizeArray = std::is_bounded_array_v<T> || (
                                                           requires { std::tuple_size<T>::value; } &&
                                                           requires(T& array) {
                                                               array.data();
                                                               array.begin();
                                                           });

template <class T>
concept Associative = requires(T& container, typename T::key_type key) {
    container.find(key);
    container.clear();
    container.size();
    container.key_comp();
} || requires(T& container, typename T::key_type key) {
    container.find(key);
    container.clear();
    container.size();
    container.hash_function();
};

template <class T>
concept MapLike = Associative<T> && requires(T& map, typename T::key_type key, typename T::mapped_type mapped) {
    map.emplace(std::move(key), std::move(mapped)).second;
};

template <class T>
concept SetLike = Associative<T> && std::is_same_v<typename T::key_type, typename T::value_type> &&
                  requires(T& set, typename T::key_type key) { set.emplace(std::move(key)).second; };

template <class T>
concept Hashed = requires { typename T::hasher; };

template <class T>
concept Sequence = !Associative<T> && std::is_class_v<T> && requires(T& container, std::size_t count) {
    typename T::value_type;
    container.resize(count);
    container.size();
    container.begin();
    container.back();
    container.emplace_back();
};

enum class TypeKind {
    None,
    Boolean,
    Integer,
    Floating,
    Enumeration,
    Duration,
    TimePoint,
    String,
    Optional,
    Variant,
    Tuple,
    Array,
    Sequence,
    Set,
    Map,
    Aggregate,
    // in the layouts of states only, see state/state_layout.hpp
    Flagged,
    StampedList,
    StampedMap
};

/// The family of T; None for what belongs to none (pointers, references, long double, views…).
template <class T>
constexpr TypeKind typeKind() {
    if constexpr (std::is_same_v<T, bool>) {
        return TypeKind::Boolean;
    } else if constexpr (std::is_integral_v<T> && sizeof(T) <= 8) {
        return TypeKind::Integer;
    } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
        return TypeKind::Floating;
    } else if constexpr (std::is_enum_v<T>) {
        return TypeKind::Enumeration;
    } else if constexpr (std::is_bounded_array_v<T>) {
        return TypeKind::Array;
    } else if constexpr (!std::is_class_v<T>) {
        return TypeKind::None;
    } else if constexpr (std::is_same_v<T, std::string>) {
        return TypeKind::String;
    } else if constexpr (kIsChronoDuration<T>) {
        return TypeKind::Duration;
    } else if constexpr (kIsChronoTimePoint<T>) {
        return TypeKind::TimePoint;
    } else if constexpr (kIsStdOptional<T>) {
        return TypeKind::Optional;
    } else if constexpr (kIsStdVariant<T>) {
        return TypeKind::Variant;
    } else if constexpr (kIsStdTuple<T>) {
        return TypeKind::Tuple;
    } else if constexpr (FixedSizeArray<T>) {
        return TypeKind::Array;
    } else if constexpr (MapLike<T>) {
        return TypeKind::Map;
    } else if constexpr (SetLike<T>) {
        return TypeKind::Set;
    } else if constexpr (Sequence<T>) {
        return TypeKind::Sequence;
    } else if constexpr (Reflectable<T>) {
        return TypeKind::Aggregate;
    } else {
        return TypeKind::None;
    }
}

template <class T>
inline constexpr TypeKind kTypeKind = typeKind<std::remove_cv_t<T>>();

template <class T>
using ArrayElement = std::remove_cvref_t<decltype(std::declval<T&>()[0])>;

template <class T>
constexpr std::size_t arraySize() {
    if constexpr (std::is_bounded_array_v<T>) {
        return std::extent_v<T>;
    } else {
        return std::tuple_size_v<T>;
    }
}

/// A text that a template can have as a parameter: compilers print it, so it carries a field's name into an error.
template <std::size_t Size>
struct FixedString {
    char text[Size]{};
    constexpr FixedString(std::string_view source) { std::copy_n(source.begin(), std::min(source.size(), Size), text); }
};

#if defined(__clang__)
inline constexpr bool kPrintsTexts = false;  // clang 14 prints a list of numbers, but the address of a member by name
#else
inline constexpr bool kPrintsTexts = true;
#endif

template <class Record, std::size_t I>
constexpr auto nameInErrors() {
    if constexpr (kPrintsTexts || HasFieldList<Record>) {
        return FixedString<fieldName<Record>(I).size() + 1>(fieldName<Record>(I));
    } else {
        return std::get<I>(fieldPointers<Record>());
    }
}

/// The name of a field as a template parameter.
template <class Record, std::size_t I>
inline constexpr auto kNameInErrors = nameInErrors<Record, I>();

/// In place of a record and a field, where a type stands alone.
struct NoRecord {};
inline constexpr FixedString<1> kNoField{""};

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_TYPE_KIND_HPP
