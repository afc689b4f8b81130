#ifndef MILLRACE_API_JOINED_STREAMS_HPP
#define MILLRACE_API_JOINED_STREAMS_HPP

#include <millrace/api/interval_join.hpp>
#include <millrace/api/windowed_stream.hpp>
#include <millrace/windowing/co_group_function.hpp>

#include <span>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

/// What is done with the two sides of a window.
enum class WindowPairing : unsigned char { Join, CoGroup };

}  // namespace detail

/// Two streams in common windows, which fire by one trigger; say what to compute from each. @public
/// Results carry the last timestamp of their window.
template <class L, class R, detail::WindowPairing kPairing, class Windows>
class JoinedWindows {
    static constexpr bool kJoins = kPairing == detail::WindowPairing::Join;
    template <class OtherWindows>
    static auto with(OtherWindows windows) {
        if constexpr (std::is_same_v<OtherWindows, detail::RejectedStream>) {
            return windows;
        } else {
            return JoinedWindows<L, R, kPairing, OtherWindows>(std::move(windows));
        }
    }

public:
    explicit JoinedWindows(Windows windows) : windows_(std::move(windows)) {}

    /// As on windows of one stream; the elements are `std::variant<L, R>`.
    template <class Trigger>
    auto trigger(Trigger newTrigger) const {
        return with(windows_.trigger(std::move(newTrigger)));
    }
    template <class Evictor>
    auto evictor(Evictor newEvictor) const {
        return with(windows_.evictor(std::move(newEvictor)));
    }
    auto allowedLateness(Duration lateness) const { return with(windows_.allowedLateness(lateness)); }

    /// After `join`: `fn(const L&, const R&)` returns what to emit for a pair, or `fn(left, right, Collector<Out>& out)`
    /// emits any number; elements without a partner in their window give nothing.
    /// After `coGroup`: `fn(std::span<const L>, std::span<const R>, Collector<Out>& out)`, also when one side is empty.
    /// Where the output type cannot be seen (generic parameters): `apply<Out>(fn)`.
    template <class Out = void, class Fn>
    auto apply(Fn fn) const {
        if constexpr (kJoins) {
            return join<Out>(std::move(fn));
        } else {
            return coGroup<Out>(std::move(fn));
        }
    }

private:
    template <class Out, class Fn>
    auto join(Fn fn) const {
        using Deduced = detail::JoinOutput<Out, Fn, L, R>;
        if constexpr (!std::is_void_v<Deduced> && std::copy_constructible<Fn> &&
                      (std::invocable<Fn&, const L&, const R&> ||
                       std::invocable<Fn&, const L&, const R&, Collector<Deduced>&>)) {
            return windows_.template process<Deduced>(detail::JoinWindow<L, R, Deduced, Fn>{{std::move(fn)}})
                .name("window join");
        } else {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: join(b)….apply(fn): fn must be copyable and callable as fn(const L&, const R&) with "
                "a result, or as fn(left, right, Collector<Out>& out).");
            return detail::RejectedStream{};
        }
    }
    template <class Out, class Fn>
    auto coGroup(Fn fn) const {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::EmittedBy<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: coGroup(b)….apply(fn): the element type it emits cannot be seen. Write fn as "
                          "(std::span<const L>, std::span<const R>, Collector<Out>& out), or name the type: "
                          "apply<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (std::copy_constructible<Fn> &&
                             std::invocable<Fn&, std::span<const L>, std::span<const R>, Collector<Deduced>&>) {
            return windows_.template process<Deduced>(detail::CoGroupWindow<L, R, Deduced, Fn>{{std::move(fn)}})
                .name("window coGroup");
        } else {
            static_assert(detail::kRejected<Fn>,
                          "millrace: coGroup(b)….apply(fn): fn must be copyable and callable as fn(std::span<const L>, "
                          "std::span<const R>, Collector<Out>& out).");
            return detail::RejectedStream{};
        }
    }

    Windows windows_;
};

/// Two streams about to be paired by key and window: `.where(key).equalTo(key).window(assigner).apply(fn)`. @public
template <class L, class R, detail::WindowPairing kPairing>
class JoinedStreams {
public:
    JoinedStreams(DataStream<L> left, DataStream<R> right) : left_(std::move(left)), right_(std::move(right)) {}

