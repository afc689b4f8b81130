#ifndef MILLRACE_OPERATORS_GUARDED_JOIN_HPP
#define MILLRACE_OPERATORS_GUARDED_JOIN_HPP

#include <millrace/operators/guarded_function.hpp>
#include <millrace/operators/interval_join.hpp>

#include <utility>

namespace millrace::detail {

/// The function of an interval join under a policy: what fails is a pair.
template <class Fn, class L, class R, class Out, class Last, bool kRetries>
class GuardedJoin : public PolicyFunction<Fn> {
public:
    GuardedJoin(Fn function, ErrorHandling<Last, kRetries> handling)
        : PolicyFunction<Fn>(std::move(function)), handling_(std::move(handling)) {}

    void processElement(const L& left, const R& right, ProcessJoinContext& context, Collector<Out>& out) {
        callGuarded(
            handling_, out, [&] { JoinCall<Fn, L, R, Out>::call(this->fn, left, right, context, out); },
            [&] { giveUp(left, right, context); });
    }

private:
    [[gnu::cold, gnu::noinline]] void giveUp(const L& left, const R& right, ProcessJoinContext& context) {
        this->count_.leftOut("a pair", kSendsRecord<Last>);
        if constexpr (kSendsRecord<Last>) {
            std::pair<L, R> pair(left, right);
            sendLetter(handling_.last, pair, context);
        }
    }

    ErrorHandling<Last, kRetries> handling_;
};

template <class L, class R, class LeftKey, class RightKey, class Out, class Fn, class Last, bool kRetries>
auto guarded(IntervalJoinOperator<L, R, LeftKey, RightKey, Out, Fn> op, ErrorHandling<Last, kRetries> handling) {
    using Guarded = GuardedJoin<Fn, L, R, Out, Last, kRetries>;
    return IntervalJoinOperator<L, R, LeftKey, RightKey, Out, Guarded>{std::move(op.leftKey),
                                                                       std::move(op.rightKey),
                                                                       Guarded(std::move(op.fn), std::move(handling)),
                                                                       op.lower,
                                                                       op.upper,
                                                                       std::move(op.lateLeft),
                                                                       std::move(op.lateRight)};
}
template <class L, class R, class LeftKey, class RightKey, class Out, class Fn>
struct Guarding<IntervalJoinOperator<L, R, LeftKey, RightKey, Out, Fn>> : GuardingRecords<std::pair<L, R>> {};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_GUARDED_JOIN_HPP
