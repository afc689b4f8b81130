#ifndef MILLRACE_TYPES_FIELD_LIST_HPP
#define MILLRACE_TYPES_FIELD_LIST_HPP

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace millrace::detail {

/// Found by argument-dependent lookup: the function that `MILLRACE_FIELDS` puts beside the type.
template <class T>
concept HasFieldList = requires { millraceFieldList(static_cast<const T*>(nullptr)); };

template <class T>
using FieldListOf = decltype(millraceFieldList(static_cast<const T*>(nullptr)));

/// The names of `#__VA_ARGS__`, "a, b, c", cut at the commas.
template <std::size_t Count>
constexpr std::array<std::string_view, Count> splitFieldNames(std::string_view text) {
    std::array<std::string_view, Count> names{};
    for (auto& name : names) {
        while (!text.empty() && (text.front() == ' ' || text.front() == ',')) text.remove_prefix(1);
        const std::size_t end = text.find_first_of(", ");
        name = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    }
    return names;
}

}  // namespace millrace::detail

#define MILLRACE_DETAIL_PARENS ()
#define MILLRACE_DETAIL_EXPAND(...) \
    MILLRACE_DETAIL_EXPAND2(MILLRACE_DETAIL_EXPAND2(MILLRACE_DETAIL_EXPAND2(MILLRACE_DETAIL_EXPAND2(__VA_ARGS__))))
#define MILLRACE_DETAIL_EXPAND2(...) \
    MILLRACE_DETAIL_EXPAND1(MILLRACE_DETAIL_EXPAND1(MILLRACE_DETAIL_EXPAND1(MILLRACE_DETAIL_EXPAND1(__VA_ARGS__))))
#define MILLRACE_DETAIL_EXPAND1(...) \
    MILLRACE_DETAIL_EXPAND0(MILLRACE_DETAIL_EXPAND0(MILLRACE_DETAIL_EXPAND0(MILLRACE_DETAIL_EXPAND0(__VA_ARGS__))))
#define MILLRACE_DETAIL_EXPAND0(...) __VA_ARGS__
#define MILLRACE_DETAIL_MEMBERS(Type, field, ...) \
    &Type::field __VA_OPT__(, MILLRACE_DETAIL_MEMBERS_AGAIN MILLRACE_DETAIL_PARENS(Type, __VA_ARGS__))
#define MILLRACE_DETAIL_MEMBERS_AGAIN() MILLRACE_DETAIL_MEMBERS

/// Names the fields of a type that millrace cannot list by itself (constructors, a base class). Stands in the namespace
/// of the type, directly after it; the fields must be accessible there. Up to 64 fields. @public
///
/// *Example:* `struct Tick : Stamped { Tick(); double price; };  MILLRACE_FIELDS(Tick, time, price)`
#define MILLRACE_FIELDS(Type, ...)                                                                               \
    struct MillraceFieldList_##Type {                                                                            \
        static constexpr std::tuple members{MILLRACE_DETAIL_EXPAND(MILLRACE_DETAIL_MEMBERS(Type, __VA_ARGS__))}; \
        static constexpr auto names =                                                                            \
            ::millrace::detail::splitFieldNames<std::tuple_size_v<decltype(members)>>(#__VA_ARGS__);             \
    };                                                                                                           \
    [[maybe_unused]] constexpr MillraceFieldList_##Type millraceFieldList(const Type*) {                         \
        return {};                                                                                               \
    }

#endif  // MILLRACE_TYPES_FIELD_LIST_HPP
