#ifndef MILLRACE_TYPES_REFLECTION_HPP
#define MILLRACE_TYPES_REFLECTION_HPP

#include <millrace/types/field_binding.hpp>
#include <millrace/types/field_count.hpp>
#include <millrace/types/field_list.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace millrace {

/// A type whose fields millrace can list: a plain aggregate (all members public, no constructors, no base class, at
/// most 64 fields) without further ado, or any type for which `MILLRACE_FIELDS(Type, field, …)` was written. @public
///
/// Not found out by itself, and a compile error: bit-fields, reference members and anonymous unions.
template <class T>
concept Reflectable = std::is_class_v<std::remove_cv_t<T>> &&
                      (detail::HasFieldList<std::remove_cv_t<T>> || detail::kIsPlainAggregate<std::remove_cv_t<T>>);

namespace detail {

// a constant and not the concept, so that the compiler does not list every constraint after our sentence
template <class T>
inline constexpr bool kFieldsCanBeListed = Reflectable<T>;

#define MILLRACE_FIELDS_CANNOT_BE_LISTED                                                                         \
    "millrace: the fields of this type cannot be listed. It has to be an aggregate with at most 64 fields: all " \
    "members public, no constructors, no base class. Otherwise name the fields beside the type: "                \
    "MILLRACE_FIELDS(Type, field, ...)"

template <class T>
constexpr std::size_t countFields() {
    if constexpr (HasFieldList<T>) {
        return std::tuple_size_v<decltype(FieldListOf<T>::members)>;
    } else {
        return kAggregateFieldCount<T>;
    }
}

template <class Member>
struct FieldPointer {
    Member* pointer;
};

/// Storage for a T that is never constructed: only the addresses of its members are used, at compile time. (An object
/// declared `extern` would do for most types, but compilers reject that for types of a function or unnamed namespace.)
template <class T>
union Unconstructed {
    constexpr Unconstructed() noexcept : nothing{} {}
    constexpr ~Unconstructed() {}
    char nothing;
    T object;
};

template <class T>
inline constinit Unconstructed<T> kUnconstructed{};

template <class T>
constexpr auto fieldPointers() {
    return bindFields<kAggregateFieldCount<T>>(kUnconstructed<T>.object, [](auto&... field) {
        return std::tuple<FieldPointer<std::remove_reference_t<decltype(field)>>...>{{&field}...};
    });
}

// The compiler spells the template argument, the address of the member: its last identifier is the member's name.
template <auto Pointer>
constexpr auto spelledFieldName() {
    return std::string_view{__PRETTY_FUNCTION__};
}

constexpr bool isIdentifierCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

constexpr std::string_view lastIdentifier(std::string_view text) {
    while (!text.empty() && !isIdentifierCharacter(text.back())) text.remove_suffix(1);
    std::size_t begin = text.size();
    while (begin > 0 && isIdentifierCharacter(text[begin - 1])) --begin;
    return text.substr(begin);
}

template <class T, std::size_t... I>
constexpr auto namesOfFields(std::index_sequence<I...>) {
    if constexpr (HasFieldList<T>) {
        return FieldListOf<T>::names;
    } else {
        constexpr auto pointers = fieldPointers<T>();
        return std::array<std::string_view, sizeof...(I)>{lastIdentifier(spelledFieldName<std::get<I>(pointers)>())...};
    }
}

template <class T>
inline constexpr auto kFieldNames = namesOfFields<T>(std::make_index_sequence<countFields<T>()>{});

}  // namespace detail

/// Number of fields. @public
template <class T>
constexpr std::size_t fieldCount() {
    static_assert(detail::kFieldsCanBeListed<T>, MILLRACE_FIELDS_CANNOT_BE_LISTED);
    if constexpr (Reflectable<T>) {
        return detail::countFields<std::remove_cv_t<T>>();
    } else {
        return 0;
    }
}

