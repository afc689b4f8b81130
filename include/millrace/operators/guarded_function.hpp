#ifndef MILLRACE_OPERATORS_GUARDED_FUNCTION_HPP
#define MILLRACE_OPERATORS_GUARDED_FUNCTION_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/error_policy.hpp>
#include <millrace/operators/filter.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/keyed_process.hpp>
#include <millrace/operators/map.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

// Errors are handled around the function, not in the operators: one without a policy runs as if there were none.

namespace millrace::detail {

// How each kind of function is called. `kConsumes`: it may take the record over.
struct MapForm {
    static constexpr bool kConsumes = true;
    template <class Fn, class Arg, class Context, class Out>
        requires std::invocable<Fn&, Arg>
    static void call(Fn& fn, Arg&& record, Context& /*context*/, Collector<Out>& out) {
        out.collect(detail::invoke(fn, std::forward<Arg>(record)));
    }
};
struct FilterForm {
    static constexpr bool kConsumes = false;
    template <class Fn, class Arg, class Context, class Out>
    static void call(Fn& fn, Arg&& record, Context& /*context*/, Collector<Out>& out) {
        if (detail::invoke(fn, std::as_const(record))) out.collect(std::forward<Arg>(record));
    }
};
struct FlatMapForm {
    static constexpr bool kConsumes = true;
    template <class Fn, class Arg, class Context, class Out>
        requires std::invocable<Fn&, Arg, Collector<Out>&>
    static void call(Fn& fn, Arg&& record, Context& /*context*/, Collector<Out>& out) {
        detail::invoke(fn, std::forward<Arg>(record), out);
    }
};
struct ProcessForm {
    static constexpr bool kConsumes = true;
    template <class Fn, class Arg, class Context, class Out>
        requires requires(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
            fn.processElement(std::forward<Arg>(record), context, out);
        }
    static void call(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
        fn.processElement(std::forward<Arg>(record), context, out);
    }
    template <class Fn, class Arg, class Context, class Out>
        requires std::invocable<Fn&, Arg, Context&, Collector<Out>&>
    static void call(Fn& fn, Arg&& record, Context& context, Collector<Out>& out) {
        detail::invoke(fn, std::forward<Arg>(record), context, out);
    }
};

/// Describes the exception being handled.
std::string describeCurrentException();
/// Throws the exception being handled on, if it would come with any record.
void rethrowOutOfMemory();
/// Tells in the log that records (or windows, timers…) are left out, and why.
void logLeftOut(const OperatorId& id, int subtask, const char* what, bool isDeadLetter);

/// Counts what a policy leaves out; the first one is told in the log. *Thread safety:* the subtask's own thread.
class ErrorCount {
public:
    void bind(const OpenContext& context, const OperatorId& id) noexcept {
        metrics_ = &context.metrics;
        place_.bind(context, id);
    }
    /// While the exception is being handled.
    void leftOut(const char* what, bool isDeadLetter);

private:
    StageMetrics* metrics_ = nullptr;
    FunctionPlace place_;
    bool isLogged_ = false;
};

/// Base of the functions around one of the user whose calls are under a policy. What has none of its own goes through.
template <class Fn>
struct PolicyFunction : WrappedFunction<Fn> {
    explicit PolicyFunction(Fn function) : WrappedFunction<Fn>{std::move(function)} {}

