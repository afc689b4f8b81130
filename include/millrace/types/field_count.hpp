#ifndef MILLRACE_TYPES_FIELD_COUNT_HPP
#define MILLRACE_TYPES_FIELD_COUNT_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

// How many fields an aggregate has: the greatest n for which T{a1, …, an} is valid, with a's that convert to anything.

namespace millrace::detail {

inline constexpr std::size_t kMaxFields = 64;
/// An array member takes one initialiser per element (the braces are elided), so the search goes further than 64.
inline constexpr std::size_t kMaxInitialisers = 4096;

template <class T>
struct AnyField {
    constexpr explicit AnyField(std::size_t) noexcept {}
    template <class Field>
        requires(!std::is_base_of_v<Field, T>)
    operator Field() const noexcept {  // never called; a body, since clang warns about its absence for local types
        __builtin_unreachable();
    }
};

template <class T>
struct AnyBase {
    template <class Base>
        requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>)
    operator Base() const noexcept {
        __builtin_unreachable();
    }
};

template <class T, std::size_t... I>
constexpr bool takesInitialisers(std::index_sequence<I...>) {
    return requires { T{AnyField<T>(I)...}; };
}

template <class T, std::size_t... Before, std::size_t... After>
constexpr bool takesEmptyBraces(std::index_sequence<Before...>, std::index_sequence<After...>) {
    return requires { T{AnyField<T>(Before)..., {}, AnyField<T>(After)...}; };
}

template <class T, std::size_t Count>
inline constexpr bool kTakes = takesInitialisers<T>(std::make_index_sequence<Count>{});

template <class T, std::size_t Before, std::size_t After>
inline constexpr bool kTakesEmptyBraces =
    takesEmptyBraces<T>(std::make_index_sequence<Before>{}, std::make_index_sequence<After>{});

/// Greatest accepted count in [low, high), where low is accepted and high is not.
template <class T, std::size_t Low, std::size_t High>
constexpr std::size_t searchInitialisers() {
    if constexpr (High - Low <= 1) {
        return Low;
    } else if constexpr (constexpr std::size_t middle = (Low + High) / 2; kTakes<T, middle>) {
        return searchInitialisers<T, middle, High>();
    } else {
        return searchInitialisers<T, Low, middle>();
    }
}

template <class T, std::size_t High>
constexpr std::size_t growInitialisers() {
    if constexpr (!kTakes<T, High>) {
        return searchInitialisers<T, High / 2, High>();
    } else if constexpr (High >= kMaxInitialisers) {
        return High;
    } else {
        return growInitialisers<T, High * 2>();
    }
}

/// For types with a member that has no default: fewer initialisers than members are not accepted either.
template <class T, std::size_t Count>
constexpr std::size_t greatestBelow() {
    if constexpr (Count == 0 || kTakes<T, Count>) {
        return Count;
    } else {
        return greatestBelow<T, Count - 1>();
    }
}

template <class T>
constexpr std::size_t countInitialisers() {
    if constexpr (kTakes<T, 0>) {
        return growInitialisers<T, 1>();
    } else {
        return greatestBelow<T, kMaxFields>();
    }
}

/// Greatest number in [Low, High) of initialisers that may follow `{}` at Index; Low is accepted, High is not.
template <class T, std::size_t Index, std::size_t Low, std::size_t High>
constexpr std::size_t searchFollowers() {
    if constexpr (High - Low <= 1) {
        return Low;
    } else if constexpr (constexpr std::size_t middle = (Low + High) / 2; kTakesEmptyBraces<T, Index, middle>) {
        return searchFollowers<T, Index, middle, High>();
    } else {
        return searchFollowers<T, Index, Low, middle>();
    }
}

/// As above from Count down, where members without a default forbid small numbers too; Most if there is none.
template <class T, std::size_t Index, std::size_t Most, std::size_t Count>
constexpr std::size_t greatestFollowersBelow() {
    if constexpr (kTakesEmptyBraces<T, Index, Count>) {
        return Count;
    } else if constexpr (Count == 0) {
        return Most;
    } else {
        return greatestFollowersBelow<T, Index, Most, Count - 1>();
    }
}

/// Elements of the array member whose first element is initialiser `Index`; 1 for any other member.
template <class T, std::size_t Total, std::size_t Index>
constexpr std::size_t initialisersOfMember() {
    // {} stands for a whole member: if it is an array, fewer initialisers may follow
    constexpr std::size_t following = Total - Index - 1;
    if constexpr (following == 0 || kTakesEmptyBraces<T, Index, following>) {
        return 1;
    } else if constexpr (kTakesEmptyBraces<T, Index, 0>) {
        return Total - Index - searchFollowers<T, Index, 0, following>();
    } else {
        return Total - Index - greatestFollowersBelow<T, Index, following, following - 1>();
    }
}

template <class T, std::size_t Total, std::size_t Index, std::size_t Fields>
constexpr std::size_t countMembers() {
    if constexpr (Index >= Total) {
        return Fields;
    } else {
        return countMembers<T, Total, Index + initialisersOfMember<T, Total, Index>(), Fields + 1>();
    }
}

template <class T>
inline constexpr std::size_t kAggregateFieldCount = countMembers<T, countInitialisers<T>(), 0, 0>();

template <class T>
inline constexpr bool kHasBase = requires { T{AnyBase<T>{}}; };

template <class T>
constexpr bool isPlainAggregate() {
    if constexpr (std::is_class_v<T> && std::is_aggregate_v<T> && !requires { std::tuple_size<T>::value; }) {
        if constexpr (kHasBase<T>) {
            return false;
        } else {
            return std::is_empty_v<T> || (kAggregateFieldCount<T> >= 1 && kAggregateFieldCount<T> <= kMaxFields);
        }
    } else {
        return false;
    }
}

template <class T>
inline constexpr bool kIsPlainAggregate = isPlainAggregate<T>();

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_FIELD_COUNT_HPP
