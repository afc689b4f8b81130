#ifndef MILLRACE_OPERATORS_GUARDED_TIMERS_HPP
#define MILLRACE_OPERATORS_GUARDED_TIMERS_HPP

#include <millrace/operators/guarded_two_inputs.hpp>

#include <type_traits>
#include <utility>

namespace millrace::detail {

/// A keyed function whose `onTimer` is under a policy. It takes the records that the function takes, in the same form: a
/// policy around it asks whether a record may be lent, or has to be given away.
template <class Fn, class Key, class Last, bool kRetries>
class GuardedTimers : public PolicyFunction<Fn> {
public:
    GuardedTimers(Fn function, ErrorHandling<Last, kRetries> handling)
        : PolicyFunction<Fn>(std::move(function)), handling_(std::move(handling)) {}

    template <class Record, class Context, class Out>
        requires requires(Fn& function, Record&& record, Context& context, Collector<Out>& out) {
            function.processElement(std::forward<Record>(record), context, out);
        }
    void processElement(Record&& record, Context& context, Collector<Out>& out) {
        this->fn.processElement(std::forward<Record>(record), context, out);
    }
    template <class Record, class Context, class Out>
        requires requires(Fn& function, Record&& record, Context& context, Collector<Out>& out) {
            function.processElement1(std::forward<Record>(record), context, out);
        }
    void processElement1(Record&& record, Context& context, Collector<Out>& out) {
        this->fn.processElement1(std::forward<Record>(record), context, out);
    }
    template <class Record, class Context, class Out>
        requires requires(Fn& function, Record&& record, Context& context, Collector<Out>& out) {
            function.processElement2(std::forward<Record>(record), context, out);
        }
    void processElement2(Record&& record, Context& context, Collector<Out>& out) {
        this->fn.processElement2(std::forward<Record>(record), context, out);
    }
    template <class Record, class Context, class Out>
    void processBroadcastElement(const Record& record, Context& context, Collector<Out>& out) {
        this->fn.processBroadcastElement(record, context, out);
    }
    template <class Context, class Out>
    void onTimer(Timestamp time, Context& context, Collector<Out>& out) {
        callGuarded(
            handling_, out, [&] { this->fn.onTimer(time, context, out); },
            [&] {
                this->count_.leftOut("a timer", kSendsRecord<Last>);
                if constexpr (kSendsRecord<Last>) {
                    context.output(handling_.last.tag,
                                   FailedTimer<Key>{context.currentKey(), time, describeCurrentException()});
                }
            });
    }

private:
    ErrorHandling<Last, kRetries> handling_;
};

template <class In, class Out, class KeySelector, class Fn, class Last, bool kRetries>
auto guardedTimers(KeyedProcessOperator<In, Out, KeySelector, Fn> op, ErrorHandling<Last, kRetries> handling) {
    using Guarded = GuardedTimers<Fn, KeyOf<KeySelector, In>, Last, kRetries>;
    return KeyedProcessOperator<In, Out, KeySelector, Guarded>{std::move(op.keySelector),
                                                               Guarded(std::move(op.fn), std::move(handling))};
}
template <class A, class B, class FirstKey, class SecondKey, class Out, class Fn, class Last, bool kRetries>
auto guardedTimers(KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Out, Fn> op,
                   ErrorHandling<Last, kRetries> handling) {
    using Guarded = GuardedTimers<Fn, KeyOf<FirstKey, A>, Last, kRetries>;
    return KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Out, Guarded>{
        std::move(op.firstKey), std::move(op.secondKey), Guarded(std::move(op.fn), std::move(handling))};
}
template <class T, class KeySelector, class B, class Out, class Fn, class Descriptors, class Last, bool kRetries>
auto guardedTimers(KeyedBroadcastProcessOperator<T, KeySelector, B, Out, Fn, Descriptors> op,
                   ErrorHandling<Last, kRetries> handling) {
    using Guarded = GuardedTimers<Fn, KeyOf<KeySelector, T>, Last, kRetries>;
    return KeyedBroadcastProcessOperator<T, KeySelector, B, Out, Guarded, Descriptors>{
        std::move(op.keySelector), Guarded(std::move(op.fn), std::move(handling)), std::move(op.descriptors)};
}

template <class In, class Out, class KeySelector, class Fn>
    requires HasOnTimer<Fn, KeyOf<KeySelector, In>, Out>
struct TimerKey<KeyedProcessOperator<In, Out, KeySelector, Fn>> {
    using Type = KeyOf<KeySelector, In>;
};
template <class A, class B, class FirstKey, class SecondKey, class Out, class Fn>
    requires HasOnTimer<Fn, KeyOf<FirstKey, A>, Out>
struct TimerKey<KeyedCoProcessOperator<A, B, FirstKey, SecondKey, Out, Fn>> {
    using Type = KeyOf<FirstKey, A>;
};
template <class T, class KeySelector, class B, class Out, class Fn, class Descriptors>
    requires HasBroadcastOnTimer<Fn, KeyOf<KeySelector, T>, Out>
struct TimerKey<KeyedBroadcastProcessOperator<T, KeySelector, B, Out, Fn, Descriptors>> {
    using Type = KeyOf<KeySelector, T>;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_GUARDED_TIMERS_HPP