    void bindOperator(OpenContext& context, const OperatorId& id) {
        count_.bind(context, id);
        if constexpr (requires { this->fn.bindOperator(context, id); }) this->fn.bindOperator(context, id);
    }
    template <class Context, class Out>
        requires requires(Fn& function, Timestamp time, Context& context, Collector<Out>& out) {
            function.onTimer(time, context, out);
        }
    void onTimer(Timestamp time, Context& context, Collector<Out>& out) {
        this->fn.onTimer(time, context, out);
    }

protected:
    ErrorCount count_;
};

/// In the place of a collector, of calls that emit nothing.
struct NothingEmitted {
    static std::size_t size() noexcept { return 0; }
    static void truncate(std::size_t) noexcept {}
};

/// Calls until it succeeds, as often as the policy says; what it has emitted by then is withdrawn. When all tries have
/// failed: `giveUp()`, while the exception is being handled, or the exception goes on.
template <class Last, bool kRetries, class Emitted, class Call, class GiveUp>
void callGuarded(const ErrorHandling<Last, kRetries>& handling, Emitted& out, Call call, GiveUp giveUp) {
    const std::size_t from = out.size();
    for (int failures = 0;;) {
        try {
            call();
            return;
        } catch (...) {
            out.truncate(from);
            if (++failures > handling.retries) {
                if constexpr (std::is_same_v<Last, FailJob>) {
                    throw;
                } else {
                    rethrowOutOfMemory();
                    giveUp();
                }
                return;
            }
        }
    }
}

// What a letter is made of; `output(tag, letter)` sends it.
template <class Letter, class Record, class Context>
void sendLetter(const SendRecord<Letter>& letters, Record& record, Context& context) {
    if constexpr (std::is_same_v<Letter, std::remove_const_t<Record>>) {
        context.output(letters.tag, std::move(record));
    } else {
        context.output(letters.tag, Letter{std::move(record), describeCurrentException()});
    }
}

/// The calls of one kind of function for records of one type, under a policy.
template <class In, class Form, class Last, bool kRetries>
class RecordGuard {
    /// The record must still be there when the function has thrown.
    static constexpr bool kKeepsRecord = Form::kConsumes && (kRetries || kSendsRecord<Last>);

public:
    explicit RecordGuard(ErrorHandling<Last, kRetries> handling) : handling_(std::move(handling)) {}

    /// `Record` is In, or const In where the function only looks at it.
    template <class Fn, class Record, class Context, class Out>
    void run(Fn& fn, Record& record, Context& context, Collector<Out>& out, ErrorCount& count) {
        callGuarded(
            handling_, out, [&] { call(fn, record, context, out); }, [&] { giveUp(record, context, count); });
    }

private:
    template <class Fn, class Record, class Context, class Out>
    static void call(Fn& fn, Record& record, Context& context, Collector<Out>& out) {
        if constexpr (!kKeepsRecord) {
            Form::call(fn, std::move(record), context, out);
        } else if constexpr (requires { Form::call(fn, std::as_const(record), context, out); }) {
            Form::call(fn, std::as_const(record), context, out);  // copied only if the function takes a value
        } else {
            In copy(std::as_const(record));
            Form::call(fn, std::move(copy), context, out);
        }
    }
    template <class Record, class Context>
    [[gnu::cold, gnu::noinline]] void giveUp(Record& record, Context& context, ErrorCount& count) {
        count.leftOut("the record", kSendsRecord<Last>);
        if constexpr (kSendsRecord<Last>) {
            sendLetter(handling_.last, record, context);
        } else {
            (void)record;
            (void)context;
        }
    }

    ErrorHandling<Last, kRetries> handling_;
};

/// A function of the user whose errors are handled by a policy: a process function around it.
template <class Fn, class In, class Out, class Form, class Last, bool kRetries>
class GuardedFunction : public PolicyFunction<Fn> {
public:
    GuardedFunction(Fn function, ErrorHandling<Last, kRetries> handling)
        : PolicyFunction<Fn>(std::move(function)), guard_(std::move(handling)) {}

