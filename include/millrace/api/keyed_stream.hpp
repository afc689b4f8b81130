#ifndef MILLRACE_API_KEYED_STREAM_HPP
#define MILLRACE_API_KEYED_STREAM_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/api/exchanges.hpp>
#include <millrace/api/field_reductions.hpp>
#include <millrace/api/recording.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/first.hpp>
#include <millrace/operators/first_of_key.hpp>
#include <millrace/operators/keyed_process.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/rolling_functions.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/key_hash.hpp>
#include <millrace/windowing/window_assigner.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {
struct DefaultTrigger;
struct NoEvictor;
}  // namespace detail

template <class T, class KeySelector, class Assigner, class Trigger = detail::DefaultTrigger,
          class Evictor = detail::NoEvictor>
class WindowedStream;

namespace detail {

/// The key of several selectors: a tuple of what they return.
template <class... Selectors>
struct TupleSelector {
    std::tuple<Selectors...> selectors;

    template <class T>
    auto operator()(const T& element) const {
        return std::apply(
            [&](const auto&... selector) {
                return std::tuple<KeyDecay<std::invoke_result_t<const Selectors&, const T&>>...>(
                    detail::invoke(selector, element)...);
            },
            selectors);
    }
};

template <class T, class... Selectors>
auto keyStream(StreamInput input, Selectors... selectors) {
    if constexpr (sizeof...(Selectors) == 0 || !(KeySelectorFor<Selectors, T> && ...)) {
        static_assert(
            kRejected<T>,
            "millrace: keyBy(selector…): each selector must be a pointer to a member of the stream's element, or "
            "copyable, callable with a const reference to it, and return the key.");
        return RejectedStream{};
    } else {
        auto selector = [&] {
            if constexpr (sizeof...(Selectors) == 1) {
                return std::get<0>(std::tuple<Selectors...>(std::move(selectors)...));
            } else {
                return TupleSelector<Selectors...>{{std::move(selectors)...}};
            }
        }();
        using Selector = decltype(selector);
        using Key = KeyOf<Selector, T>;
        if constexpr (!KeyType<Key>) {
            static_assert(
                kRejected<Key>,
                "millrace: keyBy(selector): the key's type has no key hash or no ==. Use integers, enums, strings, "
                "times, or pairs, tuples and plain aggregates of them; give an aggregate a defaulted operator==.");
            return RejectedStream{};
        } else if constexpr (!HasCodec<Key>) {
            static_assert(
                kRejected<Key>,
                "millrace: keyBy(selector): the key's type has no codec, so its state could not be saved. "
                "Specialise millrace::Codec for it, or use a key made of integers, strings, times and aggregates.");
            return RejectedStream{};
        } else {
            input.exchange = ExchangeKind::Hash;
            input.exchangeGiven = true;
            input.ports = hashPorts<T>(selector);
            return StreamAccess::keyed<T>(std::move(input), std::move(selector));
        }
    }
}

}  // namespace detail

/// A stream partitioned by key: elements of equal key meet in the same subtask of the next operator. @public
/// *Thread safety:* none, like the environment's. *State and checkpoints:* the operators behind it keep one state per
/// key, saved by key group.
template <class T, class KeySelector>
class KeyedStream : public FieldReductions<KeyedStream<T, KeySelector>, T> {
public:
    using Element = T;
    using Key = detail::KeyOf<KeySelector, T>;

