#ifndef MILLRACE_OPERATORS_GUARDED_TWO_INPUTS_HPP
#define MILLRACE_OPERATORS_GUARDED_TWO_INPUTS_HPP

#include <millrace/operators/broadcast_process.hpp>
#include <millrace/operators/co_process.hpp>
#include <millrace/operators/guarded_function.hpp>
#include <millrace/operators/keyed_co_process.hpp>

#include <type_traits>
#include <utility>

// Errors of functions with two inputs: a policy for the calls of each. See guarded_function.hpp.

namespace millrace::detail {

struct FirstForm {
    static constexpr bool kConsumes = true;
    template <class Fn, class Arg, class Context, class Out>
        requires requires(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
            fn.processElement1(std::forward<Arg>(record), context, out);
        }
    static void call(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
        fn.processElement1(std::forward<Arg>(record), context, out);
    }
};
struct SecondForm {
    static constexpr bool kConsumes = true;
    template <class Fn, class Arg, class Context, class Out>
        requires requires(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
            fn.processElement2(std::forward<Arg>(record), context, out);
        }
    static void call(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
        fn.processElement2(std::forward<Arg>(record), context, out);
    }
};
struct BroadcastForm {
    static constexpr bool kConsumes = false;
    template <class Fn, class Arg, class Context, class Out>
    static void call(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
        fn.processBroadcastElement(std::as_const(record), context, out);
    }
};

/// A function of two inputs with a policy for each.
template <class Fn, class Out, class FirstGuard, class SecondGuard>
class GuardedPairFunction : public PolicyFunction<Fn> {
public:
    GuardedPairFunction(Fn function, FirstGuard first, SecondGuard second)
        : PolicyFunction<Fn>(std::move(function)), first_(std::move(first)), second_(std::move(second)) {}

    template <class A, class Context>
    void processElement1(A&& record, Context& context, Collector<Out>& out) {
        first_.run(this->fn, record, context, out, this->count_);
    }
    template <class B, class Context>
    void processElement2(B&& record, Context& context, Collector<Out>& out) {
        second_.run(this->fn, record, context, out, this->count_);
    }
    template <class A, class Context>
    void processElement(A&& record, Context& context, Collector<Out>& out) {
        first_.run(this->fn, record, context, out, this->count_);
    }
    template <class B, class Context>
    void processBroadcastElement(const B& record, Context& context, Collector<Out>& out) {
        second_.run(this->fn, record, context, out, this->count_);
    }

private:
    FirstGuard first_;
    SecondGuard second_;
};

template <class A, class B, class Out, class FirstForm, class SecondForm, class Fn, class L1, bool kR1, class L2,
          bool kR2>
auto guardedPair(Fn fn, ErrorHandling<L1, kR1> first, ErrorHandling<L2, kR2> second) {
    using First = RecordGuard<A, FirstForm, L1, kR1>;
    using Second = RecordGuard<B, SecondForm, L2, kR2>;
    return GuardedPairFunction<Fn, Out, First, Second>(std::move(fn), First(std::move(first)),
                                                       Second(std::move(second)));
}

template <class A, class B, class Out, class Fn, class First, class Second>
auto guarded(CoProcessOperator<A, B, Out, Fn> op, First first, Second second) {
    auto fn = guardedPair<A, B, Out, FirstForm, SecondForm>(std::move(op.fn), std::move(first), std::move(second));
    return CoProcessOperator<A, B, Out, decltype(fn)>{std::move(fn)};
}
template <class A, class B, class FirstKey, class SecondKey, class Out, class Fn, class First, class Second>
auto guarded(KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Out, Fn> op, First first, Second second) {
    auto fn = guardedPair<A, B, Out, FirstForm, SecondForm>(std::move(op.fn), std::move(first), std::move(second));
    return KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Out, decltype(fn)>{std::move(op.firstKey),
                                                                                std::move(op.secondKey), std::move(fn)};
}
template <class T, class B, class Out, class Fn, class Descriptors, class First, class Second>
auto guarded(BroadcastProcessOperator<T, B, Out, Fn, Descriptors> op, First first, Second second) {
    auto fn = guardedPair<T, B, Out, ProcessForm, BroadcastForm>(std::move(op.fn), std::move(first), std::move(second));
    return BroadcastProcessOperator<T, B, Out, decltype(fn), Descriptors>{std::move(fn), std::move(op.descriptors)};
}
template <class T, class KeySelector, class B, class Out, class Fn, class Descriptors, class First, class Second>
auto guarded(KeyedBroadcastProcessOperator<T, KeySelector, B, Out, Fn, Descriptors> op, First first, Second second) {
    auto fn = guardedPair<T, B, Out, ProcessForm, BroadcastForm>(std::move(op.fn), std::move(first), std::move(second));
    return KeyedBroadcastProcessOperator<T, KeySelector, B, Out, decltype(fn), Descriptors>{
        std::move(op.keySelector), std::move(fn), std::move(op.descriptors)};
}

template <class A, class B>
struct GuardingPair {
    static constexpr int kCalls = 2;
    template <class Last>
    static constexpr bool kFitsFirst = kLettersFit<Last, A>;
    template <class Last>
    static constexpr bool kFitsSecond = kLettersFit<Last, B>;
};
template <class A, class B, class Out, class Fn>
struct Guarding<CoProcessOperator<A, B, Out, Fn>> : GuardingPair<A, B> {};
template <class A, class B, class FirstKey, class SecondKey, class Out, class Fn>
struct Guarding<KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Out, Fn>> : GuardingPair<A, B> {};
template <class T, class B, class Out, class Fn, class Descriptors>
struct Guarding<BroadcastProcessOperator<T, B, Out, Fn, Descriptors>> : GuardingPair<T, B> {};
template <class T, class KeySelector, class B, class Out, class Fn, class Descriptors>
struct Guarding<KeyedBroadcastProcessOperator<T, KeySelector, B, Out, Fn, Descriptors>> : GuardingPair<T, B> {};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_GUARDED_TWO_INPUTS_HPP
