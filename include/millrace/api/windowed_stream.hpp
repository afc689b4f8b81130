#ifndef MILLRACE_API_WINDOWED_STREAM_HPP
#define MILLRACE_API_WINDOWED_STREAM_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/api/keyed_stream.hpp>
#include <millrace/api/window_aggregations.hpp>
#include <millrace/api/window_kinds.hpp>
#include <millrace/windowing/aggregate_function.hpp>
#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/cumulating_event_time_windows.hpp>
#include <millrace/windowing/event_time_session_windows.hpp>
#include <millrace/windowing/evictors/count_evictor.hpp>
#include <millrace/windowing/evictors/delta_evictor.hpp>
#include <millrace/windowing/evictors/time_evictor.hpp>
#include <millrace/windowing/global_windows.hpp>
#include <millrace/windowing/group_reduce_function.hpp>
#include <millrace/windowing/guarded_window.hpp>
#include <millrace/windowing/pre_aggregation.hpp>
#include <millrace/windowing/processing_time_session_windows.hpp>
#include <millrace/windowing/session_window_operator.hpp>
#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/sliding_processing_time_windows.hpp>
#include <millrace/windowing/triggers/continuous_event_time_trigger.hpp>
#include <millrace/windowing/triggers/continuous_processing_time_trigger.hpp>
#include <millrace/windowing/triggers/count_trigger.hpp>
#include <millrace/windowing/triggers/delta_trigger.hpp>
#include <millrace/windowing/triggers/emission_triggers.hpp>
#include <millrace/windowing/triggers/processing_timeout_trigger.hpp>
#include <millrace/windowing/triggers/purging_trigger.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>
#include <millrace/windowing/tumbling_processing_time_windows.hpp>
#include <millrace/windowing/window_operator.hpp>

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

template <class Windowed>
class PreAggregatedStream;

/// A stream cut into windows, by key or as a whole; say what to compute from each. @public
/// Results carry the last timestamp of their window, so that a further window of the same size puts them into the
/// matching one.
template <class T, class KeySelector, class Assigner, class Trigger, class Evictor>
class WindowedStream : public WindowAggregations<WindowedStream<T, KeySelector, Assigner, Trigger, Evictor>, T> {
    template <class OtherTrigger, class OtherEvictor>
    using With = WindowedStream<T, KeySelector, Assigner, OtherTrigger, OtherEvictor>;
    static constexpr bool kEvicts = !std::is_same_v<Evictor, detail::NoEvictor>;
    static constexpr bool kDefault = std::is_same_v<Trigger, detail::DefaultTrigger>;

public:
    using Element = T;
    using Key = detail::KeyOf<KeySelector, T>;
    using Window = typename Assigner::Window;

    WindowedStream(detail::StreamInput input, KeySelector selector, Assigner assigner, Trigger trigger = Trigger(),
                   Evictor evictor = Evictor())
        : input_(std::move(input)), selector_(std::move(selector)), assigner_(std::move(assigner)),
          trigger_(std::move(trigger)), evictor_(std::move(evictor)) {}

