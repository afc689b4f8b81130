#ifndef MILLRACE_WINDOWING_GUARDED_WINDOW_HPP
#define MILLRACE_WINDOWING_GUARDED_WINDOW_HPP

#include <millrace/operators/guarded_function.hpp>
#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/session_window_operator.hpp>
#include <millrace/windowing/window_operator.hpp>

#include <type_traits>
#include <utility>

// Errors of windows: a policy for the calls that take a record into an accumulator, and one for those that make the results
// of a window. The emitter asks `WindowErrors` about the second.

namespace millrace::detail {

/// In the place of a window function: one whose errors are handled.
template <class WindowFn, class Last, bool kRetries>
struct GuardedWindow {
    WindowFn function;
    ErrorHandling<Last, kRetries> handling;
};

template <class WindowFn, class Last, bool kRetries>
struct WindowErrors<GuardedWindow<WindowFn, Last, kRetries>> {
    using Function = WindowFn;
    static constexpr bool kGuarded = true;

    explicit WindowErrors(const GuardedWindow<WindowFn, Last, kRetries>& given) : handling(given.handling) {}
    static const WindowFn& functionOf(const GuardedWindow<WindowFn, Last, kRetries>& given) { return given.function; }

    void open(const OpenContext& context, const OperatorId& id) { count.bind(context, id); }
    template <class Key, class Window, class Out, class Call>
    void run(const Key& key, const Window& window, StageOutputs& outputs, Collector<Out>& out, Call call) {
        callGuarded(handling, out, call, [&] {
            count.leftOut("a window", kSendsRecord<Last>);
            if constexpr (kSendsRecord<Last>) send(handling.last, key, window, outputs);
        });
    }

private:
    template <class Key, class Window>
    static void send(const SendRecord<FailedWindow<Key, Window>>& letters, const Key& key, const Window& window,
                     StageOutputs& outputs) {
        outputs.emitSide(letters.tag, FailedWindow<Key, Window>{key, window, describeCurrentException()},
                         window.maxTimestamp());
    }
    template <class Window>
    static void send(const SendRecord<FailedWindow<void, Window>>& letters, NoKey, const Window& window,
                     StageOutputs& outputs) {
        outputs.emitSide(letters.tag, FailedWindow<void, Window>{window, describeCurrentException()},
                         window.maxTimestamp());
    }

    ErrorHandling<Last, kRetries> handling;
    ErrorCount count;
};

/// An aggregate function whose `add` is under a policy.
template <class Aggregate, class T, class Last, bool kRetries>
class GuardedAggregate : public PolicyFunction<Aggregate> {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;

public:
    GuardedAggregate(Aggregate aggregate, ErrorHandling<Last, kRetries> handling)
        : PolicyFunction<Aggregate>(std::move(aggregate)), handling_(std::move(handling)) {}

    Accumulator createAccumulator()
        requires(!Traits::kStartsWithFirst)
    {
        return this->fn.createAccumulator();
    }
    Accumulator first(const T& value)
        requires(Traits::kStartsWithFirst)
    {
        return this->fn.first(value);
    }
    void add(const T& value, Accumulator& acc) {
        NothingEmitted nothing;
        callGuarded(
            handling_, nothing, [&] { addTo(acc, value); }, [&] { this->count_.leftOut("the record", false); });
    }
    decltype(auto) getResult(const Accumulator& acc) { return this->fn.getResult(acc); }
    void merge(Accumulator& into, const Accumulator& other)
        requires(Traits::kMerges)
    {
        Traits::merge(this->fn, into, other);
    }
    void subtract(Accumulator& from, const Accumulator& other)
        requires(Traits::kSubtracts)
    {
        Traits::subtract(this->fn, from, other);
    }

private:
    void addTo(Accumulator& acc, const T& value) {
        if constexpr (requires {
                          { this->fn.add(value, acc) } -> std::same_as<void>;
                      }) {
            this->fn.add(value, acc);
        } else {
            // what was there must be there still when it has thrown
            Accumulator copy(acc);
            Traits::add(this->fn, value, copy);
            acc = std::move(copy);
        }
    }

