#ifndef MILLRACE_OPERATORS_GUARDED_FUNCTION_HPP
#define MILLRACE_OPERATORS_GUARDED_FUNCTION_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/error_policy.hpp>
#include <millrace/operators/filter.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/keyed_process.hpp>
#include <millrace/operators/map.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
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
/// Tells in the log that records are left out, and why.
void logRecordLeftOut(const OperatorId& id, int subtask, bool isDeadLetter);

/// A function of the user whose errors are handled by a policy: a process function around it.
template <class Fn, class In, class Out, class Form, class Last, bool kRetries>
class GuardedFunction : public WrappedFunction<Fn> {
    /// The record must still be there when the function has thrown.
    static constexpr bool kKeepsRecord = Form::kConsumes && (kRetries || kSendsRecord<Last>);

public:
    GuardedFunction(Fn function, ErrorHandling<Last, kRetries> handling)
        : WrappedFunction<Fn>{std::move(function)}, handling_(std::move(handling)) {}

    void bindOperator(const OpenContext& context, const OperatorId& id) noexcept {
        metrics_ = &context.metrics;
        id_ = &id;
        subtask_ = context.stage.subtaskIndex;
    }

    template <class Context>
    void processElement(In&& record, Context& context, Collector<Out>& out) {
        const std::size_t from = out.size();
        for (int failures = 0;;) {
            try {
                call(record, context, out);
                return;
            } catch (...) {
                out.truncate(from);
                if (++failures > handling_.retries) {
                    giveUp(record, context);
                    return;
                }
            }
        }
    }
    template <class Context>
        requires requires(Fn& function, Timestamp time, Context& context, Collector<Out>& out) {
            function.onTimer(time, context, out);
        }
    void onTimer(Timestamp time, Context& context, Collector<Out>& out) {
        this->fn.onTimer(time, context, out);
    }

private:
    template <class Context>
    void call(In& record, Context& context, Collector<Out>& out) {
        if constexpr (!kKeepsRecord) {
            Form::call(this->fn, std::move(record), context, out);
        } else if constexpr (requires { Form::call(this->fn, std::as_const(record), context, out); }) {
            Form::call(this->fn, std::as_const(record), context, out);  // copied only if the function takes a value
        } else {
            In copy(std::as_const(record));
            Form::call(this->fn, std::move(copy), context, out);
        }
    }

    /// While the exception is being handled.
    template <class Context>
    [[gnu::cold, gnu::noinline]] void giveUp(In& record, Context& context) {
        if constexpr (std::is_same_v<Last, FailJob>) {
            throw;
        } else {
            rethrowOutOfMemory();
            std::atomic<std::uint64_t>& counter = kSendsRecord<Last> ? metrics_->deadLetters : metrics_->recordsSkipped;
            StageMetrics::add(counter, 1);
            if (!std::exchange(isLogged_, true)) logRecordLeftOut(*id_, subtask_, kSendsRecord<Last>);
            if constexpr (kSendsRecord<Last>) {
                send(handling_.last, record, context);
            } else {
                (void)record;
                (void)context;
            }
        }
    }
    template <class Context>
    static void send(const SendRecord<In>& letters, In& record, Context& context) {
        context.output(letters.tag, std::move(record));
    }
    template <class Context>
    static void send(const SendRecord<FailedRecord<In>>& letters, In& record, Context& context) {
        context.output(letters.tag, FailedRecord<In>{std::move(record), describeCurrentException()});
    }

    ErrorHandling<Last, kRetries> handling_;
    StageMetrics* metrics_ = nullptr;
    const OperatorId* id_ = nullptr;
    int subtask_ = 0;
    bool isLogged_ = false;
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

/// Whether an operator calls a function for each record, which may be guarded.
template <class Op>
inline constexpr bool kCanBeGuarded = false;
template <class In, class Fn>
inline constexpr bool kCanBeGuarded<MapOperator<In, Fn>> = true;
template <class T, class Fn>
inline constexpr bool kCanBeGuarded<FilterOperator<T, Fn>> = true;
template <class In, class Out, class Fn>
inline constexpr bool kCanBeGuarded<FlatMapOperator<In, Out, Fn>> = true;
template <class In, class Out, class Fn>
inline constexpr bool kCanBeGuarded<ProcessOperator<In, Out, Fn>> = true;
template <class In, class Out, class KeySelector, class Fn>
inline constexpr bool kCanBeGuarded<KeyedProcessOperator<In, Out, KeySelector, Fn>> = true;

/// What the last operator of a chain takes if its function can be guarded, else void.
template <class Chain>
struct GuardableInput {
    using Type = void;
};
template <class Prev, class Op>
    requires(kCanBeGuarded<Op>)
struct GuardableInput<Link<Prev, Op>> {
    using Type = typename Op::Input;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/guarded_function.ipp>
#endif

#endif  // MILLRACE_OPERATORS_GUARDED_FUNCTION_HPP
