#ifndef MILLRACE_API_BOUNDED_OPERATIONS_HPP
#define MILLRACE_API_BOUNDED_OPERATIONS_HPP

#include <millrace/api/partition_window_stream.hpp>
#include <millrace/operators/cross.hpp>
#include <millrace/operators/first.hpp>
#include <millrace/operators/rolling_functions.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/key_hash.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

/// The record as its own key.
struct WholeRecord {
    template <class T>
    const T& operator()(const T& record) const noexcept {
        return record;
    }
};

}  // namespace detail

/// What streams have that are used like a collection: most of it makes sense for bounded streams only. @public
/// `Derived` is a DataStream.
template <class Derived, class T>
class BoundedOperations {
public:
    /// All of a bounded stream as one window per subtask, which ends with the input.
    PartitionWindowedStream<T> fullWindowPartition() const { return PartitionWindowedStream<T>(input()); }
    /// `fn(std::span<const T> elements, Collector<Out>& out)` gets all elements of a subtask at the end of the input.
    template <class Out = void, class Fn>
    auto mapPartition(Fn fn) const {
        return fullWindowPartition().template mapPartition<Out>(std::move(fn));
    }
    /// The elements of each subtask in the order of a field, at the end of the input. `global()` before it (or a parallelism
    /// of 1) sorts all of them.
    template <class Field = detail::WholeValue>
    auto sortPartition(Field field = {}, SortOrder order = SortOrder::Ascending) const {
        return fullWindowPartition().sortPartition(std::move(field), order);
    }

    /// The first `count` elements that arrive; runs at parallelism 1. Also for unbounded streams. *Failure:*
    /// ConfigurationException if that is less than one, or 2^63 or more: a negative number.
    auto first(std::uint64_t count) const {
        detail::checkFirstCount(count);
        detail::StreamInput all = input();
        all.exchange = detail::ExchangeKind::Global;
        all.exchangeGiven = true;
        all.ports = detail::plainPorts<T>();
        detail::OperatorInfo info = detail::operatorInfo("first");
        info.setParameter("count", std::to_string(count));
        info.setStates({"first"});
        detail::StageTraits traits;
        traits.fixedParallelism = 1;
        return detail::StreamAccess::stream(std::move(all), detail::FirstOperator<T>{count}, std::move(info), traits);
    }
    /// Each element once, when it first arrives: by all of it, or by the keys that the selectors give. Keeps every key that it
    /// has seen.
    template <class... Selectors>
    auto distinct(Selectors... selectors) const {
        if constexpr (sizeof...(Selectors) == 0) {
            return distinct(detail::WholeRecord{});
        } else {
            return static_cast<const Derived&>(*this).keyBy(std::move(selectors)...).first(1).name("distinct");
        }
    }

    /// Every element with every one of `other`, at the end of both: `fn(const T&, const U&)`. Every subtask gets all of
    /// `other`, so that should be the smaller one.
    template <class Other, class Fn>
    auto cross(const Other& other, Fn fn) const {
        using U = typename Other::Element;
        if constexpr (!std::copy_constructible<Fn> || !std::invocable<Fn&, const T&, const U&>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: cross(other, fn): fn must be copyable, callable with const references to an "
                          "element of this stream and one of the other, and return an element.");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<T> || !HasCodec<U>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: cross: an element type has no codec, so its state could not be saved. Make it a "
                          "plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            using Out = std::decay_t<std::invoke_result_t<Fn&, const T&, const U&>>;
            detail::StreamInput all = detail::StreamAccess::input(other.broadcast());
            detail::OperatorInfo info = detail::operatorInfo("cross");
            info.setStates({"cross", "crossed with"});
            detail::StageTraits traits;
            traits.needsBoundedInput = true;
            return detail::connectedStream<T, U>(
                input(), std::move(all), detail::CrossOperator<T, U, Fn, Out>{std::move(fn)}, std::move(info), traits);
        }
    }

private:
    detail::StreamInput input() const { return detail::StreamAccess::input(static_cast<const Derived&>(*this)); }
};

}  // namespace millrace

#endif  // MILLRACE_API_BOUNDED_OPERATIONS_HPP
