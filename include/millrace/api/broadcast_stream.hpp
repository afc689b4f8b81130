#ifndef MILLRACE_API_BROADCAST_STREAM_HPP
#define MILLRACE_API_BROADCAST_STREAM_HPP

#include <millrace/api/connected_streams.hpp>
#include <millrace/operators/broadcast_process.hpp>

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace millrace {

/// A stream whose elements all subtasks of the next operator get, with the maps that they are to keep there. Connect
/// another stream with it: `events.connect(rules.broadcast(kRules)).process(fn)`. @public
template <class B, class... Descriptors>
class BroadcastStream {
public:
    using Element = B;

    BroadcastStream(detail::StreamInput input, Descriptors... descriptors)
        : input_(std::move(input)), descriptors_(std::move(descriptors)...) {}

private:
    template <class, class>
    friend class BroadcastConnectedStream;
    template <class, class, class>
    friend class KeyedBroadcastConnectedStream;

    detail::StreamInput input_;
    std::tuple<Descriptors...> descriptors_;
};

namespace detail {

template <class S>
struct BroadcastParts;
template <class B, class... Descriptors>
struct BroadcastParts<BroadcastStream<B, Descriptors...>> {
    using Element = B;
    using States = std::tuple<Descriptors...>;
};

}  // namespace detail

/// A stream connected with a broadcast one. @public
template <class T, class Broadcast>
class BroadcastConnectedStream {
    using B = typename detail::BroadcastParts<Broadcast>::Element;
    using States = typename detail::BroadcastParts<Broadcast>::States;

public:
    BroadcastConnectedStream(detail::StreamInput first, Broadcast broadcast)
        : first_(std::move(first)), broadcast_(std::move(broadcast)) {}

    /// A struct with `processElement(element, BroadcastReadOnlyContext& ctx, Collector<Out>& out)` and
    /// `processBroadcastElement(const B&, BroadcastContext& ctx, out)`, which alone may write the broadcast state.
    template <class Out = void, class Fn>
    auto process(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::ProcessOutput<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(broadcast).process(fn): the element type it emits cannot be seen. Write "
                          "processElement(element, BroadcastReadOnlyContext& ctx, Collector<Out>& out), or name the "
                          "type: process<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (!detail::BroadcastFunctionFor<Fn, T, B, BroadcastReadOnlyContext, BroadcastContext,
                                                           Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(broadcast).process(fn): fn must be copyable and have "
                          "processElement(element, BroadcastReadOnlyContext& ctx, Collector<Out>& out) and "
                          "processBroadcastElement(const B& element, BroadcastContext& ctx, out).");
            return detail::RejectedStream{};
        } else {
            detail::OperatorInfo info = detail::operatorInfo("broadcast process");
            info.setStates({"broadcast"});
            using Operator = detail::BroadcastProcessOperator<T, B, Deduced, Fn, States>;
            return detail::connectedStream<T, B>(first_, broadcast_.input_,
                                                 Operator{std::move(fn), broadcast_.descriptors_}, std::move(info));
        }
    }

private:
    detail::StreamInput first_;
    Broadcast broadcast_;
};

/// A keyed stream connected with a broadcast one. @public
template <class T, class KeySelector, class Broadcast>
class KeyedBroadcastConnectedStream {
    using B = typename detail::BroadcastParts<Broadcast>::Element;
    using States = typename detail::BroadcastParts<Broadcast>::States;

public:
    using Key = detail::KeyOf<KeySelector, T>;

    KeyedBroadcastConnectedStream(const KeyedStream<T, KeySelector>& first, Broadcast broadcast)
        : first_(first), broadcast_(std::move(broadcast)) {}

    /// A struct with `processElement(element, KeyedReadOnlyContext<Key>& ctx, Collector<Out>& out)`, which has keyed state
    /// and timers, and `processBroadcastElement(const B&, KeyedBroadcastContext<Key>& ctx, out)`, which alone may write the
    /// broadcast state and may visit all keys' state. Optional: `onTimer(Timestamp, KeyedReadOnlyContext<Key>& ctx, out)`,
    /// `open(KeyedRuntimeContext&)` and `close()`.
    template <class Out = void, class Fn>
    auto process(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::ProcessOutput<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(broadcast).process(fn): the element type it emits cannot be seen. Write "
                          "processElement(element, KeyedReadOnlyContext<Key>& ctx, Collector<Out>& out), or name the "
                          "type: process<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (!detail::BroadcastFunctionFor<Fn, T, B, KeyedReadOnlyContext<Key>,
                                                           KeyedBroadcastContext<Key>, Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(broadcast).process(fn): fn must be copyable and have "
                          "processElement(element, KeyedReadOnlyContext<Key>& ctx, Collector<Out>& out) and "
                          "processBroadcastElement(const B& element, KeyedBroadcastContext<Key>& ctx, out).");
            return detail::RejectedStream{};
        } else if constexpr (detail::NamesOnTimer<Fn> && !detail::HasBroadcastOnTimer<Fn, Key, Deduced>) {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: connect(broadcast).process(fn): onTimer must be callable as onTimer(Timestamp time, "
                "KeyedReadOnlyContext<Key>& ctx, Collector<Out>& out), with the stream's key type.");
            return detail::RejectedStream{};
        } else {
            detail::StageTraits traits;
            traits.isStateful = true;
            detail::OperatorInfo info = detail::operatorInfo("keyed broadcast process");
            info.setStates({"state", "timers", "broadcast"});
            using detail::StreamAccess;
            using Operator = detail::KeyedBroadcastProcessOperator<T, KeySelector, B, Deduced, Fn, States>;
            return detail::connectedStream<T, B>(
                StreamAccess::input(first_), broadcast_.input_,
                Operator{StreamAccess::keySelector(first_), std::move(fn), broadcast_.descriptors_}, std::move(info),
                traits);
        }
    }

private:
    KeyedStream<T, KeySelector> first_;
    Broadcast broadcast_;
};

namespace detail {

template <class T, class Chain, class B, class... Descriptors>
auto connectBroadcast(const DataStream<T, Chain>& first, const BroadcastStream<B, Descriptors...>& second) {
    return BroadcastConnectedStream<T, BroadcastStream<B, Descriptors...>>(StreamAccess::input(first), second);
}
template <class T, class KeySelector, class B, class... Descriptors>
auto connectBroadcast(const KeyedStream<T, KeySelector>& first, const BroadcastStream<B, Descriptors...>& second) {
    return KeyedBroadcastConnectedStream<T, KeySelector, BroadcastStream<B, Descriptors...>>(first, second);
}
template <class First, class Broadcast>
auto connectBroadcastOf(const First& first, const Broadcast& broadcast) {
    return connectBroadcast(first, broadcast);
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_API_BROADCAST_STREAM_HPP