/// Names of the fields in order of declaration. @public
template <class T>
constexpr auto fieldNames() {
    static_assert(detail::kFieldsCanBeListed<T>, MILLRACE_FIELDS_CANNOT_BE_LISTED);
    if constexpr (Reflectable<T>) {
        return detail::kFieldNames<std::remove_cv_t<T>>;
    } else {
        return std::array<std::string_view, 0>{};
    }
}

/// Name of the field at `index`, which must be below `fieldCount<T>()`. @public
template <class T>
constexpr std::string_view fieldName(std::size_t index) {
    static_assert(detail::kFieldsCanBeListed<T>, MILLRACE_FIELDS_CANNOT_BE_LISTED);
    if constexpr (Reflectable<T>) {
        return detail::kFieldNames<std::remove_cv_t<T>>[index];
    } else {
        return {};
    }
}

/// `fn(field1, …, fieldN)`: all fields at once, as lvalues. @public
template <class T, class Fn>
constexpr decltype(auto) applyToFields(T& value, Fn&& fn) {
    static_assert(detail::kFieldsCanBeListed<T>, MILLRACE_FIELDS_CANNOT_BE_LISTED);
    if constexpr (Reflectable<T>) {
        if constexpr (detail::HasFieldList<std::remove_cv_t<T>>) {
            return std::apply([&](auto... member) -> decltype(auto) { return fn(value.*member...); },
                              detail::FieldListOf<std::remove_cv_t<T>>::members);
        } else {
            return detail::bindFields<detail::countFields<std::remove_cv_t<T>>()>(value, fn);
        }
    }
}

/// The fields as a tuple of references, as `std::tie` would give. @public
template <class T>
constexpr auto fieldsAsTuple(T& value) {
    return applyToFields(value, [](auto&... field) { return std::tuple<decltype(field)...>{field...}; });
}

/// `fn(name, field)` for each field in order of declaration. @public
template <class T, class Fn>
constexpr void forEachField(T& value, Fn&& fn) {
    applyToFields(value, [&](auto&... field) {
        std::size_t index = 0;
        (static_cast<void>(fn(fieldName<T>(index), field), ++index), ...);
    });
}

/// `fn(std::integral_constant<std::size_t, I>{}, field)` for each field: the index is known at compile time. @public
template <class T, class Fn>
constexpr void forEachFieldIndexed(T& value, Fn&& fn) {
    applyToFields(value, [&](auto&... field) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (static_cast<void>(fn(std::integral_constant<std::size_t, I>{}, field)), ...);
        }(std::index_sequence_for<decltype(field)...>{});
    });
}

namespace detail {

template <class... Fields>
struct FieldTypes {
    using Tuple = std::tuple<std::type_identity<Fields>...>;
};

struct ToFieldTypes {
    template <class... Fields>
    constexpr auto operator()(Fields&...) const {
        return FieldTypes<Fields...>{};
    }
};

template <class T>
using FieldTypesOf = decltype(applyToFields(std::declval<T&>(), ToFieldTypes{}));

/// Which field a pointer to member means; beyond the last one if none.
template <class T, class Field, class Owner>
std::size_t indexOfField(Field Owner::*member) {
    std::size_t found = static_cast<std::size_t>(-1);
    if constexpr (Reflectable<T>) {
        T probe{};
        forEachFieldIndexed(probe, [&](auto index, auto& field) {
            if constexpr (std::is_same_v<std::remove_reference_t<decltype(field)>, Field>) {
                if (&field == &(probe.*member)) found = index();
            }
        });
    }
    return found;
}

}  // namespace detail

/// Type of the field at index I, as declared. @public
template <class T, std::size_t I>
using FieldType = typename std::tuple_element_t<I, typename detail::FieldTypesOf<std::remove_cv_t<T>>::Tuple>::type;

#undef MILLRACE_FIELDS_CANNOT_BE_LISTED

}  // namespace millrace

#endif  // MILLRACE_TYPES_REFLECTION_HPP
