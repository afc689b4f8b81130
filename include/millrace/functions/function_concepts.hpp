#ifndef MILLRACE_FUNCTIONS_FUNCTION_CONCEPTS_HPP
#define MILLRACE_FUNCTIONS_FUNCTION_CONCEPTS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/record/collector.hpp>

#include <concepts>
#include <type_traits>

namespace millrace {

/// Callable with the element (taken by value, `const T&` or `T&&`: the chain hands over its own), returns the new
/// element by value. @public
template <class Fn, class T>
concept MapFunctionFor = std::copy_constructible<Fn> && std::invocable<Fn&, T> &&
                         std::is_object_v<std::remove_reference_t<std::invoke_result_t<Fn&, T>>>;

/// Callable with `const T&`, returns bool. @public
template <class Fn, class T>
concept FilterFunctionFor = std::copy_constructible<Fn> && std::predicate<Fn&, const T&>;

/// Callable with the element and a collector, returns nothing. @public
template <class Fn, class T, class Out>
concept FlatMapFunctionFor = std::copy_constructible<Fn> && std::invocable<Fn&, T, Collector<Out>&>;

/// Callable with `const T&`, returns the key; must give the same key for the same record whenever it is asked. @public
template <class Fn, class T>
concept KeySelectorFor = std::copy_constructible<Fn> && std::invocable<Fn&, const T&> &&
                         !std::is_void_v<std::invoke_result_t<Fn&, const T&>>;

/// Callable with two elements, returns the combination; associative. @public
template <class Fn, class T>
concept ReduceFunctionFor = std::copy_constructible<Fn> && std::is_invocable_r_v<T, Fn&, const T&, const T&>;

/// Callable with the element, for its effect. @public
template <class Fn, class T>
concept SinkFunctionFor = std::copy_constructible<Fn> && std::invocable<Fn&, const T&>;

namespace detail {

template <class Parameter>
struct CollectorElement {
    using Type = void;
};
template <class Out>
struct CollectorElement<Collector<Out>&> {
    using Type = Out;
};
template <class... Parameters>
struct LastCollector {
    using Type = void;
};
template <class First, class... More>
struct LastCollector<First, More...> : LastCollector<More...> {};
template <class Last>
struct LastCollector<Last> : CollectorElement<Last> {};

template <class Signature>
struct EmittedByCall {
    using Type = void;
};
template <class R, class C, class... Parameters>
struct EmittedByCall<R (C::*)(Parameters...)> : LastCollector<Parameters...> {};
template <class R, class C, class... Parameters>
struct EmittedByCall<R (C::*)(Parameters...) const> : LastCollector<Parameters...> {};
template <class R, class C, class... Parameters>
struct EmittedByCall<R (C::*)(Parameters...) noexcept> : LastCollector<Parameters...> {};
template <class R, class C, class... Parameters>
struct EmittedByCall<R (C::*)(Parameters...) const noexcept> : LastCollector<Parameters...> {};
template <class R, class... Parameters>
struct EmittedByCall<R (*)(Parameters...)> : LastCollector<Parameters...> {};

/// What a callable, or a struct with `processElement` or `process`, emits: the element type of its last parameter, a
/// collector; void where that cannot be seen because the parameters are templates.
template <class Fn>
struct EmittedBy {
    using Type = typename EmittedByCall<Fn>::Type;
};
template <class Fn>
    requires requires { &Fn::operator(); }
struct EmittedBy<Fn> {
    using Type = typename EmittedByCall<decltype(&Fn::operator())>::Type;
};
template <class Fn>
    requires requires { &Fn::processElement; }
struct EmittedBy<Fn> {
    using Type = typename EmittedByCall<decltype(&Fn::processElement)>::Type;
};
template <class Fn>
    requires requires { &Fn::process; }
struct EmittedBy<Fn> {
    using Type = typename EmittedByCall<decltype(&Fn::process)>::Type;
};

/// The same for process functions, which may name it: `using Output = …`.
template <class Fn>
struct ProcessOutput : EmittedBy<Fn> {};
template <class Fn>
    requires requires { typename Fn::Output; }
struct ProcessOutput<Fn> {
    using Type = typename Fn::Output;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_FUNCTION_CONCEPTS_HPP
