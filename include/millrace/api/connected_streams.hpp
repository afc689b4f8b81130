#ifndef MILLRACE_API_CONNECTED_STREAMS_HPP
#define MILLRACE_API_CONNECTED_STREAMS_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/api/keyed_stream.hpp>
#include <millrace/api/recording.hpp>
#include <millrace/api/stream_access.hpp>
#include <millrace/operators/co_process.hpp>
#include <millrace/operators/guarded_timers.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

template <class First, class Second>
auto connectKeyed(const First& first, const Second& second);

}  // namespace detail

/// Two streams that one operator reads side by side, each with a function of its own; records of the two come in no
/// particular order between them. @public
/// Event time is the smaller watermark of the two.
template <class A, class B>
class ConnectedStreams {
public:
    ConnectedStreams(detail::StreamInput first, detail::StreamInput second)
        : first_(std::move(first)), second_(std::move(second)) {}

    /// `first(a)` for the elements of the first stream, `second(b)` for those of the other; both return the same type.
    template <class First, class Second>
    auto map(First first, Second second) const {
        return map(detail::FunctionPair<First, Second>{std::move(first), std::move(second)});
    }
    /// A struct with `map1(a)` and `map2(b)`.
    template <class Fn>
    auto map(Fn fn) const {
        if constexpr (requires(Fn& f, A a, B b) {
                          requires std::is_same_v<std::decay_t<decltype(f.map1(std::move(a)))>,
                                                  std::decay_t<decltype(f.map2(std::move(b)))>>;
                          requires !std::is_void_v<decltype(f.map1(std::move(a)))>;
                      }) {
            using Out = std::decay_t<decltype(std::declval<Fn&>().map1(std::declval<A>()))>;
            return with<Out>(detail::CoMap<Fn>{{std::move(fn)}}, "co-map");
        } else {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(b).map(f1, f2): f1 must be callable with the first stream's element, f2 "
                          "with the second's, and both must return the same type; or pass one struct with map1(a) and "
                          "map2(b).");
            return detail::RejectedStream{};
        }
    }

    /// `first(a, Collector<Out>& out)` and `second(b, out)` emit any number of elements. Where `out` is `auto&`, name the
    /// type: `.flatMap<Out>(first, second)`.
    template <class Out = void, class First, class Second>
    auto flatMap(First first, Second second) const {
        return flatMap<Out>(detail::FunctionPair<First, Second>{std::move(first), std::move(second)});
    }
    /// A struct with `flatMap1(a, out)` and `flatMap2(b, out)`.
    template <class Out = void, class Fn>
    auto flatMap(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::SeenByFlatMap1<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(b).flatMap(f1, f2): the element type they emit cannot be seen. Write them "
                          "as (element, Collector<Out>& out), or name the type: flatMap<Out>(f1, f2).");
            return detail::RejectedStream{};
        } else if constexpr (requires(Fn& f, A a, B b, Collector<Deduced>& out) {
                                 f.flatMap1(std::move(a), out);
                                 f.flatMap2(std::move(b), out);
                             }) {
            return with<Deduced>(detail::CoFlatMap<Fn>{{std::move(fn)}}, "co-flatMap");
        } else {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(b).flatMap(f1, f2): f1 must be callable as f1(element, Collector<Out>& "
                          "out) with the first stream's element, f2 in the same way with the second's.");
            return detail::RejectedStream{};
        }
    }

    /// A struct with `processElement1(a, ProcessContext& ctx, Collector<Out>& out)` and `processElement2(b, ctx, out)`,
    /// which may ask `ctx` for timestamp, watermark and processing time and emit to side outputs.
    template <class Out = void, class Fn>
    auto process(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::SeenByProcess1<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: connect(b).process(fn): the element type it emits cannot be seen. Write "
                          "processElement1(element, ProcessContext& ctx, Collector<Out>& out), or name the type: "
                          "process<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (detail::CoProcessFunctionFor<Fn, A, B, Deduced>) {
            return with<Deduced>(std::move(fn), "co-process");
        } else {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: connect(b).process(fn): fn must be copyable and have processElement1(a, ProcessContext& "
                "ctx, "
                "Collector<Out>& out) and processElement2(b, ctx, out) for the elements a and b of the two streams. "
                "Keyed state and timers need keys: connect(b).keyBy(k1, k2).process(fn).");
            return detail::RejectedStream{};
        }
    }

    /// Partitions both streams by key, so that elements of equal key meet.
    template <class FirstKey, class SecondKey>
    auto keyBy(FirstKey firstKey, SecondKey secondKey) const {
        return detail::connectKeyed(detail::keyStream<A>(first_, std::move(firstKey)),
                                    detail::keyStream<B>(second_, std::move(secondKey)));
    }

private:
    template <class Out, class Fn>
    auto with(Fn fn, std::string kind) const {
        return detail::connectedStream<A, B>(first_, second_, detail::CoProcessOperator<A, B, Out, Fn>{std::move(fn)},
                                             detail::operatorInfo(std::move(kind)));
    }

protected:
    detail::StreamInput first_;
    detail::StreamInput second_;
};

namespace detail {

template <class First, class Second>
auto connectStreams(const First& first, const Second& second) {
    constexpr bool kStream = kIsDataStream<Second> || kIsKeyedStream<Second>;
    if constexpr (kIsBroadcastStream<Second>) {
        return connectBroadcastOf(first, second);
    } else if constexpr (kIsKeyedStream<First> && kIsKeyedStream<Second>) {
        return connectKeyed(first, second);
    } else if constexpr (kStream) {
        return ConnectedStreams<typename First::Element, typename Second::Element>(StreamAccess::input(first),
                                                                                   StreamAccess::input(second));
    } else {
        static_assert(kStream || kRejected<Second>,
                      "millrace: connect(other): other must be a stream: a DataStream, a KeyedStream or what "
                      "broadcast(descriptor…) returns.");
        return RejectedStream{};
    }
}

}  // namespace detail
}  // namespace millrace

#include <millrace/api/keyed_connected_streams.hpp>

#endif  // MILLRACE_API_CONNECTED_STREAMS_HPP
