#ifndef MILLRACE_API_WINDOW_AGGREGATIONS_HPP
#define MILLRACE_API_WINDOW_AGGREGATIONS_HPP

#include <millrace/api/field_reductions.hpp>
#include <millrace/api/rejected_stream.hpp>
#include <millrace/api/window_kinds.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/windowing/aggregate_function.hpp>

#include <string>
#include <utility>

namespace millrace {

/// What windows compute as their elements arrive, whether or not these are added up in front of the exchange. @public
/// `Derived` provides `Key`, `Window` and `compute<Out>(aggregate, windowFn, kind)`; `Out` is void where it cannot be seen.
template <class Derived, class T>
class WindowAggregations : public FieldReductions<Derived, T> {
public:
    /// Aggregates as elements arrive; emits the results.
    template <class Aggregate>
    auto aggregate(Aggregate fn) const {
        if constexpr (!AggregateFunctionFor<Aggregate, T>) {
            return detail::rejectAggregate<Aggregate>();
        } else {
            return windows().template compute<typename detail::AggregateTraits<Aggregate, T>::Result>(
                std::move(fn), detail::NoWindowFunction{}, "aggregate");
        }
    }
    /// Aggregates as elements arrive; `windowFn(key, window, result, out)` turns each result into output, or returns it.
    /// Where its output type cannot be seen (generic parameters): `aggregate<Out>(fn, windowFn)`.
    template <class Out = void, class Aggregate, class WindowFn>
    auto aggregate(Aggregate fn, WindowFn windowFn) const {
        if constexpr (!AggregateFunctionFor<Aggregate, T>) {
            return detail::rejectAggregate<Aggregate>();
        } else {
            using Result = typename detail::AggregateTraits<Aggregate, T>::Result;
            return windows().template compute<Output<Out, WindowFn, Result>>(std::move(fn), std::move(windowFn),
                                                                             "aggregate");
        }
    }
    /// Combines the elements of a window as they arrive: `fn(const T&, const T&)`.
    template <class Fn>
    auto reduce(Fn fn) const {
        if constexpr (!ReduceFunctionFor<Fn, T>) {
            return detail::rejectReduce<Fn>();
        } else {
            return reduceWith(std::move(fn), "reduce");
        }
    }
    /// The same with a window function, as of `aggregate`.
    template <class Out = void, class Fn, class WindowFn>
    auto reduce(Fn fn, WindowFn windowFn) const {
        if constexpr (!ReduceFunctionFor<Fn, T>) {
            return detail::rejectReduce<Fn>();
        } else {
            return windows().template compute<Output<Out, WindowFn, T>>(detail::ReduceAggregate<T, Fn>{std::move(fn)},
                                                                        std::move(windowFn), "reduce");
        }
    }

private:
    friend class FieldReductions<Derived, T>;

    /// `Self` is Derived, which is not complete before one of these functions is called.
    template <class Out, class WindowFn, class Result, class Self = Derived>
    using Output = detail::WindowOutput<Out, WindowFn, typename Self::Key, typename Self::Window, Result>;

    const Derived& windows() const noexcept { return static_cast<const Derived&>(*this); }
    template <class Fn>
    auto reduceWith(Fn fn, std::string kind) const {
        return windows().template compute<T>(detail::ReduceAggregate<T, Fn>{std::move(fn)}, detail::NoWindowFunction{},
                                             std::move(kind));
    }
};

}  // namespace millrace

#endif  // MILLRACE_API_WINDOW_AGGREGATIONS_HPP