    /// Says when windows fire, in place of the assigner's own trigger; see TriggerFor.
    template <class NewTrigger>
    auto trigger(NewTrigger newTrigger) const {
        if constexpr (!TriggerFor<NewTrigger, T, Window>) {
            static_assert(
                detail::kRejected<NewTrigger>,
                "millrace: trigger(t): t must be copyable, have a State, and onElement(const T&, Timestamp, const "
                "Window&, State&, TriggerContext&), onEventTime(Timestamp, const Window&, State&, TriggerContext&) "
                "and onProcessingTime(...), all const, that return a TriggerResult; see TriggerFor.");
            return detail::RejectedStream{};
        } else if constexpr (Assigner::kMerging &&
                             !MergingTrigger<NewTrigger, detail::TriggerStateOf<NewTrigger, T>, Window>) {
            static_assert(
                detail::kRejected<NewTrigger>,
                "millrace: trigger(t): this trigger cannot be used with windows that merge (sessions): it has no "
                "onMerge(const Window&, State& into, const State& from, TriggerContext&) const.");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<detail::TriggerStateOf<NewTrigger, T>>) {
            static_assert(detail::kRejected<NewTrigger>,
                          "millrace: trigger(t): the trigger's State has no codec, so it could not be saved. Make it "
                          "a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            return with(std::move(newTrigger), evictor_);
        }
    }
    /// Takes elements out of windows when they fire; see EvictorFor. Windows then keep every element.
    template <class NewEvictor>
    auto evictor(NewEvictor newEvictor) const {
        if constexpr (!EvictorFor<NewEvictor, T, Window>) {
            static_assert(
                detail::kRejected<NewEvictor>,
                "millrace: evictor(e): e must be copyable and have evictBefore(WindowElements<T>&, const Window&, "
                "const EvictorContext&) const or evictAfter(...); see EvictorFor.");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<T>) {
            static_assert(detail::kRejected<T>,
                          "millrace: evictor(e): the stream's element has no codec, so windows could not be saved. "
                          "Specialise millrace::Codec for it, or make it a plain aggregate.");
            return detail::RejectedStream{};
        } else {
            return with(trigger_, std::move(newEvictor));
        }
    }
    /// One result per window: not before it takes no more late elements. Event time behind the windows lags by the allowed
    /// lateness, so that results are in time for windows that follow.
    auto emitFinal() const {
        static_assert(Assigner::kEventTime, "millrace: emitFinal(): only event-time windows take late elements.");
        static_assert(
            kDefault,
            "millrace: emitFinal() replaces the trigger or policy that the windows have been given; leave one "
            "of them out.");
        return with(detail::FinalTrigger{}, evictor_);
    }
    /// Results of what a window has so far, at every multiple of an interval of event time before its end, besides the one at
    /// its end and those with late elements after it. Where the watermark passes several multiples at a time, or the end as
    /// well, that is one result.
    /// *Failure:* ConfigurationException unless interval > 0.
    auto emitEvery(Duration interval) const {
        static_assert(Assigner::kEventTime,
                      "millrace: emitEvery(interval): these windows do not go by event time; use "
                      "trigger(ContinuousProcessingTimeTrigger::of(interval)).");
        static_assert(kDefault,
                      "millrace: emitEvery(interval) replaces the trigger or policy that the windows have been given; "
                      "leave one of them out (emitOnWallClock may come behind it).");
        return with(detail::EarlyTrigger(interval), evictor_);
    }
    /// Results of what a window has so far, at the latest `timeout` of the clock after an element has come in, besides
    /// those of its trigger. *Failure:* ConfigurationException unless timeout > 0.
    auto emitOnWallClock(Duration timeout) const {
        static_assert(!std::is_same_v<Trigger, detail::FinalTrigger>,
                      "millrace: emitOnWallClock(timeout) after emitFinal(): a window that gives only its final result "
                      "cannot also give early ones; leave one of them out.");
        detail::requirePositive("emitOnWallClock", "timeout", timeout);
        using Inner = detail::ChosenTrigger<Trigger, Assigner>;
        return with(detail::WallClockTrigger<typename Inner::Type>(Inner::of(trigger_, assigner_), timeout), evictor_);
    }

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
        changed.lateKey_ = tag.key();
        return changed;
    }

    /// Adds elements up in each subtask before they go over the exchange: for `aggregate` with a `merge`, `reduce`, `sum` and the
    /// like, on tumbling and sliding event-time windows. Results are the same (sums of doubles but for rounding), as long as the
    /// function is associative and a new accumulator is neutral for `merge`: a window may come in any number of parts. Of use
    /// where keys are few for the elements of a window; `PreAggregation::Adaptive` looks at that while it runs. Windows that
    /// are called directly get elements as they are. Needs `#include <millrace/pre_aggregation.hpp>`.
    template <class Stream = PreAggregatedStream<WindowedStream>>
    auto preAggregate(PreAggregation when = PreAggregation::Adaptive) const {
        constexpr bool kPlain =
            detail::AlignedAssigner<Assigner> && !kEvicts &&
            (std::is_same_v<Trigger, detail::DefaultTrigger> || std::is_same_v<Trigger, EventTimeTrigger>);
        if constexpr (!kPlain) {
            static_assert(
                detail::kRejected<Trigger>,
                "millrace: preAggregate(): only tumbling and sliding event-time windows with their own trigger "
                "and without an evictor can add elements up in front of the exchange; leave preAggregate out.");
            return detail::RejectedStream{};
        } else if constexpr (requires { sizeof(Stream); }) {
            return Stream(*this, when);
        } else {
            static_assert(
                requires { sizeof(Stream); }, "millrace: preAggregate() needs #include <millrace/pre_aggregation.hpp>");
            return detail::RejectedStream{};
        }
    }

