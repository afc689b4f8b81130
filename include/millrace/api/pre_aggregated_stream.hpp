#ifndef MILLRACE_API_PRE_AGGREGATED_STREAM_HPP
#define MILLRACE_API_PRE_AGGREGATED_STREAM_HPP

#include <millrace/api/exchanges.hpp>
#include <millrace/api/stream_access.hpp>
#include <millrace/api/window_aggregations.hpp>
#include <millrace/api/windowed_stream.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/windowing/local_window_operator.hpp>
#include <millrace/windowing/merging_window_operator.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

template <class Prev, class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
inline constexpr bool
    kAddsUpBefore<Link<Prev, MergingWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>>> = true;

// What windows can do, but not these.
template <class T>
RejectedStream rejectProcessOfSums() {
    static_assert(
        kRejected<T>,
        "millrace: process(fn), apply(fn) behind preAggregate(): fn wants all elements of a window, so they "
        "cannot be added up in front of the exchange. Leave preAggregate out, or use aggregate(fn), reduce(fn) "
        "or sum(field), perhaps with a window function.");
    return {};
}
template <class T>
RejectedStream rejectFiringOfSums() {
    static_assert(kRejected<T>,
                  "millrace: trigger, evictor, emitFinal, emitEvery and emitOnWallClock behind preAggregate(): only "
                  "windows with their own trigger and without an evictor can add elements up in front of the exchange. "
                  "Leave preAggregate out: .window(assigner).trigger(t).aggregate(fn).");
    return {};
}

}  // namespace detail

/// A windowed stream whose elements are added up in front of the exchange, too: what `preAggregate()` returns. @public
/// The function of `aggregate` needs a `merge`, for which a new accumulator is neutral, that of `reduce` must be associative: the
/// elements of a window come in any number of parts, each added up by itself. They must not depend on the order of elements of
/// different subtasks, as behind any exchange, and the accumulator is copied between threads.
/// *State and checkpoints:* the same as without it: a savepoint of one can be restored by the other.
template <class Windowed>
class PreAggregatedStream : public WindowAggregations<PreAggregatedStream<Windowed>, typename Windowed::Element> {
    using T = typename Windowed::Element;

public:
    using Key = typename Windowed::Key;
    using Window = TimeWindow;

    PreAggregatedStream(Windowed windows, PreAggregation when) : windows_(std::move(windows)), when_(when) {}

    /// As of the windowed stream.
    PreAggregatedStream allowedLateness(Duration lateness) const { return {windows_.allowedLateness(lateness), when_}; }
    PreAggregatedStream sideOutputLateData(OutputTag<T> tag) const {
        return {windows_.sideOutputLateData(std::move(tag)), when_};
    }

    // Each an error that says what to write instead.
    template <class Out = void, class WindowFn>
    auto process(WindowFn /*fn*/) const {
        return detail::rejectProcessOfSums<WindowFn>();
    }
    template <class Out = void, class WindowFn>
    auto apply(WindowFn /*fn*/) const {
        return detail::rejectProcessOfSums<WindowFn>();
    }
    template <class Trigger>
    auto trigger(Trigger /*trigger*/) const {
        return detail::rejectFiringOfSums<Trigger>();
    }
    template <class Evictor>
    auto evictor(Evictor /*evictor*/) const {
        return detail::rejectFiringOfSums<Evictor>();
    }
    template <class Element = T>
    auto emitFinal() const {
        return detail::rejectFiringOfSums<Element>();
    }
    template <class Interval>
    auto emitEvery(Interval /*interval*/) const {
        return detail::rejectFiringOfSums<Interval>();
    }
    template <class Timeout>
    auto emitOnWallClock(Timeout /*timeout*/) const {
        return detail::rejectFiringOfSums<Timeout>();
    }
    template <class... Policies>
    auto onError(const Policies&... /*policies*/) const {
        return detail::rejectOnErrorOfSums<PreAggregatedStream>();
    }

private:
    friend class WindowAggregations<PreAggregatedStream, T>;