    ErrorHandling<Last, kRetries> handling_;
};

template <class T, class Aggregate, class Last, bool kRetries>
auto guardedAggregate(Aggregate aggregate, ErrorHandling<Last, kRetries> handling) {
    if constexpr (kKeepsElements<Aggregate> || (std::is_same_v<Last, FailJob> && !kRetries)) {
        return aggregate;
    } else {
        return GuardedAggregate<Aggregate, T, Last, kRetries>(std::move(aggregate), std::move(handling));
    }
}
template <class WindowFn, class Last, bool kRetries>
auto guardedWindow(WindowFn fn, ErrorHandling<Last, kRetries> handling) {
    if constexpr (std::is_same_v<Last, FailJob> && !kRetries) {
        return fn;
    } else {
        return GuardedWindow<WindowFn, Last, kRetries>{std::move(fn), std::move(handling)};
    }
}

template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out, class First,
          class Second>
auto guarded(AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out> op, First first, Second second) {
    auto aggregate = guardedAggregate<T>(std::move(op.aggregate), std::move(first));
    auto fn = guardedWindow(std::move(op.windowFunction), std::move(second));
    return AlignedWindowOperator<T, KeySelector, Assigner, decltype(aggregate), decltype(fn), Out>{
        std::move(op.keySelector), std::move(op.assigner), std::move(aggregate), std::move(fn),
        op.allowedLateness,        std::move(op.lateKey)};
}
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out, class First,
          class Second>
auto guarded(SessionWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out> op, First first, Second second) {
    auto aggregate = guardedAggregate<T>(std::move(op.aggregate), std::move(first));
    auto fn = guardedWindow(std::move(op.windowFunction), std::move(second));
    return SessionWindowOperator<T, KeySelector, Assigner, decltype(aggregate), decltype(fn), Out>{
        std::move(op.keySelector), std::move(op.assigner), std::move(aggregate), std::move(fn),
        op.allowedLateness,        std::move(op.lateKey)};
}
template <class T, class KeySelector, class Assigner, class Trigger, class Evictor, class Aggregate, class WindowFn,
          class Out, class First, class Second>
auto guarded(WindowOperator<T, KeySelector, Assigner, Trigger, Evictor, Aggregate, WindowFn, Out> op, First first,
             Second second) {
    auto aggregate = guardedAggregate<T>(std::move(op.aggregate), std::move(first));
    auto fn = guardedWindow(std::move(op.windowFunction), std::move(second));
    return WindowOperator<T, KeySelector, Assigner, Trigger, Evictor, decltype(aggregate), decltype(fn), Out>{
        std::move(op.keySelector), std::move(op.assigner), std::move(op.trigger), std::move(op.evictor),
        std::move(aggregate),      std::move(fn),          op.allowedLateness,    std::move(op.lateKey)};
}

/// Records have no letters of their own: they have been taken into accumulators of several windows, perhaps.
template <class T, class KeySelector, class Window>
struct GuardingWindows {
    using Key = KeyOf<KeySelector, T>;
    using Letter = FailedWindow<std::conditional_t<std::is_same_v<Key, NoKey>, void, Key>, Window>;
    static constexpr int kCalls = 2;
    template <class Last>
    static constexpr bool kFitsFirst = !kSendsRecord<Last>;
    template <class Last>
    static constexpr bool kFitsSecond = !kSendsRecord<Last> || std::is_same_v<Last, SendRecord<Letter>>;
};
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
struct Guarding<AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>>
    : GuardingWindows<T, KeySelector, typename Assigner::Window> {};
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
struct Guarding<SessionWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>>
    : GuardingWindows<T, KeySelector, typename Assigner::Window> {};
template <class T, class KeySelector, class Assigner, class Trigger, class Evictor, class Aggregate, class WindowFn,
          class Out>
struct Guarding<WindowOperator<T, KeySelector, Assigner, Trigger, Evictor, Aggregate, WindowFn, Out>>
    : GuardingWindows<T, KeySelector, typename Assigner::Window> {};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_GUARDED_WINDOW_HPP
