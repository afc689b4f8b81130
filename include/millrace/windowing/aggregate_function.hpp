#ifndef MILLRACE_WINDOWING_AGGREGATE_FUNCTION_HPP
#define MILLRACE_WINDOWING_AGGREGATE_FUNCTION_HPP

#include <millrace/state/aggregation.hpp>
#include <millrace/state/counted_memory.hpp>
#include <millrace/state/key_group_state.hpp>

#include <type_traits>

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
    using List = CountedVector<T>;
    StateMemory* account = nullptr;  ///< where lists count their memory

    List createAccumulator() const { return List(CountedAllocator<T>(account)); }
    void add(const T& value, List& acc) const { acc.push_back(value); }
    const List& getResult(const List& acc) const noexcept { return acc; }
};

/// Before the first accumulator of an operator: what it has beside the table is counted there, if it is a list.
template <class Aggregate>
void chargeTo(StateMemory& account, Aggregate& fn) noexcept {
    if constexpr (requires { fn.account = &account; }) fn.account = &account;
}
/// Reads an accumulator back.
template <class Accumulator, class Aggregate>
Accumulator decodeAccumulator(const Aggregate& fn, ByteReader& reader) {
    if constexpr (requires { fn.account; }) {
        Accumulator acc = fn.createAccumulator();
        Codec<Accumulator>::decode(reader, acc);
        return acc;
    } else {
        return decodeState<Accumulator>(reader);
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_AGGREGATE_FUNCTION_HPP