    /// Rolling: for each element the new value of its key; `fn(const T& value, const T& element)` combines them.
    template <class Fn>
    auto reduce(Fn fn) const {
        if constexpr (!ReduceFunctionFor<Fn, T>) {
            return detail::rejectReduce<Fn>();
        } else if constexpr (!HasCodec<T>) {
            static_assert(
                detail::kRejected<T>,
                "millrace: reduce: the stream's element has no codec, so its state could not be saved. Specialise "
                "millrace::Codec for it, or make it a plain aggregate.");
            return detail::RejectedStream{};
        } else {
            return reduceWith(std::move(fn), "reduce");
        }
    }
    /// A struct with `processElement(element, KeyedProcessContext<Key>& ctx, Collector<Out>& out)`, which has keyed state
    /// and timers; or a callable of that form. Optional in the struct: `onTimer(Timestamp, OnTimerContext<Key>& ctx,
    /// Collector<Out>& out)`, `open(KeyedRuntimeContext&)`, where it gets its states, and `close()`. A function that takes a
    /// plain `ProcessContext&` works without keys, as on any stream.
    template <class Out = void, class Fn>
    auto process(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::ProcessOutput<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: process(fn): the element type it emits cannot be seen. Write it as (element, "
                          "KeyedProcessContext<Key>& ctx, Collector<Out>& out), or name the type: process<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (detail::needsKey<Fn, T, Key, Deduced>()) {
            if constexpr (detail::NamesOnTimer<Fn> && !detail::HasOnTimer<Fn, Key, Deduced>) {
                static_assert(detail::kRejected<Fn>,
                              "millrace: process(fn): onTimer must be callable as onTimer(Timestamp time, "
                              "OnTimerContext<Key>& ctx, Collector<Out>& out), with the stream's key type.");
                return detail::RejectedStream{};
            } else {
                return processWith<Deduced>(std::move(fn), "process");
            }
        } else if constexpr (detail::ProcessFunctionFor<Fn, T, Deduced>) {
            return stream().template process<Deduced>(std::move(fn));
        } else {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: process(fn): fn must be copyable and have processElement(element, KeyedProcessContext<Key>& "
                "ctx, Collector<Out>& out) for the stream's element and key type, or be callable like that.");
            return detail::RejectedStream{};
        }
    }
    /// The same elements as a plain stream: each key's stay together and in order, but the operators behind have no keys.
    DataStream<T> stream() const { return detail::StreamAccess::stream<T>(input_); }
    operator DataStream<T>() const { return stream(); }  // NOLINT(google-explicit-constructor): as in Flink

    // What every stream has; an element meets the function in the subtask of its key.
    template <class Fn>
    auto map(Fn fn) const {
        return stream().map(std::move(fn));
    }
    template <class Fn>
    auto filter(Fn fn) const {
        return stream().filter(std::move(fn));
    }
    template <class Out = void, class Fn>
    auto flatMap(Fn fn) const {
        return stream().template flatMap<Out>(std::move(fn));
    }
    template <class Fn>
    auto inspect(Fn fn) const {
        return stream().inspect(std::move(fn));
    }
    template <class Fn>
    auto addSink(Fn fn) const {
        return stream().addSink(std::move(fn));
    }
    template <class Sink>
    auto sinkTo(Sink sink) const {
        return stream().sinkTo(std::move(sink));
    }
    auto print(std::string label = {}) const { return stream().print(std::move(label)); }
    template <std::size_t... kIndices, class... Fields>
    auto project(Fields... fields) const {
        return stream().template project<kIndices...>(std::move(fields)...);
    }

    // With streams of any kind. The keys of this one do not count: the result has none, joins name theirs.
    template <class... Others>
    DataStream<T> unionWith(const Others&... others) const {
        return DataStream<T>(detail::StreamAccess::withoutKeys(*this)).unionWith(others...);
    }
    template <class Other>
    auto join(const Other& other) const {
        return stream().join(other);
    }
    template <class Other>
    auto leftOuterJoin(const Other& other) const {
        return stream().leftOuterJoin(other);
    }
    template <class Other>
    auto rightOuterJoin(const Other& other) const {
        return stream().rightOuterJoin(other);
    }
    template <class Other>
    auto fullOuterJoin(const Other& other) const {
        return stream().fullOuterJoin(other);
    }
    template <class Other>
    auto coGroup(const Other& other) const {
        return stream().coGroup(other);
    }

    /// This stream and another one for one operator with a function for each. When both are keyed, by keys of one type,
    /// the two functions share keyed state and timers.
    template <class Other>
    auto connect(const Other& other) const {
        return detail::connectStreams(*this, other);
    }
    /// Pairs the elements of this stream with those of another keyed stream that have the same key and come from about
    /// the same time: `.between(lower, upper).process(fn)`.
    template <class Other>
    auto intervalJoin(const Other& other) const {
        return detail::intervalJoin(*this, other);
    }

    /// The first `count` elements of each key, as they arrive; the rest is dropped. *Failure:* ConfigurationException if
    /// that is less than one, or 2^63 or more: a negative number.
    auto first(std::uint64_t count) const {
        detail::checkFirstCount(count);
        input_.checked();
        detail::StageTraits traits;
        traits.isStateful = true;
        detail::OperatorInfo info = detail::operatorInfo("first of key");
        info.setParameter("count", std::to_string(count));
        info.setStates({"first of key"});
        return detail::StreamAccess::stream(input_, detail::FirstOfKeyOperator<T, KeySelector>{selector_, count},
                                            std::move(info), traits);
    }

    /// All elements of a key at once, at the end of a bounded input: `fn(std::span<const T> elements, Collector<Out>& out)`,
    /// or with the key before the elements, or returning the one element to emit. Keeps every element; in batch execution,
    /// those of one key at a time.
    template <class Out = void, class Fn>
    auto groupReduce(Fn fn) const {
        return detail::groupReduce<Out>(*this, std::move(fn));
    }

