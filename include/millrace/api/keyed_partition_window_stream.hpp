#ifndef MILLRACE_API_KEYED_PARTITION_WINDOW_STREAM_HPP
#define MILLRACE_API_KEYED_PARTITION_WINDOW_STREAM_HPP

#include <millrace/api/partition_window_stream.hpp>
#include <millrace/api/windowed_stream.hpp>
#include <millrace/windowing/global_windows.hpp>
#include <millrace/windowing/key_partition_functions.hpp>

#include <span>
#include <type_traits>
#include <utility>

namespace millrace {

/// All elements of a key as one window, which ends with the input. @public
/// *State and checkpoints:* the elements (or the one value of `reduce` and `aggregate`) of each key; in batch execution of one
/// key at a time. They need a codec. Each key's elements come in the order of their arrival, in batch execution in that
/// of their time.
template <class T, class KeySelector>
class KeyedPartitionWindowedStream {
public:
    using Element = T;
    using Key = detail::KeyOf<KeySelector, T>;

    explicit KeyedPartitionWindowedStream(const KeyedStream<T, KeySelector>& keyed)
        : windows_(keyed.window(detail::EndOfInputWindow{})) {}

    /// `fn(std::span<const T> elements, Collector<Out>& out)` gets all elements of a key at once.
    template <class Out = void, class Fn>
    auto mapPartition(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::EmittedBy<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            return detail::rejectUnseenPartitionOutput<Fn>();
        } else if constexpr (!std::copy_constructible<Fn> ||
                             !std::invocable<Fn&, std::span<const T>, Collector<Deduced>&>) {
            return detail::rejectMapPartition<Fn>();
        } else {
            return windows_.template process<Deduced>(detail::GroupReduceWindow<T, Deduced, Fn>{{std::move(fn)}})
                .name("mapPartition");
        }
    }
    /// The elements of each key in the order of a field: a pointer to a member, or a callable. Stable.
    template <class Field = detail::WholeValue>
    auto sortPartition(Field field = {}, SortOrder order = SortOrder::Ascending) const {
        if constexpr (!detail::SortFieldFor<Field, T>) {
            return detail::rejectSortField<Field>();
        } else {
            return windows_.template process<T>(detail::SortKeyPartition<T, Field>{std::move(field), order})
                .name("sortPartition");
        }
    }
    /// One element per key: `fn(const T&, const T&)`.
    template <class Fn>
    auto reduce(Fn fn) const {
        return windows_.reduce(std::move(fn));
    }
    /// One result per key.
    template <class Aggregate>
    auto aggregate(Aggregate fn) const {
        return windows_.aggregate(std::move(fn));
    }

private:
    WindowedStream<T, KeySelector, detail::EndOfInputWindow> windows_;
};

namespace detail {

template <class Keyed>
auto keyedPartition(const Keyed& keyed) {
    return KeyedPartitionWindowedStream(keyed);
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_API_KEYED_PARTITION_WINDOW_STREAM_HPP
