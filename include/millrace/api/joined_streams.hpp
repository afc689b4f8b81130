#ifndef MILLRACE_API_JOINED_STREAMS_HPP
#define MILLRACE_API_JOINED_STREAMS_HPP

#include <millrace/api/interval_join.hpp>
#include <millrace/api/windowed_stream.hpp>
#include <millrace/windowing/co_group_function.hpp>

#include <span>
#include <type_traits>
#include <utility>
#include <variant>

namespace millrace {

namespace detail {

/// What the function of a join emits: named, seen from its collector, or returned; void if none of that.
template <class Fn, class Left, class Right>
auto windowJoinOutput() {
    using Seen = typename EmittedBy<Fn>::Type;
    if constexpr (!std::is_void_v<Seen>) {
        return std::type_identity<Seen>{};
    } else if constexpr (std::invocable<Fn&, Left, Right>) {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, Left, Right>>>{};
    } else {
        return std::type_identity<void>{};
    }
}

}  // namespace detail

/// Two streams in common windows, which fire by one trigger; say what to compute from each. @public
/// Results carry the last timestamp of their window.
template <class L, class R, detail::WindowPairing kPairing, class Windows>
class JoinedWindows {
    static constexpr bool kJoins = kPairing != detail::WindowPairing::CoGroup;
    using Left = detail::LeftArgument<L, kPairing>;
    using Right = detail::RightArgument<R, kPairing>;
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
    auto emitFinal() const { return with(windows_.emitFinal()); }
    auto emitEvery(Duration interval) const { return with(windows_.emitEvery(interval)); }
    auto emitOnWallClock(Duration timeout) const { return with(windows_.emitOnWallClock(timeout)); }
    auto allowedLateness(Duration lateness) const { return with(windows_.allowedLateness(lateness)); }
    auto sideOutputLateData(OutputTag<std::variant<L, R>> tag) const {
        return with(windows_.sideOutputLateData(std::move(tag)));
    }

    /// After `join`: `fn(const L&, const R&)` returns what to emit for a pair, or `fn(left, right, Collector<Out>& out)`
    /// emits any number; elements without a partner in their window give nothing. After an outer join they give a call of
    /// their own: the side that may be missing is a pointer, `fn(const L&, const R*)` after `leftOuterJoin`, `fn(const L*,
    /// const R&)` after `rightOuterJoin`, `fn(const L*, const R*)` after `fullOuterJoin`, and null where there is none.
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
        using Seen = decltype(detail::windowJoinOutput<Fn, Left, Right>());
        using Deduced = typename std::conditional_t<std::is_void_v<Out>, Seen, std::type_identity<Out>>::type;
        if constexpr (std::is_void_v<Deduced>) {
            return reject<Fn>();
        } else if constexpr (std::copy_constructible<Fn> && (std::invocable<Fn&, Left, Right> ||
                                                             std::invocable<Fn&, Left, Right, Collector<Deduced>&>)) {
            return windows_.template process<Deduced>(detail::JoinWindow<L, R, kPairing, Deduced, Fn>{{std::move(fn)}})
                .name(kName);
        } else {
            return reject<Fn>();
        }
    }
    static constexpr const char* kName = kPairing == detail::WindowPairing::Join         ? "window join"
                                         : kPairing == detail::WindowPairing::LeftOuter  ? "window left outer join"
                                         : kPairing == detail::WindowPairing::RightOuter ? "window right outer join"
                                                                                         : "window full outer join";
    template <class Fn>
    static detail::RejectedStream reject() {
        static_assert(detail::kRejected<Fn> || kPairing != detail::WindowPairing::Join,
                      "millrace: join(b)….apply(fn): fn must be copyable and callable as fn(const L&, const R&) with "
                      "a result, or as fn(left, right, Collector<Out>& out).");
        static_assert(detail::kRejected<Fn> || kPairing == detail::WindowPairing::Join,
                      "millrace: an outer join's apply(fn): fn must be copyable and callable with a pointer for the "
                      "side that may be missing, null then: fn(const L&, const R*) after leftOuterJoin, fn(const L*, "
                      "const R&) after rightOuterJoin, fn(const L*, const R*) after fullOuterJoin; with a result, or "
                      "as fn(left, right, Collector<Out>& out).");
        return {};
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

/// Two streams about to be paired by key and window: `.where(key).equalTo(key).window(assigner).apply(fn)`; or, when both
/// end, by key alone: `.where(key).equalTo(key).apply(fn)`. @public
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
        /// All of two bounded streams as one window, at their end; `fn` as after `window`.
        template <class Out = void, class Fn>
        auto apply(Fn fn) const {
            return window(detail::EndOfInputWindow{}).template apply<Out>(std::move(fn));
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

template <WindowPairing kPairing, class Left, class Right>
auto joinedStreams(const Left& left, const Right& right) {
    using L = typename Left::Element;
    using R = typename Right::Element;
    return JoinedStreams<L, R, kPairing>(DataStream<L>(left), DataStream<R>(right));
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_API_JOINED_STREAMS_HPP
