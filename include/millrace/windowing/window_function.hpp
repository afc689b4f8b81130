#ifndef MILLRACE_WINDOWING_WINDOW_FUNCTION_HPP
#define MILLRACE_WINDOWING_WINDOW_FUNCTION_HPP

#include <millrace/operators/outputs.hpp>
#include <millrace/windowing/time_window.hpp>

#include <concepts>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/// What a window function may ask and do besides emitting. @public
/// *Thread safety:* valid only during the call that it was passed to.
class WindowContext {
public:
    WindowContext(TimeWindow window, Timestamp watermark, const detail::StageContext& stage,
                  detail::StageOutputs& outputs)
        : window_(window), watermark_(watermark), stage_(stage), outputs_(outputs) {}

    const TimeWindow& window() const noexcept { return window_; }
    Timestamp currentWatermark() const noexcept { return watermark_; }
    Timestamp currentProcessingTime() const { return stage_.currentProcessingTime(); }
    /// Emits to a side output, with the timestamp of the window's results.
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) const {
        outputs_.emitSide(tag, std::forward<U>(value), window_.maxTimestamp());
    }

private:
    TimeWindow window_;
    Timestamp watermark_;
    const detail::StageContext& stage_;
    detail::StageOutputs& outputs_;
};

namespace detail {

/// Stands for a window function where there is none: the results are the output.
struct NoWindowFunction {};

/// Calls a window function in one of its forms. With a struct's `process`, or as a callable:
///   (key, context, elements, out)   elements: std::span<const Element>
///   (key, context, result, out)     after an aggregate: its one result
///   (key, window, …, out)           TimeWindow in place of the context
/// and without `out`, returning the one element to emit.
template <class Fn, class Key, class Element, class Out>
class WindowCall {
    using Elements = std::span<const Element>;

    template <class... Args>
    static constexpr bool kMember = requires(Fn& fn, Args&&... args) { fn.process(std::forward<Args>(args)...); };
    template <class... Args>
    static constexpr bool kEmits = kMember<Args..., Collector<Out>&> || std::invocable<Fn&, Args..., Collector<Out>&>;
    template <class... Args>
    static constexpr bool kReturns = kMember<Args...> || std::invocable<Fn&, Args...>;

    template <class... Args>
    static decltype(auto) invoke(Fn& fn, Args&&... args) {
        if constexpr (kMember<Args...>) {
            return fn.process(std::forward<Args>(args)...);
        } else {
            return std::invoke(fn, std::forward<Args>(args)...);
        }
    }
    template <class Where, class Content>
    static constexpr bool kTakes = kEmits<const Key&, Where, Content> || kReturns<const Key&, Where, Content>;
    template <class Where, class Content>
    static void call(Fn& fn, const Key& key, Where&& where, Content&& content, Collector<Out>& out) {
        if constexpr (kEmits<const Key&, Where, Content>) {
            invoke(fn, key, std::forward<Where>(where), std::forward<Content>(content), out);
        } else {
            out.collect(invoke(fn, key, std::forward<Where>(where), std::forward<Content>(content)));
        }
    }

public:
    /// For `aggregate(fn, windowFn)` and `reduce(fn, windowFn)`: exactly one element.
    static void withResult(Fn& fn, const Key& key, WindowContext& context, const Element& result, Collector<Out>& out) {
        if constexpr (kTakes<WindowContext&, const Element&>) {
            call(fn, key, context, result, out);
        } else if constexpr (kTakes<const TimeWindow&, const Element&>) {
            call(fn, key, context.window(), result, out);
        } else {
            withElements(fn, key, context, Elements(&result, 1), out);
        }
    }
    /// For `process(windowFn)`: everything in the window.
    static void withElements(Fn& fn, const Key& key, WindowContext& context, Elements elements, Collector<Out>& out) {
        if constexpr (kTakes<WindowContext&, Elements>) {
            call(fn, key, context, elements, out);
        } else {
            static_assert(kTakes<const TimeWindow&, Elements>,
                          "millrace: a window function must be callable as fn(key, context, elements, out), "
                          "fn(key, window, elements, out) or, after an aggregate, fn(key, window, result, out), with "
                          "WindowContext& context, const TimeWindow& window, std::span<const T> elements and "
                          "Collector<Out>& out; without out it returns the one element to emit.");
            if constexpr (kTakes<const TimeWindow&, Elements>) call(fn, key, context.window(), elements, out);
        }
    }
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_WINDOWING_WINDOW_FUNCTION_HPP
