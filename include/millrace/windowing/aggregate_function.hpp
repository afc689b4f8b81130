#ifndef MILLRACE_WINDOWING_AGGREGATE_FUNCTION_HPP
#define MILLRACE_WINDOWING_AGGREGATE_FUNCTION_HPP

#include <millrace/state/aggregation.hpp>

#include <type_traits>
#include <vector>

namespace millrace::detail {

/// `reduce(fn)` as an aggregate: the first element is the accumulator.
template <class T, class Fn>
struct ReduceAggregate {
    Fn fn;
    T first(const T& value) const { return value; }
    void add(const T& value, T& acc) { reduceInto(fn, acc, value); }
    const T& getResult(const T& acc) const noexcept { return acc; }
    void merge(T& into, const T& other) { reduceInto(fn, into, other); }
};

/// `process(fn)` as an aggregate: all elements, in the order of their arrival.
template <class T>
struct ListAggregate {
    static_assert(!std::is_same_v<T, bool>, "millrace: process() on windows of bool: wrap the bool in a struct");
    std::vector<T> createAccumulator() const { return {}; }
    void add(const T& value, std::vector<T>& acc) const { acc.push_back(value); }
    const std::vector<T>& getResult(const std::vector<T>& acc) const noexcept { return acc; }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_AGGREGATE_FUNCTION_HPP