    /// All elements of a key as one window, which ends with the input: of a DataStream it is all of a subtask.
    auto fullWindowPartition() const { return detail::keyedPartition(*this); }
    /// `fn(std::span<const T> elements, Collector<Out>& out)` gets all elements of a key at the end of the input.
    template <class Out = void, class Fn>
    auto mapPartition(Fn fn) const {
        return fullWindowPartition().template mapPartition<Out>(std::move(fn));
    }
    /// The elements of each key in the order of a field, at the end of the input; those of a key stay together.
    template <class Field = detail::WholeValue>
    auto sortPartition(Field field = {}, SortOrder order = SortOrder::Ascending) const {
        return fullWindowPartition().sortPartition(std::move(field), order);
    }

    /// Cuts each key's elements into windows.
    template <class Assigner>
    auto window(Assigner assigner) const {
        if constexpr (!WindowAssignerFor<Assigner, T>) {
            static_assert(detail::kRejected<Assigner>,
                          "millrace: window(assigner): this is not a window assigner for the stream's element; use "
                          "TumblingEventTimeWindows::of(size), EventTimeSessionWindows::withGap(gap) and so on, or see "
                          "WindowAssignerFor.");
            return detail::RejectedStream{};
        } else {
            return WindowedStream<T, KeySelector, Assigner>(input_, selector_, std::move(assigner));
        }
    }
    /// Windows of `size` elements of a key each, however long they take.
    /// *Failure:* ConfigurationException unless size > 0.
    template <class Globals = GlobalWindows>
    auto countWindow(std::int64_t size) const {
        return detail::countWindows(window(Globals::create()), size);
    }
    /// With every `slide` elements of a key a window of its last `size`, at first of fewer.
    /// *Failure:* ConfigurationException unless size > 0 and slide > 0.
    template <class Globals = GlobalWindows>
    auto countWindow(std::int64_t size, std::int64_t slide) const {
        return detail::countWindows(window(Globals::create()), size, slide);
    }

private:
    friend struct detail::StreamAccess;
    friend class FieldReductions<KeyedStream, T>;

    KeyedStream(detail::StreamInput input, KeySelector selector)
        : input_(std::move(input)), selector_(std::move(selector)) {}

    template <class Out, class Fn>
    auto processWith(Fn fn, std::string kind) const {
        input_.checked();
        detail::StageTraits traits;
        traits.isStateful = true;
        detail::OperatorInfo info = detail::operatorInfo(std::move(kind));
        info.setStates({"state", "timers"});
        return detail::StreamAccess::stream(
            input_, detail::KeyedProcessOperator<T, Out, KeySelector, Fn>{selector_, std::move(fn)}, std::move(info),
            traits);
    }
    template <class Fn>
    auto reduceWith(Fn fn, std::string kind) const {
        input_.checked();
        // refuses what the operator could not do
        (void)detail::KeptRecords<T, KeySelector, Key, Fn>(selector_, fn);
        detail::StageTraits traits;
        traits.isStateful = true;
        detail::OperatorInfo info = detail::operatorInfo(std::move(kind));
        info.setStates({"reduce"});
        return detail::StreamAccess::stream(
            input_, detail::KeyedReduceOperator<T, KeySelector, Fn>{selector_, std::move(fn)}, std::move(info), traits);
    }

    detail::StreamInput input_;
    KeySelector selector_;
};

/// A stream whose elements already are where `keyBy(selectors…)` would bring them, as a keyed one, without an exchange: behind
/// a keyed operator of the same key whose results have kept it. Nothing checks that. Where it is not so, keys have
/// a state of their own in each subtask, and the next restore takes it apart. @public
/// *Failure:* GraphException for a stream that ends in an exchange; what is behind must have the parallelism of the stream.
template <class Stream, class... Selectors>
auto reinterpretAsKeyedStream(const Stream& stream, Selectors... selectors) {
    using T = typename Stream::Element;
    const detail::StreamInput input = detail::StreamAccess::input(stream);
    auto keyed = detail::keyStream<T>(input, std::move(selectors)...);
    if constexpr (kIsKeyedStream<decltype(keyed)>) {
        return detail::StreamAccess::keyedInPlace<T>(input, detail::StreamAccess::keySelector(keyed));
    } else {
        return keyed;
    }
}

}  // namespace millrace

#include <millrace/api/keyed_partition_window_stream.hpp>

#endif  // MILLRACE_API_KEYED_STREAM_HPP
