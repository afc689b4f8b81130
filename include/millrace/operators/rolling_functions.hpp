#ifndef MILLRACE_OPERATORS_ROLLING_FUNCTIONS_HPP
#define MILLRACE_OPERATORS_ROLLING_FUNCTIONS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/state/aggregation.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

// Reduce functions behind sum, min, max, minBy and maxBy, rolling and in windows. They work in place: `reduceInto`.

namespace millrace::detail {

/// The field "all of it": for streams of plain numbers.
struct WholeValue {
    template <class T>
    constexpr T& operator()(T& value) const noexcept {
        return value;
    }
};

/// What the field of a record is: a pointer to member, or a callable that returns a reference into the record.
template <class Field, class T>
using FieldOf = std::remove_cvref_t<std::invoke_result_t<const Field&, T&>>;

template <class Field, class T>
concept AssignableField = std::is_lvalue_reference_v<std::invoke_result_t<const Field&, T&>> &&
                          !std::is_const_v<std::remove_reference_t<std::invoke_result_t<const Field&, T&>>>;

/// Adds up the field; the other fields are those of the first record.
template <class Field>
struct SumFunction {
    Field field{};
    template <class T>
        requires AssignableField<Field, T>
    void reduceInto(T& state, const T& value) const {
        foldInto(detail::invoke(field, state), value);
    }
    template <class T>
    void foldInto(FieldOf<Field, T>& total, const T& value) const {
        total = static_cast<FieldOf<Field, T>>(total + detail::invoke(field, value));
    }
};

/// Keeps the smallest (largest) value of the field; the other fields are those of the first record.
template <class Field, bool kLargest>
struct ExtremumFunction {
    Field field{};
    template <class T>
        requires AssignableField<Field, T>
    void reduceInto(T& state, const T& value) const {
        foldInto(detail::invoke(field, state), value);
    }
    template <class T>
    void foldInto(FieldOf<Field, T>& best, const T& value) const {
        const auto& candidate = detail::invoke(field, value);
        if (kLargest ? best < candidate : candidate < best) best = candidate;
    }
};
template <class Field>
using MinFunction = ExtremumFunction<Field, false>;
template <class Field>
using MaxFunction = ExtremumFunction<Field, true>;

/// A function that folds a number of each record into a field of the state: neither a member nor a number throws.
template <class Fn, class T>
concept FoldsField =
    std::is_member_object_pointer_v<decltype(Fn::field)> && std::is_arithmetic_v<FieldOf<decltype(Fn::field), T>> &&
    requires(const Fn& fn, T& state) { fn.foldInto(detail::invoke(fn.field, state), state); };

/// Keeps the whole record with the smallest (largest) value of the field; of equal ones the first, or else the latest.
template <class Field, bool kLargest>
struct ExtremumByFunction {
    Field field{};
    bool first = true;
    template <class T>
    void reduceInto(T& state, const T& value) const {
        const auto& best = detail::invoke(field, std::as_const(state));
        const auto& candidate = detail::invoke(field, value);
        const bool better = kLargest ? best < candidate : candidate < best;
        const bool worse = kLargest ? candidate < best : best < candidate;
        if (better || (!first && !worse)) state = value;
    }
};
template <class Field>
using MinByFunction = ExtremumByFunction<Field, false>;
template <class Field>
using MaxByFunction = ExtremumByFunction<Field, true>;

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_ROLLING_FUNCTIONS_HPP
