#ifndef MILLRACE_API_WINDOW_KINDS_HPP
#define MILLRACE_API_WINDOW_KINDS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/types/describe.hpp>
#include <millrace/windowing/global_window.hpp>
#include <millrace/windowing/window_function.hpp>

#include <concepts>
#include <span>
#include <type_traits>

// What the API asks of window assigners, functions and triggers to name, describe and check them.

namespace millrace::detail {

/// Stands for the assigner's own trigger.
struct DefaultTrigger {};

template <class Trigger, class Assigner>
struct ChosenTrigger {
    using Type = Trigger;
    static Type of(const Trigger& trigger, const Assigner&) { return trigger; }
};
template <class Assigner>
struct ChosenTrigger<DefaultTrigger, Assigner> {
    using Type = decltype(std::declval<const Assigner&>().defaultTrigger());
    static Type of(const DefaultTrigger&, const Assigner& assigner) { return assigner.defaultTrigger(); }
};

/// The key of a stream without keys.
struct OneKey {
    template <class T>
    NoKey operator()(const T&) const noexcept {
        return NoKey::Only;
    }
};

// What a window function emits: named, seen from its collector parameter, or returned, by a callable or by `process`.
template <class Fn, class... Args>
concept ProcessesWindow = requires(Fn& fn, Args&&... args) { fn.process(std::forward<Args>(args)...); };

template <class Fn, class... Args>
auto resultOfWindowFunction() {
    if constexpr (ProcessesWindow<Fn, Args...>) {
        return std::type_identity<std::decay_t<decltype(std::declval<Fn&>().process(std::declval<Args>()...))>>{};
    } else {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, Args...>>>{};
    }
}
template <class Fn, class Key, class... Args>
constexpr bool windowFunctionTakes() {
    if constexpr (std::is_same_v<Key, NoKey>) {
        return ProcessesWindow<Fn, Args...> || std::invocable<Fn&, Args...>;
    } else {
        return ProcessesWindow<Fn, const Key&, Args...> || std::invocable<Fn&, const Key&, Args...>;
    }
}
template <class Fn, class Key, class... Args>
auto windowReturns() {
    if constexpr (std::is_same_v<Key, NoKey>) {
        return resultOfWindowFunction<Fn, Args...>();
    } else {
        return resultOfWindowFunction<Fn, const Key&, Args...>();
    }
}
template <class Fn, class Key, class Window, class Element>
auto windowOutput() {
    using Seen = typename EmittedBy<Fn>::Type;
    using Elements = std::span<const Element>;
    using Context = WindowContextOf<Window>&;
    if constexpr (!std::is_void_v<Seen>) {
        return std::type_identity<Seen>{};
    } else if constexpr (windowFunctionTakes<Fn, Key, const Window&, const Element&>()) {
        return windowReturns<Fn, Key, const Window&, const Element&>();
    } else if constexpr (windowFunctionTakes<Fn, Key, Context, const Element&>()) {
        return windowReturns<Fn, Key, Context, const Element&>();
    } else if constexpr (windowFunctionTakes<Fn, Key, const Window&, Elements>()) {
        return windowReturns<Fn, Key, const Window&, Elements>();
    } else if constexpr (windowFunctionTakes<Fn, Key, Context, Elements>()) {
        return windowReturns<Fn, Key, Context, Elements>();
    } else {
        return std::type_identity<void>{};
    }
}
template <class Out, class Fn, class Key, class Window, class Element>
struct WindowOutputOf : std::type_identity<Out> {};
template <class Fn, class Key, class Window, class Element>
struct WindowOutputOf<void, Fn, Key, Window, Element> : decltype(windowOutput<Fn, Key, Window, Element>()) {};
template <class Out, class Fn, class Key, class Window, class Element>
using WindowOutput = typename WindowOutputOf<Out, Fn, Key, Window, Element>::type;

/// Tumbling or sliding event-time windows, which are kept by window instead of by key.
template <class Assigner>
concept AlignedAssigner = requires(const Assigner assigner) {
    assigner.grid();
    Assigner::kOverlapping;
};

template <class Assigner>
Duration alignmentDriftOf(const Assigner& assigner) {
    Duration length{0};
    if constexpr (requires { assigner.slide(); }) {
        length = assigner.slide();
    } else if constexpr (requires { assigner.size(); }) {
        length = assigner.size();
    } else if constexpr (requires { assigner.step(); }) {
        length = assigner.step();
    }
    return 32 * std::min(length, Duration::max() / 32);
}

/// "sliding window", "session window"…
template <class Assigner>
const char* windowKind() {
    if constexpr (std::is_same_v<typename Assigner::Window, GlobalWindow>) {
        return "global window ";
    } else if constexpr (Assigner::kMerging) {
        return "session window ";
    } else if constexpr (requires(const Assigner& a) { a.slide(); }) {
        return "sliding window ";
    } else if constexpr (requires(const Assigner& a) { a.step(); }) {
        return "cumulating window ";
    } else if constexpr (requires(const Assigner& a) { a.size(); }) {
        return "tumbling window ";
    } else {
        return "window ";
    }
}

template <class Assigner>
[[gnu::cold]] void setWindowParameters(OperatorInfo& info, const Assigner& assigner, Duration lateness, bool lateTag) {
    if constexpr (requires { assigner.size(); }) info.setParameter("size", describeDuration(assigner.size()));
    if constexpr (requires { assigner.slide(); }) info.setParameter("slide", describeDuration(assigner.slide()));
    if constexpr (requires { assigner.gap(); }) info.setParameter("gap", describeDuration(assigner.gap()));
    if constexpr (requires { assigner.step(); }) info.setParameter("step", describeDuration(assigner.step()));
    if constexpr (requires { assigner.maxSize(); }) info.setParameter("maxSize", describeDuration(assigner.maxSize()));
    if constexpr (requires { assigner.offset(); }) {
        if (assigner.offset() != Duration::zero()) info.setParameter("offset", describeDuration(assigner.offset()));
    }
    if (!Assigner::kEventTime && !std::is_same_v<typename Assigner::Window, GlobalWindow>) {
        info.setParameter("time", "processing time");
    }
    if (lateness != Duration::zero()) info.setParameter("allowedLateness", describeDuration(lateness));
    if (lateTag) info.setParameter("lateData", "side output");
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_WINDOW_KINDS_HPP
