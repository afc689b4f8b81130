#ifndef MILLRACE_WINDOWING_GROUP_REDUCE_FUNCTION_HPP
#define MILLRACE_WINDOWING_GROUP_REDUCE_FUNCTION_HPP

#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/record/collector.hpp>

#include <concepts>
#include <functional>
#include <span>
#include <type_traits>

namespace millrace::detail {

/// What the function of `groupReduce` emits: seen from its collector, or returned; void if none of that.
template <class Fn, class Key, class T>
auto groupReduceOutput() {
    using Seen = typename EmittedBy<Fn>::Type;
    using Elements = std::span<const T>;
    if constexpr (!std::is_void_v<Seen>) {
        return std::type_identity<Seen>{};
    } else if constexpr (std::invocable<Fn&, Elements>) {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, Elements>>>{};
    } else if constexpr (std::invocable<Fn&, const Key&, Elements>) {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, const Key&, Elements>>>{};
    } else {
        return std::type_identity<void>{};
    }
}

/// Callable with all elements of a group, perhaps with their key before them, and a collector behind them or a result.
template <class Fn, class Key, class T, class Out>
concept GroupReduceFunctionFor =
    std::copy_constructible<Fn> &&
    (std::invocable<Fn&, std::span<const T>, Collector<Out>&> ||
     std::invocable<Fn&, const Key&, std::span<const T>, Collector<Out>&> || std::invocable<Fn&, std::span<const T>> ||
     std::invocable<Fn&, const Key&, std::span<const T>>);

/// A window function that calls the one of `groupReduce`.
template <class T, class Out, class Fn>
struct GroupReduceWindow : WrappedFunction<Fn> {
    using Elements = std::span<const T>;

    template <class Key, class Context>
    void operator()(const Key& key, Context&, Elements elements, Collector<Out>& out) {
        if constexpr (std::invocable<Fn&, Elements, Collector<Out>&>) {
            std::invoke(this->fn, elements, out);
        } else if constexpr (std::invocable<Fn&, const Key&, Elements, Collector<Out>&>) {
            std::invoke(this->fn, key, elements, out);
        } else if constexpr (std::invocable<Fn&, Elements>) {
            out.collect(std::invoke(this->fn, elements));
        } else {
            out.collect(std::invoke(this->fn, key, elements));
        }
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_GROUP_REDUCE_FUNCTION_HPP
