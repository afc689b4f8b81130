#ifndef MILLRACE_API_WINDOWED_STREAM_HPP
#define MILLRACE_API_WINDOWED_STREAM_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/api/field_reductions.hpp>
#include <millrace/api/keyed_stream.hpp>
#include <millrace/types/describe.hpp>
#include <millrace/windowing/aggregate_function.hpp>
#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

// What a window function emits: named, seen from its collector parameter, or returned.
template <class Fn, class Key, class Element>
auto windowOutput() {
    using Seen = typename EmittedBy<Fn>::Type;
    using Elements = std::span<const Element>;
    if constexpr (!std::is_void_v<Seen>) {
        return std::type_identity<Seen>{};
    } else if constexpr (std::invocable<Fn&, const Key&, const TimeWindow&, const Element&>) {
        return std::type_identity<
            std::decay_t<std::invoke_result_t<Fn&, const Key&, const TimeWindow&, const Element&>>>{};
    } else if constexpr (std::invocable<Fn&, const Key&, WindowContext&, const Element&>) {
        return std::type_identity<
            std::decay_t<std::invoke_result_t<Fn&, const Key&, WindowContext&, const Element&>>>{};
    } else if constexpr (std::invocable<Fn&, const Key&, const TimeWindow&, Elements>) {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, const Key&, const TimeWindow&, Elements>>>{};
    } else if constexpr (std::invocable<Fn&, const Key&, WindowContext&, Elements>) {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, const Key&, WindowContext&, Elements>>>{};
    } else {
        return std::type_identity<void>{};
    }
}
template <class Out, class Fn, class Key, class Element>
using WindowOutput = typename std::conditional_t<std::is_void_v<Out>, decltype(windowOutput<Fn, Key, Element>()),
                                                 std::type_identity<Out>>::type;

template <class Assigner>
Duration slideOf(const Assigner& assigner) {
    if constexpr (requires { assigner.slide(); }) {
        return assigner.slide();
    } else {
        return assigner.size();
    }
}

template <class Assigner>
void setWindowParameters(OperatorInfo& info, const Assigner& assigner, Duration lateness, bool lateTag) {
    info.setParameter("size", describeDuration(assigner.size()));
    if constexpr (requires { assigner.slide(); }) info.setParameter("slide", describeDuration(assigner.slide()));
    if (assigner.offset() != Duration::zero()) info.setParameter("offset", describeDuration(assigner.offset()));
    if (lateness != Duration::zero()) info.setParameter("allowedLateness", describeDuration(lateness));
    if (lateTag) info.setParameter("lateData", "side output");
}

template <class Assigner>
concept AlignedAssigner = requires(const Assigner assigner) {
    assigner.grid();
    Assigner::kOverlapping;
};

}  // namespace detail

/// A keyed stream cut into windows; say what to compute from each. @public
/// Results carry the last timestamp of their window, so that a further window of the same size puts them into the
/// matching one.
template <class T, class KeySelector, class Assigner>
class WindowedStream : public FieldReductions<WindowedStream<T, KeySelector, Assigner>, T> {
public:
    using Element = T;
    using Key = detail::KeyOf<KeySelector, T>;

    WindowedStream(detail::StreamInput input, KeySelector selector, Assigner assigner)
        : input_(std::move(input)), selector_(std::move(selector)), assigner_(std::move(assigner)) {}

    /// Keeps windows for this long after their end; an element that comes in that time makes its window fire again.
    /// *Failure:* ConfigurationException for a negative duration.
    WindowedStream allowedLateness(Duration lateness) const {
        if (lateness < Duration::zero()) {
            throw ConfigurationException(
                "allowedLateness: the duration is negative; it is how long after its end a window "
                "still accepts elements, at least 0");
        }
        WindowedStream changed = *this;
        changed.lateness_ = lateness;
        return changed;
    }
    /// Elements that are too late go to this side output of the result; without it they are counted and dropped.
    WindowedStream sideOutputLateData(OutputTag<T> tag) const {
        WindowedStream changed = *this;
        changed.lateTag_ = std::move(tag);
        return changed;
    }

