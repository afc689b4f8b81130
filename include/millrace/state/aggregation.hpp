#ifndef MILLRACE_STATE_AGGREGATION_HPP
#define MILLRACE_STATE_AGGREGATION_HPP

#include <millrace/core/functional.hpp>

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

// How values are folded into an accumulator: by rolling reductions, by windows, by reducing and aggregating state.

namespace millrace {

/// Aggregates elements as they arrive, those of a window or those added to a state, as in Flink. @public
/// ```
/// struct Average {
///     struct Accumulator { double sum = 0; std::int64_t count = 0; };
///     Accumulator createAccumulator() const { return {}; }
///     void add(const Trade& trade, Accumulator& acc) const { acc.sum += trade.price; ++acc.count; }
///     double getResult(const Accumulator& acc) const { return acc.sum / double(acc.count); }
///     void merge(Accumulator& into, const Accumulator& other) const { into.sum += other.sum; into.count += other.count; }
/// };
/// ```
/// `add` and `merge` may also return the new accumulator. Optional: `merge`, with which sliding windows share the work on
/// their common parts, and `subtract(into, other)`, the exact inverse of `merge`, which makes that cheaper still.
/// *State and checkpoints:* the accumulator needs a codec (plain aggregates have one).
template <class Fn, class T>
concept AggregateFunctionFor = std::copy_constructible<Fn> && requires(Fn& fn, const T& value) {
    { fn.createAccumulator() } -> std::move_constructible;
} && requires(Fn& fn, const T& value, std::remove_cvref_t<decltype(fn.createAccumulator())>& acc) {
    fn.add(value, acc);
    fn.getResult(std::as_const(acc));
};

namespace detail {

/// A reduce function that changes the state in place instead of returning a new one.
template <class Fn, class T>
concept InPlaceReduce = requires(Fn& fn, T& state, const T& value) { fn.reduceInto(state, value); };

/// state = fn(state, value)
template <class Fn, class T>
[[gnu::always_inline]] inline void reduceInto(Fn& fn, T& state, const T& value) {
    if constexpr (InPlaceReduce<Fn, T>) {
        fn.reduceInto(state, value);
    } else {
        state = detail::invoke(fn, std::as_const(state), value);
    }
}

/// What `merge` or `subtract` of the user has thrown, on its way to whoever says where that was: see throwUserFunctionError.
struct FailedMerge {
    const char* what;
    std::exception_ptr cause;
};
/// Throws a FailedMerge of the exception being handled. Cold: never part of a loop.
[[noreturn, gnu::cold, gnu::noinline]] inline void throwFailedMerge(const char* what) {
    throw FailedMerge{what, std::current_exception()};
}

/// How operators and states call an aggregate function, in whichever form it is written.
template <class Fn, class T>
struct AggregateTraits {
    static constexpr bool kStartsWithFirst = requires(Fn& fn, const T& value) { fn.first(value); };

    static auto firstAccumulator(Fn& fn, const T& value) {
        if constexpr (kStartsWithFirst) {
            return fn.first(value);
        } else {
            auto acc = fn.createAccumulator();
            add(fn, value, acc);
            return acc;
        }
    }
    template <class Acc>
    [[gnu::always_inline]] static void add(Fn& fn, const T& value, Acc& acc) {
        if constexpr (requires {
                          { fn.add(value, acc) } -> std::same_as<void>;
                      }) {
            fn.add(value, acc);
        } else if constexpr (requires { fn.add(value, std::move(acc)); }) {
            acc = fn.add(value, std::move(acc));
        } else {
            acc = fn.add(value, acc);
        }
    }

    using Accumulator = decltype(firstAccumulator(std::declval<Fn&>(), std::declval<const T&>()));
    using Result = std::remove_cvref_t<decltype(std::declval<Fn&>().getResult(std::declval<const Accumulator&>()))>;

    static constexpr bool kMerges = requires(Fn& fn, Accumulator& a, const Accumulator& b) { fn.merge(a, b); };
    static constexpr bool kSubtracts =
        kMerges && requires(Fn& fn, Accumulator& a, const Accumulator& b) { fn.subtract(a, b); };

    [[gnu::always_inline]] static void merge(Fn& fn, Accumulator& into, const Accumulator& other) {
        try {
            if constexpr (requires {
                              { fn.merge(into, other) } -> std::same_as<void>;
                          }) {
                fn.merge(into, other);
            } else {
                into = fn.merge(into, other);
            }
        } catch (...) {
            throwFailedMerge("merge of the aggregate function");
        }
    }
    [[gnu::always_inline]] static void subtract(Fn& fn, Accumulator& from, const Accumulator& other) {
        try {
            if constexpr (requires {
                              { fn.subtract(from, other) } -> std::same_as<void>;
                          }) {
                fn.subtract(from, other);
            } else {
                from = fn.subtract(from, other);
            }
        } catch (...) {
            throwFailedMerge("subtract of the aggregate function");
        }
    }
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_STATE_AGGREGATION_HPP