    /// All elements of a window at once: `fn(key, context, elements, out)` with `WindowContext& context` and
    /// `std::span<const T> elements`. Buffers every element until the window is gone.
    template <class Out = void, class WindowFn>
    auto process(WindowFn fn) const {
        return compute<detail::WindowOutput<Out, WindowFn, Key, Window, T>>(detail::ListAggregate<T>{}, std::move(fn),
                                                                            "process");
    }
    /// The same, by its older name.
    template <class Out = void, class WindowFn>
    auto apply(WindowFn fn) const {
        return process<Out>(std::move(fn));
    }

private:
    friend class WindowAggregations<WindowedStream, T>;
    template <class, class, class, class, class>
    friend class WindowedStream;
    template <class>
    friend class PreAggregatedStream;

    template <class NewTrigger, class NewEvictor>
    With<NewTrigger, NewEvictor> with(NewTrigger newTrigger, NewEvictor newEvictor) const {
        With<NewTrigger, NewEvictor> changed(input_, selector_, assigner_, std::move(newTrigger),
                                             std::move(newEvictor));
        changed.lateness_ = lateness_;
        changed.lateKey_ = lateKey_;
        return changed;
    }

    template <class ChosenTrigger>
    detail::StageTraits traitsFor() const {
        detail::StageTraits traits;
        traits.isStateful = true;
        traits.needsWatermarks = Assigner::kEventTime || requires { requires ChosenTrigger::kNeedsWatermarks; };
        traits.alignmentDrift = detail::alignmentDriftOf(assigner_);
        traits.needsBoundedInput = requires { requires Assigner::kNeedsBoundedInput; };
        if constexpr (std::is_same_v<Key, detail::NoKey>) traits.fixedParallelism = 1;
        return traits;
    }
    [[gnu::cold]] detail::OperatorInfo infoFor(const std::string& kind) const {
        detail::OperatorInfo info = detail::operatorInfo(detail::windowKind<Assigner>() + kind);
        detail::setWindowParameters(info, assigner_, lateness_, !lateKey_.empty());
        return info;
    }
    template <class Out, class Aggregate, class WindowFn>
    [[gnu::cold]] auto compute(Aggregate aggregate, WindowFn windowFn, std::string kind) const {
        using Traits = detail::AggregateTraits<Aggregate, T>;
        using State = typename Traits::Accumulator;
        constexpr bool kCombines = Traits::kMerges || detail::kKeepsElements<Aggregate> || kEvicts;
        if constexpr (std::is_void_v<Out>) {
            static_assert(
                detail::kRejected<WindowFn>,
                "millrace: a window function must be (key, window or context, elements or result, Collector<Out>& "
                "out), or return what it emits; where its parameters are templates, name Out: process<Out>(fn), "
                "aggregate<Out>(fn, windowFn), reduce<Out>(fn, windowFn).");
            return detail::RejectedStream{};
        } else if constexpr (Assigner::kMerging && !kCombines) {
            static_assert(
                detail::kRejected<Aggregate>,
                "millrace: aggregate(fn): windows that merge (sessions) need fn.merge(Accumulator& into, const "
                "Accumulator& other), to combine what two windows have.");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<State>) {
            static_assert(
                detail::kRejected<State>,
                "millrace: window: the accumulator (or the element, for reduce and process) has no codec, so its "
                "state could not be saved. Make it a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<Window>) {
            static_assert(detail::kRejected<Window>,
                          "millrace: window: the assigner's Window has no codec, so its state could not be saved. "
                          "Make it a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            input_.checked();
            using Chosen = detail::ChosenTrigger<Trigger, Assigner>;
            using ChosenTrigger = typename Chosen::Type;
            const detail::StageTraits traits = traitsFor<ChosenTrigger>();
            detail::OperatorInfo info = infoFor(kind);
            // all that the default trigger of event time says is when a window fires: no calls, no state
            constexpr bool kPlain = std::is_same_v<ChosenTrigger, EventTimeTrigger> && !kEvicts &&
                                    !detail::kNeedsWindowsByKey<WindowFn, Window>;
            if constexpr (kPlain && detail::AlignedAssigner<Assigner>) {
                info.setStates({"windows"});
                using Operator = detail::AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>;
                return detail::StreamAccess::stream(
                    input_,
                    Operator{selector_, assigner_, std::move(aggregate), std::move(windowFn), lateness_, lateKey_},
                    std::move(info), traits);
            } else if constexpr (kPlain && detail::SessionAssigner<Assigner>) {
                info.setStates({"keyed windows"});
                using Operator = detail::SessionWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>;
                return detail::StreamAccess::stream(
                    input_,
                    Operator{selector_, assigner_, std::move(aggregate), std::move(windowFn), lateness_, lateKey_},
                    std::move(info), traits);
            } else {
                info.setStates({"keyed windows"});
                if constexpr (detail::KeepsWindowState<WindowFn>)
                    info.setStates({"keyed windows", "state", "window state"});
                ChosenTrigger chosen = Chosen::of(trigger_, assigner_);
                if constexpr (std::is_same_v<ChosenTrigger, detail::FinalTrigger>) chosen.lateness = lateness_;
                using Operator =
                    detail::WindowOperator<T, KeySelector, Assigner, ChosenTrigger, Evictor, Aggregate, WindowFn, Out>;
                return detail::StreamAccess::stream(
                    input_,
                    Operator{selector_, assigner_, std::move(chosen), evictor_, std::move(aggregate),
                             std::move(windowFn), lateness_, lateKey_},
                    std::move(info), traits);
            }
        }
    }

    detail::StreamInput input_;
    KeySelector selector_;
    Assigner assigner_;
    Trigger trigger_;
    Evictor evictor_;
    Duration lateness_{0};
    std::string lateKey_;
};

namespace detail {

template <class T, class Assigner>
auto windowAll(StreamInput input, Assigner assigner) {
    if constexpr (!WindowAssignerFor<Assigner, T>) {
        static_assert(kRejected<Assigner>,
                      "millrace: windowAll(assigner): this is not a window assigner for the stream's element; use "
                      "TumblingEventTimeWindows::of(size) and so on, or see WindowAssignerFor.");
        return RejectedStream{};
    } else {
        return WindowedStream<T, OneKey, Assigner>(std::move(input), OneKey{}, std::move(assigner));
    }
}
template <class Out, class Keyed, class Fn>
auto groupReduce(const Keyed& keyed, Fn fn) {
    using T = typename Keyed::Element;
    using Key = typename Keyed::Key;
    using Seen = decltype(groupReduceOutput<Fn, Key, T>());
    using Deduced = typename std::conditional_t<std::is_void_v<Out>, Seen, std::type_identity<Out>>::type;
    constexpr bool kTaken = [] {
        if constexpr (std::is_void_v<Deduced>) {
            return false;
        } else {
            return GroupReduceFunctionFor<Fn, Key, T, Deduced>;
        }
    }();
    if constexpr (kTaken) {
        return keyed.window(EndOfInputWindow{})
            .template process<Deduced>(GroupReduceWindow<T, Deduced, Fn>{{std::move(fn)}})
            .name("group reduce");
    } else {
        static_assert(kRejected<Fn>,
                      "millrace: groupReduce(fn): fn must be copyable and callable as fn(std::span<const T> elements, "
                      "Collector<Out>& out), or with the key before the elements, or return the one element to emit; "
                      "where its parameters are templates, name Out: groupReduce<Out>(fn).");
        return RejectedStream{};
    }
}
template <class Windowed>
auto countWindows(const Windowed& windows, std::int64_t size) {
    return windows.trigger(PurgingTrigger::of(CountTrigger::of(size)));
}
template <class Windowed>
auto countWindows(const Windowed& windows, std::int64_t size, std::int64_t slide) {
    return windows.trigger(CountTrigger::of(slide)).evictor(CountEvictor::of(size));
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_API_WINDOWED_STREAM_HPP