    /// Aggregates as elements arrive; emits the results.
    template <class Aggregate>
    auto aggregate(Aggregate fn) const {
        if constexpr (!AggregateFunctionFor<Aggregate, T>) {
            return rejectAggregate<Aggregate>();
        } else {
            return window<typename detail::AggregateTraits<Aggregate, T>::Result>(
                std::move(fn), detail::NoWindowFunction{}, "aggregate");
        }
    }
    /// Aggregates as elements arrive; `windowFn(key, window, result, out)` turns each result into output, or returns it.
    /// Where its output type cannot be seen (generic parameters): `aggregate<Out>(fn, windowFn)`.
    template <class Out = void, class Aggregate, class WindowFn>
    auto aggregate(Aggregate fn, WindowFn windowFn) const {
        if constexpr (!AggregateFunctionFor<Aggregate, T>) {
            return rejectAggregate<Aggregate>();
        } else {
            using Result = typename detail::AggregateTraits<Aggregate, T>::Result;
            return withFunction<detail::WindowOutput<Out, WindowFn, Key, Result>>(std::move(fn), std::move(windowFn),
                                                                                  "aggregate");
        }
    }
    /// Combines the elements of a window as they arrive: `fn(const T&, const T&)`.
    template <class Fn>
    auto reduce(Fn fn) const {
        if constexpr (!ReduceFunctionFor<Fn, T>) {
            return rejectReduce<Fn>();
        } else {
            return reduceWith(std::move(fn), "reduce");
        }
    }
    template <class Out = void, class Fn, class WindowFn>
    auto reduce(Fn fn, WindowFn windowFn) const {
        if constexpr (!ReduceFunctionFor<Fn, T>) {
            return rejectReduce<Fn>();
        } else {
            return withFunction<detail::WindowOutput<Out, WindowFn, Key, T>>(
                detail::ReduceAggregate<T, Fn>{std::move(fn)}, std::move(windowFn), "reduce");
        }
    }
    /// All elements of a window at once: `fn(key, context, elements, out)` with `WindowContext& context` and
    /// `std::span<const T> elements`. Buffers every element until the window is gone.
    template <class Out = void, class WindowFn>
    auto process(WindowFn fn) const {
        return withFunction<detail::WindowOutput<Out, WindowFn, Key, T>>(detail::ListAggregate<T>{}, std::move(fn),
                                                                         "process");
    }

private:
    friend class FieldReductions<WindowedStream, T>;

    template <class Aggregate>
    static auto rejectAggregate() {
        static_assert(
            detail::kRejected<Aggregate>,
            "millrace: aggregate(fn): fn must be copyable and have createAccumulator(), add(const T&, Accumulator&) "
            "and getResult(const Accumulator&) for the stream's element T; see AggregateFunctionFor.");
        return detail::RejectedStream{};
    }
    template <class Fn>
    static auto rejectReduce() {
        static_assert(
            detail::kRejected<Fn>,
            "millrace: reduce(fn): fn must be copyable, callable with two const references to the stream's element, "
            "and return an element.");
        return detail::RejectedStream{};
    }
    template <class Fn>
    auto reduceWith(Fn fn, std::string kind) const {
        return window<T>(detail::ReduceAggregate<T, Fn>{std::move(fn)}, detail::NoWindowFunction{}, std::move(kind));
    }
    template <class Out, class Aggregate, class WindowFn>
    auto withFunction(Aggregate aggregate, WindowFn windowFn, std::string kind) const {
        if constexpr (std::is_void_v<Out>) {
            static_assert(
                detail::kRejected<WindowFn>,
                "millrace: a window function must be (key, window or context, elements or result, Collector<Out>& "
                "out), or return what it emits; where its parameters are templates, name Out: process<Out>(fn), "
                "aggregate<Out>(fn, windowFn), reduce<Out>(fn, windowFn).");
            return detail::RejectedStream{};
        } else {
            return window<Out>(std::move(aggregate), std::move(windowFn), std::move(kind));
        }
    }

    template <class Out, class Aggregate, class WindowFn>
    auto window(Aggregate aggregate, WindowFn windowFn, std::string kind) const {
        using State = typename detail::AggregateTraits<Aggregate, T>::Accumulator;
        if constexpr (!detail::AlignedAssigner<Assigner>) {
            static_assert(detail::kRejected<Assigner>,
                          "millrace: window(assigner): this is not a window assigner that millrace knows; use "
                          "TumblingEventTimeWindows::of(size) or SlidingEventTimeWindows::of(size, slide).");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<State>) {
            static_assert(
                detail::kRejected<State>,
                "millrace: window: the accumulator (or the element, for reduce and process) has no codec, so its "
                "state could not be saved. Make it a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            input_.checked();
            detail::StageTraits traits;
            traits.isStateful = true;
            traits.needsWatermarks = true;
            traits.alignmentDrift = 32 * std::min(detail::slideOf(assigner_), Duration::max() / 32);
            detail::OperatorInfo info =
                detail::operatorInfo((Assigner::kOverlapping ? "sliding window " : "tumbling window ") + kind);
            detail::setWindowParameters(info, assigner_, lateness_, lateTag_.has_value());
            info.states = {"windows"};
            using Operator = detail::AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>;
            return detail::StreamAccess::stream(
                input_, Operator{selector_, assigner_, std::move(aggregate), std::move(windowFn), lateness_, lateTag_},
                std::move(info), traits);
        }
    }

    detail::StreamInput input_;
    KeySelector selector_;
    Assigner assigner_;
    Duration lateness_{0};
    std::optional<OutputTag<T>> lateTag_;
};

}  // namespace millrace

#endif  // MILLRACE_API_WINDOWED_STREAM_HPP
