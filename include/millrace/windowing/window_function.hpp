#ifndef MILLRACE_WINDOWING_WINDOW_FUNCTION_HPP
#define MILLRACE_WINDOWING_WINDOW_FUNCTION_HPP

#include <millrace/operators/outputs.hpp>
#include <millrace/windowing/time_window.hpp>
#include <millrace/windowing/window_state.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/// What a window function may ask and do besides emitting. @public
/// *Thread safety:* valid only during the call that it was passed to.
template <class Window>
class WindowContextOf {
public:
    WindowContextOf(const Window& window, Timestamp watermark, const detail::StageContext& stage,
                    detail::StageOutputs& outputs, detail::StateCells* windowCells = nullptr,
                    detail::StateCells* globalCells = nullptr)
        : window_(window), watermark_(watermark), stage_(stage), outputs_(outputs), windowCells_(windowCells),
          globalCells_(globalCells) {}

    const Window& window() const noexcept { return window_; }
    Timestamp currentWatermark() const noexcept { return watermark_; }
    Timestamp currentProcessingTime() const { return stage_.currentProcessingTime(); }
    /// Emits to a side output, with the timestamp of the window's results.
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) const {
        outputs_.emitSide(tag, std::forward<U>(value), window_.maxTimestamp());
    }
    /// The states of this window of the key, and those of the key over all of its windows, as far as the function has
    /// declared them in `open(WindowRuntimeContext&)`. The handles that it got there are the same states, and found
    /// faster. *Failure:* ConfigurationException for a state that is not declared, and for `windowState()` of windows that
    /// merge.
    KeyedStates windowState() const { return statesIn(windowCells_); }
    KeyedStates globalState() const { return statesIn(globalCells_); }

private:
    static KeyedStates statesIn(detail::StateCells* cells) {
        if (cells == nullptr) detail::failWithoutWindowState();
        return KeyedStates(*cells);
    }

    Window window_;
    Timestamp watermark_;
    const detail::StageContext& stage_;
    detail::StageOutputs& outputs_;
    detail::StateCells* windowCells_;
    detail::StateCells* globalCells_;
};

/// For windows of time: all but GlobalWindows and assigners with windows of their own. @public
using WindowContext = WindowContextOf<TimeWindow>;

namespace detail {

/// Stands for a window function where there is none: the results are the output.
struct NoWindowFunction {};

/// The one key of windows over a whole stream (`windowAll`); their functions do not see it.
enum class NoKey : std::uint8_t { Only };

/// Calls a window function in one of its forms. With a struct's `process`, or as a callable:
///   (key, context, elements, out)   elements: std::span<const Element>
///   (key, context, result, out)     after an aggregate: its one result
///   (key, window, …, out)           the window in place of the context
/// and without `out`, returning the one element to emit; for windows over a whole stream without `key`.
template <class Fn, class Key, class Element, class Out, class Window = TimeWindow>
class WindowCall {
    using Elements = std::span<const Element>;
    using Context = WindowContextOf<Window>;

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
    template <class... Args>
    static void callWith(Collector<Out>& out, Fn& fn, Args&&... args) {
        if constexpr (kEmits<Args...>) {
            invoke(fn, std::forward<Args>(args)..., out);
        } else {
            out.collect(invoke(fn, std::forward<Args>(args)...));
        }
    }
    template <class Where, class Content>
    static constexpr bool takes() {
        if constexpr (std::is_same_v<Key, NoKey>) {
            return kEmits<Where, Content> || kReturns<Where, Content>;
        } else {
            return kEmits<const Key&, Where, Content> || kReturns<const Key&, Where, Content>;
        }
    }
    template <class Where, class Content>
    static constexpr bool kTakes = takes<Where, Content>();
    template <class Where, class Content>
    static void call(Fn& fn, const Key& key, Where&& where, Content&& content, Collector<Out>& out) {
        if constexpr (std::is_same_v<Key, NoKey>) {
            callWith<Where, Content>(out, fn, std::forward<Where>(where), std::forward<Content>(content));
        } else {
            callWith<const Key&, Where, Content>(out, fn, key, std::forward<Where>(where),
                                                 std::forward<Content>(content));
        }
    }

public:
    /// For `aggregate(fn, windowFn)` and `reduce(fn, windowFn)`: exactly one element.
    static void withResult(Fn& fn, const Key& key, Context& context, const Element& result, Collector<Out>& out) {
        if constexpr (kTakes<Context&, const Element&>) {
            call<Context&, const Element&>(fn, key, context, result, out);
        } else if constexpr (kTakes<const Window&, const Element&>) {
            call<const Window&, const Element&>(fn, key, context.window(), result, out);
        } else {
            withElements(fn, key, context, Elements(&result, 1), out);
        }
    }
    /// For `process(windowFn)`: everything in the window.
    static void withElements(Fn& fn, const Key& key, Context& context, Elements elements, Collector<Out>& out) {
        if constexpr (kTakes<Context&, Elements>) {
            call<Context&, Elements>(fn, key, context, std::move(elements), out);
        } else {
            static_assert(kTakes<const Window&, Elements>,
                          "millrace: a window function must be callable as fn(key, context, elements, out), "
                          "fn(key, window, elements, out) or, after an aggregate, fn(key, window, result, out), with "
                          "WindowContext& context, const TimeWindow& window, std::span<const T> elements and "
                          "Collector<Out>& out; without out it returns the one element to emit, after windowAll there "
                          "is no key, and for other windows write WindowContextOf<Window>& and const Window&.");
            if constexpr (kTakes<const Window&, Elements>) {
                call<const Window&, Elements>(fn, key, context.window(), std::move(elements), out);
            }
        }
    }
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_WINDOWING_WINDOW_FUNCTION_HPP