    template <class Out, class Aggregate, class WindowFn>
    auto compute(Aggregate aggregate, WindowFn windowFn, const std::string& kind) const {
        using Traits = detail::AggregateTraits<Aggregate, T>;
        if constexpr (!Traits::kMerges) {
            static_assert(detail::kRejected<Aggregate>,
                          "millrace: aggregate(fn) behind preAggregate(): fn.merge(Accumulator& into, const "
                          "Accumulator& other) is "
                          "missing; it combines what several subtasks have added up. Give fn a merge, or leave "
                          "preAggregate out.");
            return detail::RejectedStream{};
        } else if constexpr (std::is_void_v<Out> || detail::kNeedsWindowsByKey<WindowFn, Window>) {
            static_assert(
                detail::kRejected<WindowFn>,
                "millrace: a window function behind preAggregate() must be (key, window or context, result, "
                "Collector<Out>& out), or return what it emits, and have neither state nor clear(context); where its "
                "parameters are templates, name Out: aggregate<Out>(fn, windowFn), reduce<Out>(fn, windowFn).");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<typename Traits::Accumulator>) {
            static_assert(detail::kRejected<Aggregate>,
                          "millrace: window: the accumulator (or the element, for reduce) has no codec, so its state "
                          "could not be "
                          "saved. Make it a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            detail::OperatorInfo info = windows_.infoFor(kind);
            info.setStates({"windows"});
            info.setParameter("preAggregate", when_ == PreAggregation::Always ? "always" : "adaptive");
            detail::StreamInput partials = localParts(aggregate, info.kind);
            using Selector = decltype(windows_.selector_);
            using Assigner = decltype(windows_.assigner_);
            return detail::StreamAccess::stream(
                std::move(partials),
                detail::MergingWindowOperator<T, Selector, Assigner, Aggregate, WindowFn, Out>{
                    windows_.selector_, windows_.assigner_, std::move(aggregate), std::move(windowFn),
                    windows_.lateness_, windows_.lateKey_},
                std::move(info), windows_.template traitsFor<EventTimeTrigger>());
        }
    }

    /// Records the part in front of the exchange, for each stream that is read; returns what they give, to be exchanged as the
    /// elements would have been.
    template <class Aggregate>
    detail::StreamInput localParts(const Aggregate& aggregate, const std::string& kind) const {
        using Selector = decltype(windows_.selector_);
        using Local = detail::LocalWindowOperator<T, Selector, decltype(windows_.assigner_), Aggregate>;
        using Partial = typename Local::Output;
        windows_.input_.checked();
        detail::Ports ports;
        if constexpr (std::is_same_v<Key, detail::NoKey>) {
            ports = detail::plainPorts<Partial>();
        } else {
            using PartialKey =
                detail::PartialResultKey<T, Selector, Key, typename detail::AggregateTraits<Aggregate, T>::Accumulator>;
            ports = detail::hashPorts<Partial>(PartialKey{windows_.selector_});
        }
        using Chain = detail::Link<detail::Input<T>, Local>;
        const detail::StreamInput& input = windows_.input_;
        detail::StreamInput partials = input;
        partials.upstreams.clear();
        partials.ports = std::move(ports);
        for (const detail::GraphEdge& upstream : input.upstreams) {
            const Chain chain{{}, Local{windows_.selector_, windows_.assigner_, aggregate, when_}};
            detail::appendLocalPart(partials, input, upstream, detail::plainPorts<T>(), "local " + kind,
                                    detail::Shared<detail::StageFactory>(new detail::ChainStageFactory<Chain>(chain)));
        }
        return partials;
    }

    Windowed windows_;
    PreAggregation when_;
};

}  // namespace millrace

#endif  // MILLRACE_API_PRE_AGGREGATED_STREAM_HPP
