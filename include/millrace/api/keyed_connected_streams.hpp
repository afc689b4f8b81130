#ifndef MILLRACE_API_KEYED_CONNECTED_STREAMS_HPP
#define MILLRACE_API_KEYED_CONNECTED_STREAMS_HPP

#include <millrace/api/connected_streams.hpp>
#include <millrace/operators/keyed_co_process.hpp>

#include <type_traits>
#include <utility>

namespace millrace {

/// Two connected streams, both partitioned by keys of one type: elements of equal key meet in the same subtask. @public
template <class A, class B, class FirstKey, class SecondKey>
class KeyedConnectedStreams : public ConnectedStreams<A, B> {
public:
    using Key = detail::KeyOf<FirstKey, A>;

    KeyedConnectedStreams(detail::StreamInput first, FirstKey firstKey, detail::StreamInput second, SecondKey secondKey)
        : ConnectedStreams<A, B>(std::move(first), std::move(second)), firstKey_(std::move(firstKey)),
          secondKey_(std::move(secondKey)) {}

    /// A struct with `processElement1(a, KeyedProcessContext<Key>& ctx, Collector<Out>& out)` and `processElement2(b, ctx,
    /// out)`, which share keyed state and timers. Optional: `onTimer(Timestamp, OnTimerContext<Key>& ctx, out)`,
    /// `open(KeyedRuntimeContext&)`, where it gets its states, and `close()`.
    template <class Out = void, class Fn>
    auto process(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::SeenByProcess1<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(b).process(fn): the element type it emits cannot be seen. Write "
                          "processElement1(element, KeyedProcessContext<Key>& ctx, Collector<Out>& out), or name the "
                          "type: process<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (!detail::KeyedCoProcessFunctionFor<Fn, A, B, Key, Deduced>) {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: connect(b).process(fn): fn must be copyable and have processElement1(a, "
                "KeyedProcessContext<Key>& ctx, Collector<Out>& out) and processElement2(b, ctx, out) for the "
                "elements a and b of the two keyed streams and their key type.");
            return detail::RejectedStream{};
        } else if constexpr (detail::NamesOnTimer<Fn> && !detail::HasOnTimer<Fn, Key, Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(b).process(fn): onTimer must be callable as onTimer(Timestamp time, "
                          "OnTimerContext<Key>& ctx, Collector<Out>& out), with the streams' key type.");
            return detail::RejectedStream{};
        } else {
            detail::StageTraits traits;
            traits.isStateful = true;
            detail::OperatorInfo info = detail::operatorInfo("keyed co-process");
            info.setStates({"state", "timers"});
            using Operator = detail::KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Deduced, Fn>;
            return detail::connectedStream<A, B>(
                this->first_, this->second_, Operator{firstKey_, secondKey_, std::move(fn)}, std::move(info), traits);
        }
    }

private:
    FirstKey firstKey_;
    SecondKey secondKey_;
};

namespace detail {

template <class A, class FirstKey, class B, class SecondKey>
auto keyedConnectedStreams(const KeyedStream<A, FirstKey>& first, const KeyedStream<B, SecondKey>& second) {
    return KeyedConnectedStreams<A, B, FirstKey, SecondKey>(
        StreamAccess::input(first), StreamAccess::keySelector(first), StreamAccess::input(second),
        StreamAccess::keySelector(second));
}

template <class First, class Second>
auto connectKeyed(const First& first, const Second& second) {
    if constexpr (!kIsKeyedStream<First> || !kIsKeyedStream<Second>) {
        return RejectedStream{};  // a selector was wrong, and has been rejected
    } else if constexpr (!std::is_same_v<typename First::Key, typename Second::Key>) {
        static_assert(
            kRejected<First>,
            "millrace: connect: the keys of two keyed streams must have the same type; convert one of them in "
            "its key selector.");
        return RejectedStream{};
    } else {
        return keyedConnectedStreams(first, second);
    }
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_API_KEYED_CONNECTED_STREAMS_HPP
