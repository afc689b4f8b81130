#ifndef MILLRACE_OPERATORS_GUARDED_SINK_HPP
#define MILLRACE_OPERATORS_GUARDED_SINK_HPP

#include <millrace/core/functional.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/guarded_function.hpp>

#include <concepts>
#include <utility>

namespace millrace::detail {

/// The calls of a sink under a policy. There is nothing to withdraw.
template <class T, class Last, bool kRetries>
class SinkGuard {
    /// The record must still be there when the writer has thrown.
    static constexpr bool kKeepsRecord = kRetries || kSendsRecord<Last>;

public:
    explicit SinkGuard(ErrorHandling<Last, kRetries> handling) : handling_(std::move(handling)) {}

    void open(OpenContext& context, const OperatorId& id) {
        count_.bind(context, id);
        outputs_ = &context.outputs;
    }
    /// `call()` until it succeeds; `record` is what a letter is made of.
    template <class Record, class Call>
    void run(Record& record, Timestamp timestamp, Call call) {
        callGuarded(handling_, nothing_, call, [&] {
            count_.leftOut("the record", kSendsRecord<Last>);
            if constexpr (kSendsRecord<Last>) {
                Side side{*outputs_, timestamp};
                sendLetter(handling_.last, record, side);
            }
        });
    }
    template <class Writer>
    void write(Writer& writer, T& record, const SinkContext& context) {
        run(record, context.timestamp, [&] {
            if constexpr (!kKeepsRecord) {
                writer.write(std::move(record), context);
            } else if constexpr (requires { writer.write(std::as_const(record), context); }) {
                writer.write(std::as_const(record), context);
            } else {
                writer.write(T(std::as_const(record)), context);
            }
        });
    }

private:
    struct Side {
        StageOutputs& outputs;
        Timestamp timestamp;
        template <class X, class U>
        void output(const OutputTag<X>& tag, U&& letter) {
            outputs.emitSide(tag, std::forward<U>(letter), timestamp);
        }
    };

    ErrorHandling<Last, kRetries> handling_;
    ErrorCount count_;
    StageOutputs* outputs_ = nullptr;
    NothingEmitted nothing_;
};

/// The function of `addSink` under a policy.
template <class T, class Fn, class Last, bool kRetries>
class GuardedSink : public WrappedFunction<Fn> {
public:
    GuardedSink(Fn function, ErrorHandling<Last, kRetries> handling)
        : WrappedFunction<Fn>{std::move(function)}, guard_(std::move(handling)) {}

    void bindOperator(OpenContext& context, const OperatorId& id) { guard_.open(context, id); }
    void operator()(const T& record, const SinkContext& context) {
        guard_.run(record, context.timestamp, [&] {
            if constexpr (std::invocable<Fn&, const T&, const SinkContext&>) {
                detail::invoke(this->fn, record, context);
            } else {
                detail::invoke(this->fn, record);
            }
        });
    }

private:
    SinkGuard<T, Last, kRetries> guard_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_GUARDED_SINK_HPP