    template <class Context>
    void processElement(In&& record, Context& context, Collector<Out>& out) {
        guard_.run(this->fn, record, context, out, this->count_);
    }

private:
    RecordGuard<In, Form, Last, kRetries> guard_;
};

/// The operator with its function guarded.
template <class In, class Out, class Form, class Fn, class Last, bool kRetries>
auto guardedProcess(Fn fn, ErrorHandling<Last, kRetries> handling) {
    using Guarded = GuardedFunction<Fn, In, Out, Form, Last, kRetries>;
    return ProcessOperator<In, Out, Guarded>{Guarded(std::move(fn), std::move(handling))};
}
template <class In, class Fn, class Handling>
auto guarded(MapOperator<In, Fn> op, Handling handling) {
    return guardedProcess<In, typename MapOperator<In, Fn>::Output, MapForm>(std::move(op.fn), std::move(handling));
}
template <class T, class Fn, class Handling>
auto guarded(FilterOperator<T, Fn> op, Handling handling) {
    return guardedProcess<T, T, FilterForm>(std::move(op.fn), std::move(handling));
}
template <class In, class Out, class Fn, class Handling>
auto guarded(FlatMapOperator<In, Out, Fn> op, Handling handling) {
    return guardedProcess<In, Out, FlatMapForm>(std::move(op.fn), std::move(handling));
}
template <class In, class Out, class Fn, class Handling>
auto guarded(ProcessOperator<In, Out, Fn> op, Handling handling) {
    return guardedProcess<In, Out, ProcessForm>(std::move(op.fn), std::move(handling));
}
template <class In, class Out, class KeySelector, class Fn, class Last, bool kRetries>
auto guarded(KeyedProcessOperator<In, Out, KeySelector, Fn> op, ErrorHandling<Last, kRetries> handling) {
    using Guarded = GuardedFunction<Fn, In, Out, ProcessForm, Last, kRetries>;
    return KeyedProcessOperator<In, Out, KeySelector, Guarded>{std::move(op.keySelector),
                                                               Guarded(std::move(op.fn), std::move(handling))};
}

/// Which errors of an operator a policy can handle: those of `kCalls` kinds of calls (0: none), with which letters.
template <class Op>
struct Guarding {
    static constexpr int kCalls = 0;
};
/// Operators that call a function for each record of one input.
template <class In>
struct GuardingRecords {
    static constexpr int kCalls = 1;
    template <class Last>
    static constexpr bool kFits = kLettersFit<Last, In>;
};
template <class In, class Fn>
struct Guarding<MapOperator<In, Fn>> : GuardingRecords<In> {};
template <class T, class Fn>
struct Guarding<FilterOperator<T, Fn>> : GuardingRecords<T> {};
template <class In, class Out, class Fn>
struct Guarding<FlatMapOperator<In, Out, Fn>> : GuardingRecords<In> {};
template <class In, class Out, class Fn>
struct Guarding<ProcessOperator<In, Out, Fn>> : GuardingRecords<In> {};
template <class In, class Out, class KeySelector, class Fn>
struct Guarding<KeyedProcessOperator<In, Out, KeySelector, Fn>> : GuardingRecords<In> {};

/// The same for the last operator of a chain.
template <class Chain>
struct ChainGuarding {
    static constexpr int kCalls = 0;
};
template <class Prev, class Op>
struct ChainGuarding<Link<Prev, Op>> : Guarding<Op> {};

/// Of a policy for an operator with two kinds of calls: what it means for those whose letters its tag does not take.
template <bool kFits, class Last, bool kRetries>
auto handlingIf(const ErrorHandling<Last, kRetries>& handling) {
    if constexpr (kFits) {
        return handling;
    } else {
        return ErrorHandling<FailJob, kRetries>{{}, handling.retries};
    }
}

/// The key of the timers of an operator; void if its function has no `onTimer`.
template <class Op>
struct TimerKey {
    using Type = void;
};
template <class Prev, class Op>
struct TimerKey<Link<Prev, Op>> : TimerKey<Op> {};
template <class Last, class Key>
inline constexpr bool kTimerLettersFit = true;
template <class X, class Key>
inline constexpr bool kTimerLettersFit<SendRecord<X>, Key> = std::is_same_v<X, FailedTimer<Key>>;

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/guarded_function.ipp>
#endif

#endif  // MILLRACE_OPERATORS_GUARDED_FUNCTION_HPP
