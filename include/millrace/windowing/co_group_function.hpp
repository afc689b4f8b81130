#ifndef MILLRACE_WINDOWING_CO_GROUP_FUNCTION_HPP
#define MILLRACE_WINDOWING_CO_GROUP_FUNCTION_HPP

#include <millrace/operators/user_function.hpp>
#include <millrace/record/collector.hpp>
#include <millrace/windowing/window_pairing.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// Two streams in one window operator: their elements are tagged with the side that they come from, and the window function
// takes them apart again.

namespace millrace::detail {

/// An element of the first or of the second of two streams.
template <class L, class R>
using Tagged = std::variant<L, R>;

template <class L, class R, std::size_t kSide>
struct TagSide {
    using Element = std::variant_alternative_t<kSide, Tagged<L, R>>;
    Tagged<L, R> operator()(Element element) const {
        return Tagged<L, R>(std::in_place_index<kSide>, std::move(element));
    }
};

/// The key of a tagged element: that of its side's selector.
template <class Key, class LeftKey, class RightKey>
struct TaggedKey {
    LeftKey left;
    RightKey right;

    template <class L, class R>
    Key operator()(const Tagged<L, R>& element) const {
        if (const L* const first = std::get_if<0>(&element)) return Key(std::invoke(left, *first));
        return Key(std::invoke(right, *std::get_if<1>(&element)));
    }
};

/// How a join hands over an element: as a pointer where it may be missing, which is null then.
template <class T, bool kMayMiss>
using JoinArgument = std::conditional_t<kMayMiss, const T*, const T&>;
template <class L, WindowPairing kPairing>
using LeftArgument = JoinArgument<L, kPairing == WindowPairing::RightOuter || kPairing == WindowPairing::FullOuter>;
template <class R, WindowPairing kPairing>
using RightArgument = JoinArgument<R, kPairing == WindowPairing::LeftOuter || kPairing == WindowPairing::FullOuter>;

/// Calls `fn(left, right)` or `fn(left, right, out)` for each pair of a window, and for what has no partner there.
template <class L, class R, WindowPairing kPairing, class Out, class Fn>
struct JoinWindow : WrappedFunction<Fn> {
    using Left = LeftArgument<L, kPairing>;
    using Right = RightArgument<R, kPairing>;
    static constexpr bool kEmits = std::invocable<Fn&, Left, Right, Collector<Out>&>;
    static constexpr bool kLoneLeft = std::is_pointer_v<Right>;
    static constexpr bool kLoneRight = std::is_pointer_v<Left>;

    template <class Key, class Context>
    void operator()(const Key&, Context&, std::span<const Tagged<L, R>> elements, Collector<Out>& out) {
        rights.clear();
        for (const auto& element : elements) {
            if (const R* const right = std::get_if<1>(&element)) rights.push_back(right);
        }
        if (!kLoneLeft && rights.empty()) return;
        bool anyLeft = false;
        for (const auto& element : elements) {
            const L* const left = std::get_if<0>(&element);
            if (left == nullptr) continue;
            anyLeft = true;
            if constexpr (kLoneLeft) {
                if (rights.empty()) call(left, nullptr, out);
            }
            for (const R* const right : rights) call(left, right, out);
        }
        if constexpr (kLoneRight) {
            if (anyLeft) return;
            for (const R* const right : rights) call(nullptr, right, out);
        }
    }

    std::vector<const R*> rights{};

private:
    template <class Argument, class T>
    static Argument as(const T* element) {
        if constexpr (std::is_pointer_v<Argument>) {
            return element;
        } else {
            return *element;
        }
    }
    void call(const L* left, const R* right, Collector<Out>& out) {
        if constexpr (kEmits) {
            std::invoke(this->fn, as<Left>(left), as<Right>(right), out);
        } else {
            out.collect(std::invoke(this->fn, as<Left>(left), as<Right>(right)));
        }
    }
};

/// Calls `fn(lefts, rights, out)` for each window.
template <class L, class R, class Out, class Fn>
struct CoGroupWindow : WrappedFunction<Fn> {
    template <class Key, class Context>
    void operator()(const Key&, Context&, std::span<const Tagged<L, R>> elements, Collector<Out>& out) {
        lefts.clear();
        rights.clear();
        for (const auto& element : elements) {
            if (const L* const left = std::get_if<0>(&element)) {
                lefts.push_back(*left);
            } else {
                rights.push_back(*std::get_if<1>(&element));
            }
        }
        std::invoke(this->fn, std::span<const L>(lefts), std::span<const R>(rights), out);
    }

    std::vector<L> lefts{};
    std::vector<R> rights{};
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_CO_GROUP_FUNCTION_HPP
