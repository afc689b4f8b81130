#ifndef MILLRACE_WINDOWING_GUARDED_WINDOW_HPP
#define MILLRACE_WINDOWING_GUARDED_WINDOW_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/guarded_function.hpp>
#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/session_window_operator.hpp>
#include <millrace/windowing/window_operator.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

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

/// Records that could not be added to a window. Those that are only skipped need not be kept.
template <class T, class Last>
class LostRecords {
public:
    static constexpr bool kSent = false;
    /// False if this record of the block is here already.
    static bool add(const T& /*record*/) noexcept { return true; }
};
/// Dead letters wait until the block has been added: an aggregate does not know the timestamps of its records, and one that
/// belongs to several windows makes one letter.
template <class T, class Letter>
class LostRecords<T, SendRecord<Letter>> {
    struct Lost {
        const T* where;
        Letter letter;
    };

public:
    static constexpr bool kSent = true;
    /// While the exception is being handled.
    bool add(const T& record) {
        const auto at = std::lower_bound(lost_.begin(), lost_.end(), &record,
                                         [](const Lost& lost, const T* where) { return lost.where < where; });
        if (at != lost_.end() && at->where == &record) return false;
        if constexpr (std::is_same_v<Letter, T>) {
            lost_.insert(at, Lost{&record, record});
        } else {
            lost_.insert(at, Lost{&record, Letter{record, describeCurrentException()}});
        }
        return true;
    }
    /// `block` is where the records are.
    void send(const SendRecord<Letter>& letters, const Block<T>& block, StageOutputs& outputs) {
        for (Lost& lost : lost_) {
            outputs.emitSide(letters.tag, std::move(lost.letter),
                             block.timestampOf(static_cast<std::size_t>(lost.where - block.values)));
        }
        lost_.clear();
    }

private:
    std::vector<Lost> lost_;  ///< in their order in the block
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
            handling_, nothing, [&] { addTo(acc, value); },
            [&] {
                if (lost_.add(value)) this->count_.leftOut("the record", kSendsRecord<Last>);
            });
    }
    /// To be called behind the calls of `add` for the records of a block.
    void sendLost(const Block<T>& block, StageOutputs& outputs)
        requires(LostRecords<T, Last>::kSent)
    {
        lost_.send(handling_.last, block, outputs);
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
    [[no_unique_address]] LostRecords<T, Last> lost_;
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

/// `kAdds`: records are added as they come. Others have no letters of their own: elements that a window keeps are aggregated
/// whenever it fires, if at all.
template <class T, class KeySelector, class Window, bool kAdds>
struct GuardingWindows {
    using Key = KeyOf<KeySelector, T>;
    using Letter = FailedWindow<std::conditional_t<std::is_same_v<Key, NoKey>, void, Key>, Window>;
    static constexpr int kCalls = 2;
    template <class Last>
    static constexpr bool kFitsFirst = !kSendsRecord<Last> || (kAdds && kLettersFit<Last, T>);
    template <class Last>
    static constexpr bool kFitsSecond = !kSendsRecord<Last> || std::is_same_v<Last, SendRecord<Letter>>;
};
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
struct Guarding<AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>>
    : GuardingWindows<T, KeySelector, typename Assigner::Window, !kKeepsElements<Aggregate>> {};
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
struct Guarding<SessionWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>>
    : GuardingWindows<T, KeySelector, typename Assigner::Window, !kKeepsElements<Aggregate>> {};
template <class T, class KeySelector, class Assigner, class Trigger, class Evictor, class Aggregate, class WindowFn,
          class Out>
struct Guarding<WindowOperator<T, KeySelector, Assigner, Trigger, Evictor, Aggregate, WindowFn, Out>>
    : GuardingWindows<T, KeySelector, typename Assigner::Window,
                      !kKeepsElements<Aggregate> && std::is_same_v<Evictor, NoEvictor>> {};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_GUARDED_WINDOW_HPP
