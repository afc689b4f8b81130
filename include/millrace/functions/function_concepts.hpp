#ifndef MILLRACE_FUNCTIONS_FUNCTION_CONCEPTS_HPP
#define MILLRACE_FUNCTIONS_FUNCTION_CONCEPTS_HPP

#include <millrace/record/collector.hpp>

#include <concepts>
#include <functional>
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

// The element type of a callable's collector parameter: `[](Line line, Collector<Word>& out)` gives Word.
template <class Signature>
struct CollectorOfCall {
    using Type = void;
};
template <class R, class C, class A, class Out>
struct CollectorOfCall<R (C::*)(A, Collector<Out>&)> {
    using Type = Out;
};
template <class R, class C, class A, class Out>
struct CollectorOfCall<R (C::*)(A, Collector<Out>&) const> {
    using Type = Out;
};
template <class R, class C, class A, class Out>
struct CollectorOfCall<R (C::*)(A, Collector<Out>&) noexcept> {
    using Type = Out;
};
template <class R, class C, class A, class Out>
struct CollectorOfCall<R (C::*)(A, Collector<Out>&) const noexcept> {
    using Type = Out;
};
template <class R, class A, class Out>
struct CollectorOfCall<R (*)(A, Collector<Out>&)> {
    using Type = Out;
};

template <class Fn>
struct CollectorOf {
    using Type = typename CollectorOfCall<Fn>::Type;
};
template <class Fn>
    requires requires { &Fn::operator(); }
struct CollectorOf<Fn> {
    using Type = typename CollectorOfCall<decltype(&Fn::operator())>::Type;
};

// The same for `processElement(value, ctx, out)`.
template <class Signature>
struct ProcessOutputOfCall {
    using Type = void;
};
template <class R, class C, class A, class X, class Out>
struct ProcessOutputOfCall<R (C::*)(A, X, Collector<Out>&)> {
    using Type = Out;
};
template <class R, class C, class A, class X, class Out>
struct ProcessOutputOfCall<R (C::*)(A, X, Collector<Out>&) const> {
    using Type = Out;
};
template <class Fn>
struct ProcessOutputOf {
    using Type = void;
};
template <class Fn>
    requires requires { &Fn::operator(); }
struct ProcessOutputOf<Fn> {
    using Type = typename ProcessOutputOfCall<decltype(&Fn::operator())>::Type;
};
template <class Fn>
    requires requires { &Fn::processElement; }
struct ProcessOutputOf<Fn> {
    using Type = typename ProcessOutputOfCall<decltype(&Fn::processElement)>::Type;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_FUNCTION_CONCEPTS_HPP
