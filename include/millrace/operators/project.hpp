#ifndef MILLRACE_OPERATORS_PROJECT_HPP
#define MILLRACE_OPERATORS_PROJECT_HPP

#include <millrace/core/functional.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

// The functions of `project`.

namespace millrace::detail {

/// Whether T is a tuple, a pair or an array that has all these elements.
template <class T, std::size_t... kIndices>
inline constexpr bool kHasElements = requires { requires((kIndices < std::tuple_size<T>::value) && ...); };

/// Some elements of a tuple. Each is moved, unless one is asked for twice.
template <class T, std::size_t... kIndices>
struct ProjectElements {
    using Output = std::tuple<std::tuple_element_t<kIndices, T>...>;

    static constexpr bool distinct() {
        const std::size_t all[] = {kIndices...};
        for (std::size_t i = 0; i < sizeof...(kIndices); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                if (all[i] == all[j]) return false;
            }
        }
        return true;
    }
    Output operator()(T&& value) const {
        if constexpr (distinct()) {
            return Output(std::get<kIndices>(std::move(value))...);
        } else {
            return Output(std::get<kIndices>(std::as_const(value))...);
        }
    }
};

/// Some fields of a record, copied: a callable may give parts of the same field.
template <class T, class... Fields>
struct ProjectFields {
    std::tuple<Fields...> fields;

    auto operator()(const T& value) const {
        return std::apply(
            [&](const Fields&... field) {
                return std::tuple<std::remove_cvref_t<std::invoke_result_t<const Fields&, const T&>>...>(
                    detail::invoke(field, value)...);
            },
            fields);
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_PROJECT_HPP
