#ifndef MILLRACE_API_INTERVAL_JOIN_HPP
#define MILLRACE_API_INTERVAL_JOIN_HPP

#include <millrace/api/connected_streams.hpp>
#include <millrace/operators/guarded_join.hpp>
#include <millrace/operators/interval_join.hpp>
#include <millrace/types/describe.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

/// What the function of an interval join emits: named, seen from its collector parameter, or returned.
template <class Fn, class L, class R>
auto joinOutput() {
    using Seen = typename ProcessOutput<Fn>::Type;
    if constexpr (!std::is_void_v<Seen>) {
        return std::type_identity<Seen>{};
    } else if constexpr (std::invocable<Fn&, const L&, const R&>) {
        return std::type_identity<std::decay_t<std::invoke_result_t<Fn&, const L&, const R&>>>{};
    } else {
        return std::type_identity<void>{};
    }
}
template <class Out, class Fn, class L, class R>
using JoinOutput =
    typename std::conditional_t<std::is_void_v<Out>, decltype(joinOutput<Fn, L, R>()), std::type_identity<Out>>::type;

/// Throws ConfigurationException unless lower <= upper.
void checkIntervalBounds(Duration lower, Duration upper);

}  // namespace detail

/// An interval join with its bounds: say what to do with each pair. @public
/// Pairs are emitted as soon as both elements are there, with the later one's timestamp.
template <class L, class R, class LeftKey, class RightKey>
class IntervalJoined {
public:
    IntervalJoined(KeyedStream<L, LeftKey> left, KeyedStream<R, RightKey> right, Duration lower, Duration upper)
        : left_(std::move(left)), right_(std::move(right)), lower_(lower), upper_(upper) {
        detail::checkIntervalBounds(lower, upper);
    }

    /// A right element exactly `lower` away from the left one does not join. (Without this it does.)
    IntervalJoined lowerBoundExclusive() const {
        IntervalJoined changed = *this;
        changed.lowerExclusive_ = true;
        return changed;
    }
    IntervalJoined upperBoundExclusive() const {
        IntervalJoined changed = *this;
        changed.upperExclusive_ = true;
        return changed;
    }
    /// Left elements behind the watermark go to this side output of the result; without it they are counted and dropped.
    IntervalJoined sideOutputLeftLateData(OutputTag<L> tag) const {
        IntervalJoined changed = *this;
        changed.lateLeft_ = std::move(tag);
        return changed;
    }
    IntervalJoined sideOutputRightLateData(OutputTag<R> tag) const {
        IntervalJoined changed = *this;
        changed.lateRight_ = std::move(tag);
        return changed;
    }

    /// `fn(left, right)` returns what to emit; or `fn(left, right, Collector<Out>& out)`, or `fn(left, right,
    /// ProcessJoinContext& ctx, out)`, or a struct with `processElement` of that form. Where the output type cannot be
    /// seen (generic parameters): `process<Out>(fn)`.
    template <class Out = void, class Fn>
    auto process(Fn fn) const {
        using Deduced = detail::JoinOutput<Out, Fn, L, R>;
        if constexpr (std::is_void_v<Deduced>) {
            return reject<Fn>();
        } else if constexpr (!detail::JoinCall<Fn, L, R, Deduced>::kValid) {
            return reject<Fn>();
        } else if constexpr (!HasCodec<L> || !HasCodec<R>) {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: intervalJoin: an element of the left or right stream has no codec, so what the join "
                "buffers could not be saved. Make it a plain aggregate or specialise millrace::Codec for it.");
            return detail::RejectedStream{};
        } else {
            detail::StageTraits traits;
            traits.isStateful = true;
            traits.needsWatermarks = true;
            detail::OperatorInfo info = detail::operatorInfo("interval join");
            info.setParameter("from", describeValue(lower_) + (lowerExclusive_ ? " exclusive" : ""));
            info.setParameter("to", describeValue(upper_) + (upperExclusive_ ? " exclusive" : ""));
            if (lateLeft_.has_value() || lateRight_.has_value()) info.setParameter("lateData", "side output");
            info.setStates({"join"});
            using Operator = detail::IntervalJoinOperator<L, R, LeftKey, RightKey, Deduced, Fn>;
            using detail::StreamAccess;
            const Duration tick{1};
            return detail::connectedStream<L, R>(
                StreamAccess::input(left_), StreamAccess::input(right_),
                Operator{StreamAccess::keySelector(left_), StreamAccess::keySelector(right_), std::move(fn),
                         lowerExclusive_ ? saturatingAdd(Timestamp{lower_}, tick).time_since_epoch() : lower_,
                         upperExclusive_ ? saturatingSubtract(Timestamp{upper_}, tick).time_since_epoch() : upper_,
                         lateLeft_, lateRight_},
                std::move(info), traits);
        }
    }

private:
    template <class Fn>
    static auto reject() {
        static_assert(
            detail::kRejected<Fn>,
            "millrace: intervalJoin(…).process(fn): fn must be copyable and callable as fn(const L&, const R&) with a "
            "result, fn(left, right, Collector<Out>& out) or fn(left, right, ProcessJoinContext& ctx, out), or be a "
            "struct with processElement of the last form; where out is auto&, name the type: process<Out>(fn).");
        return detail::RejectedStream{};
    }

    KeyedStream<L, LeftKey> left_;
    KeyedStream<R, RightKey> right_;
    Duration lower_;
    Duration upper_;
    bool lowerExclusive_ = false;
    bool upperExclusive_ = false;
    std::optional<OutputTag<L>> lateLeft_;
    std::optional<OutputTag<R>> lateRight_;
};

/// Two keyed streams about to be joined by time; say how far apart the elements may be. @public
template <class L, class R, class LeftKey, class RightKey>
class IntervalJoin {
public:
    IntervalJoin(KeyedStream<L, LeftKey> left, KeyedStream<R, RightKey> right)
        : left_(std::move(left)), right_(std::move(right)) {}

    /// A left and a right element of equal key join when `left time + lower <= right time <= left time + upper`.
    /// *Failure:* ConfigurationException when `lower` is greater than `upper`.
    IntervalJoined<L, R, LeftKey, RightKey> between(Duration lower, Duration upper) const {
        return {left_, right_, lower, upper};
    }

private:
    KeyedStream<L, LeftKey> left_;
    KeyedStream<R, RightKey> right_;
};

namespace detail {

template <class L, class LeftKey, class R, class RightKey>
auto intervalJoinOf(const KeyedStream<L, LeftKey>& left, const KeyedStream<R, RightKey>& right) {
    return IntervalJoin<L, R, LeftKey, RightKey>(left, right);
}
template <class Left, class Right>
auto intervalJoin(const Left& left, const Right& right) {
    if constexpr (!kIsKeyedStream<Right>) {
        static_assert(kRejected<Right>,
                      "millrace: intervalJoin(other): other must be a keyed stream; call keyBy(selector) on it first.");
        return RejectedStream{};
    } else if constexpr (!std::is_same_v<typename Left::Key, typename Right::Key>) {
        static_assert(kRejected<Right>,
                      "millrace: intervalJoin(other): the keys of both streams must have the same type; convert one of "
                      "them in its key selector.");
        return RejectedStream{};
    } else {
        return intervalJoinOf(left, right);
    }
}

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/interval_join.ipp>
#endif

#endif  // MILLRACE_API_INTERVAL_JOIN_HPP