    /// With the keys of both sides.
    template <class LeftKey, class RightKey>
    class Keyed {
        using Key = detail::KeyOf<LeftKey, L>;

    public:
        Keyed(DataStream<L> left, DataStream<R> right, LeftKey leftKey, RightKey rightKey)
            : left_(std::move(left)), right_(std::move(right)), leftKey_(std::move(leftKey)),
              rightKey_(std::move(rightKey)) {}

        /// Any assigner that a keyed stream takes; elements of both streams share the windows (sessions span both).
        template <class Assigner>
        auto window(Assigner assigner) const {
            using Selector = detail::TaggedKey<Key, LeftKey, RightKey>;
            auto windows = left_.map(detail::TagSide<L, R, 0>{})
                               .name("tag left")
                               .unionWith(right_.map(detail::TagSide<L, R, 1>{}).name("tag right"))
                               .keyBy(Selector{leftKey_, rightKey_})
                               .window(std::move(assigner));
            if constexpr (std::is_same_v<decltype(windows), detail::RejectedStream>) {
                return windows;
            } else {
                return JoinedWindows<L, R, kPairing, decltype(windows)>(std::move(windows));
            }
        }

    private:
        DataStream<L> left_;
        DataStream<R> right_;
        LeftKey leftKey_;
        RightKey rightKey_;
    };

    /// With the key of the left side.
    template <class LeftKey>
    class Where {
    public:
        Where(DataStream<L> left, DataStream<R> right, LeftKey leftKey)
            : left_(std::move(left)), right_(std::move(right)), leftKey_(std::move(leftKey)) {}

        /// The key of the other stream's elements, of the same type.
        template <class RightKey>
        auto equalTo(RightKey rightKey) const {
            if constexpr (!KeySelectorFor<RightKey, R>) {
                static_assert(detail::kRejected<RightKey>,
                              "millrace: equalTo(selector): the selector must be a pointer to a member of the second "
                              "stream's element, or copyable, callable with a const reference to it, and return the "
                              "key.");
                return detail::RejectedStream{};
            } else if constexpr (!std::is_same_v<detail::KeyOf<LeftKey, L>, detail::KeyOf<RightKey, R>>) {
                static_assert(detail::kRejected<RightKey>,
                              "millrace: where(k1).equalTo(k2): both keys must have the same type; convert one of them "
                              "in its selector.");
                return detail::RejectedStream{};
            } else {
                return Keyed<LeftKey, RightKey>(left_, right_, leftKey_, std::move(rightKey));
            }
        }

    private:
        DataStream<L> left_;
        DataStream<R> right_;
        LeftKey leftKey_;
    };

    /// The key of the first stream's elements.
    template <class LeftKey>
    auto where(LeftKey leftKey) const {
        if constexpr (!KeySelectorFor<LeftKey, L>) {
            static_assert(detail::kRejected<LeftKey>,
                          "millrace: where(selector): the selector must be a pointer to a member of the first stream's "
                          "element, or copyable, callable with a const reference to it, and return the key.");
            return detail::RejectedStream{};
        } else {
            return Where<LeftKey>(left_, right_, std::move(leftKey));
        }
    }

private:
    DataStream<L> left_;
    DataStream<R> right_;
};

namespace detail {

template <WindowPairing kPairing, class L, class R>
auto joinedStreams(DataStream<L> left, DataStream<R> right) {
    return JoinedStreams<L, R, kPairing>(std::move(left), std::move(right));
}
template <class Left, class Right>
auto joinStreams(const Left& left, const Right& right) {
    using L = typename Left::Element;
    using R = typename Right::Element;
    return joinedStreams<WindowPairing::Join>(DataStream<L>(left), DataStream<R>(right));
}
template <class Left, class Right>
auto coGroupStreams(const Left& left, const Right& right) {
    using L = typename Left::Element;
    using R = typename Right::Element;
    return joinedStreams<WindowPairing::CoGroup>(DataStream<L>(left), DataStream<R>(right));
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_API_JOINED_STREAMS_HPP
