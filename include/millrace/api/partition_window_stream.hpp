#ifndef MILLRACE_API_PARTITION_WINDOW_STREAM_HPP
#define MILLRACE_API_PARTITION_WINDOW_STREAM_HPP

#include <millrace/api/rejected_stream.hpp>
#include <millrace/api/stream_access.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/partition_fold.hpp>
#include <millrace/operators/rolling_functions.hpp>
#include <millrace/state/aggregation.hpp>

#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

/// `aggregate` over a partition; an empty one gives the result of no elements.
template <class T, class Aggregate>
struct AggregatePartitionFold {
    using Traits = AggregateTraits<Aggregate, T>;
    using Output = typename Traits::Result;
    using Accumulator = typename Traits::Accumulator;
    Aggregate fn;

    void open(RuntimeContext& context)
        requires(HasOpen<Aggregate>)
    {
        fn.open(context);
    }
    void close()
        requires(HasClose<Aggregate>)
    {
        fn.close();
    }
    Accumulator create() { return fn.createAccumulator(); }
    void add(T&& value, Accumulator& acc) { Traits::add(fn, value, acc); }
    void merge(Accumulator& into, Accumulator&& other) {
        if constexpr (Traits::kMerges) {
            Traits::merge(fn, into, other);
        } else {
            into = std::move(other);  // of the one subtask there was
        }
    }
    bool finish(Accumulator& acc, std::size_t&, Collector<Output>& out) {
        out.collect(fn.getResult(std::as_const(acc)));
        return true;
    }
};

template <class Fn>
RejectedStream rejectUnseenPartitionOutput() {
    static_assert(kRejected<Fn>,
                  "millrace: mapPartition(fn): the element type it emits cannot be seen. Write fn as "
                  "(std::span<const T> elements, Collector<Out>& out), or name the type: mapPartition<Out>(fn).");
    return {};
}
template <class Fn>
RejectedStream rejectMapPartition() {
    static_assert(kRejected<Fn>,
                  "millrace: mapPartition(fn): fn must be copyable and callable as fn(std::span<const T> "
                  "elements, Collector<Out>& out) with the stream's element T.");
    return {};
}
template <class Field>
RejectedStream rejectSortField() {
    static_assert(kRejected<Field>,
                  "millrace: sortPartition(field): the field must be a pointer to a member of the stream's "
                  "element, or callable with a const reference to it, and its values must have <.");
    return {};
}

}  // namespace detail

/// All of a bounded stream as one window per subtask, which ends with the input. @public
/// *State and checkpoints:* the elements (or the one value of `reduce` and `aggregate`) of each subtask; they need a codec.
/// Results have no timestamp.
template <class T>
class PartitionWindowedStream {
public:
    using Element = T;

    explicit PartitionWindowedStream(detail::StreamInput input) : input_(std::move(input)) {}

    /// `fn(std::span<const T> elements, Collector<Out>& out)` gets all elements of the subtask at once, perhaps none.
    template <class Out = void, class Fn>
    auto mapPartition(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::EmittedBy<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            return detail::rejectUnseenPartitionOutput<Fn>();
        } else if constexpr (!std::copy_constructible<Fn> || !std::invocable<Fn&, std::span<T>, Collector<Deduced>&>) {
            return detail::rejectMapPartition<Fn>();
        } else {
            return fold(detail::MapPartitionFold<T, Deduced, Fn>(std::move(fn)), "mapPartition");
        }
    }
    /// The elements of each subtask in the order of a field: a pointer to a member, or a callable. Stable.
    template <class Field = detail::WholeValue>
    auto sortPartition(Field field = {}, SortOrder order = SortOrder::Ascending) const {
        if constexpr (!detail::SortFieldFor<Field, T>) {
            return detail::rejectSortField<Field>();
        } else {
            return fold(detail::SortPartitionFold<T, Field>(std::move(field), order), "sortPartition");
        }
    }
    /// One element per subtask: `fn(const T&, const T&)`; none where there was none.
    template <class Fn>
    auto reduce(Fn fn) const {
        if constexpr (!ReduceFunctionFor<Fn, T>) {
            return detail::rejectReduce<Fn>();
        } else {
            return fold(detail::ReducePartitionFold<T, Fn>{std::move(fn)}, "reduce");
        }
    }
    /// One result per subtask, also where there was no element.
    template <class Aggregate>
    auto aggregate(Aggregate fn) const {
        if constexpr (!AggregateFunctionFor<Aggregate, T>) {
            return detail::rejectAggregate<Aggregate>();
        } else {
            return fold(detail::AggregatePartitionFold<T, Aggregate>{std::move(fn)}, "aggregate");
        }
    }

private:
    template <class Fold>
    auto fold(Fold fn, std::string kind) const {
        if constexpr (!HasCodec<typename Fold::Accumulator>) {
            static_assert(
                detail::kRejected<T>,
                "millrace: fullWindowPartition: the stream's element (or the accumulator) has no codec, so its state "
                "could not be saved. Make it a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            input_.checked();
            detail::StageTraits traits;
            traits.needsBoundedInput = true;
            detail::OperatorInfo info = detail::operatorInfo(std::move(kind));
            info.setStates({"partition"});
            return detail::StreamAccess::stream(input_, detail::PartitionFoldOperator<T, Fold>{std::move(fn)},
                                                std::move(info), traits);
        }
    }

    detail::StreamInput input_;
};

}  // namespace millrace

#endif  // MILLRACE_API_PARTITION_WINDOW_STREAM_HPP
