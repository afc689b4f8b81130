#ifndef MILLRACE_API_STREAM_TYPES_HPP
#define MILLRACE_API_STREAM_TYPES_HPP

#include <millrace/graph/graph_builder.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/windowing/window_pairing.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

// The types of streams, declared: what the headers of the API know of each other.

namespace millrace {

/// Marks the nameable form of a stream.
struct Sealed {};

template <class T, class Chain = Sealed>
class DataStream;
template <class T, class KeySelector>
class KeyedStream;
struct GlobalWindows;

namespace detail {

template <class T, class Chain>
struct ChainOf {
    using Type = Chain;
};
template <class T>
struct ChainOf<T, Sealed> {
    using Type = Input<T>;
};
template <class Chain>
struct LastOperator;
template <class Prev, class Op>
struct LastOperator<Link<Prev, Op>> {
    using Previous = Prev;
    using Type = Op;
};

template <class A, class B>
struct TwoInputs;

/// An operator alone in its chain.
template <class Prev, class Op>
struct AloneInChain {
    static constexpr bool kIsFirst = false;
    using Type = Link<Input<typename Op::Input>, Op>;
};
template <class T, class Op>
struct AloneInChain<Input<T>, Op> {
    static constexpr bool kIsFirst = true;
    using Type = Link<Input<T>, Op>;
};
template <class A, class B, class Op>
struct AloneInChain<TwoInputs<A, B>, Op> {
    static constexpr bool kIsFirst = true;
    using Type = Link<TwoInputs<A, B>, Op>;
};

struct StreamAccess;

template <class T, class... Selectors>
auto keyStream(StreamInput input, Selectors... selectors);
template <class T, class Assigner>
auto windowAll(StreamInput input, Assigner assigner);
template <class Windowed>
auto countWindows(const Windowed& windows, std::int64_t size);
template <class Windowed>
auto countWindows(const Windowed& windows, std::int64_t size, std::int64_t slide);
template <class Out, class Keyed, class Fn>
auto groupReduce(const Keyed& keyed, Fn fn);
template <class Keyed>
auto keyedPartition(const Keyed& keyed);
template <class First, class Second>
auto connectStreams(const First& first, const Second& second);
template <class First, class Broadcast>
auto connectBroadcastOf(const First& first, const Broadcast& broadcast);
template <class Left, class Right>
auto intervalJoin(const Left& left, const Right& right);
template <WindowPairing kPairing, class Left, class Right>
auto joinedStreams(const Left& left, const Right& right);

}  // namespace detail

template <class S>
inline constexpr bool kIsDataStream = false;
template <class T, class Chain>
inline constexpr bool kIsDataStream<DataStream<T, Chain>> = true;

template <class B, class... Descriptors>
class BroadcastStream;
template <class K, class V>
class MapStateDescriptor;

template <class S>
inline constexpr bool kIsBroadcastStream = false;
template <class B, class... Descriptors>
inline constexpr bool kIsBroadcastStream<BroadcastStream<B, Descriptors...>> = true;

template <class S>
inline constexpr bool kIsKeyedStream = false;
template <class T, class KeySelector>
inline constexpr bool kIsKeyedStream<KeyedStream<T, KeySelector>> = true;

/// Any stream of T, sealed or growing: for generic helpers, `auto clean(StreamOf<Trade> auto trades)`. @public
template <class S, class T>
concept StreamOf = kIsDataStream<std::remove_cvref_t<S>> && std::same_as<typename std::remove_cvref_t<S>::Element, T>;

}  // namespace millrace

#endif  // MILLRACE_API_STREAM_TYPES_HPP
