#ifndef MILLRACE_OPERATORS_USER_FUNCTION_HPP
#define MILLRACE_OPERATORS_USER_FUNCTION_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/functions/runtime_context.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/types/describe.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Throws UserFunctionException around the exception being handled. Cold: never part of a loop.
[[noreturn]] void throwUserFunctionError(const OperatorId& id, int subtask, Timestamp timestamp,
                                         const std::string& record, const char* what);

/// The same, with the record that the function was called for. Once per type of record, not per function.
template <class Record>
[[noreturn, gnu::cold, gnu::noinline]] void throwRecordError(const OperatorId& id, int subtask, Timestamp timestamp,
                                                             const Record& record) {
    std::string text;
    // a record that owns memory may have been moved into the function: showing what is left would mislead
    if constexpr (std::is_trivially_copyable_v<Record>) text = describeValue(record);
    throwUserFunctionError(id, subtask, timestamp, text, "the user's function");
}

template <class Fn>
concept HasOpen = requires(Fn fn, RuntimeContext& context) { fn.open(context); };
template <class Fn>
concept HasClose = requires(Fn fn) { fn.close(); };

/// A function of the user inside an operator: knows who it is when it throws. One copy per subtask.
template <class Fn>
class UserFunction {
public:
    explicit UserFunction(const Fn& fn) : fn_(fn) {}

    void open(OpenContext& context) { open(context, context.takeOperator()); }
    void open(OpenContext& context, const OperatorId& id) {
        if constexpr (HasOpen<Fn>) {
            RuntimeContext runtime = context.runtimeContext(id);
            open(context, id, runtime);
        } else {
            id_ = &id;
            subtask_ = context.stage.subtaskIndex;
            opened_ = true;
        }
    }
    /// With a context that gives more than a RuntimeContext does.
    template <class Runtime>
    void open(OpenContext& context, const OperatorId& id, Runtime& runtime) {
        id_ = &id;
        subtask_ = context.stage.subtaskIndex;
        if constexpr (requires { fn_.open(runtime); }) {
            guarded("open()", [&] { fn_.open(runtime); });
        }
        opened_ = true;
    }
    void close() {
        if constexpr (HasClose<Fn>) {
            if (std::exchange(opened_, false)) guarded("close()", [&] { fn_.close(); });
        }
    }

    /// Calls the function; `record` and `timestamp` only serve the message.
    template <class Record, class... Args>
    decltype(auto) operator()(const Record& record, Timestamp timestamp, Args&&... args) {
        try {
            if constexpr (std::is_member_pointer_v<Fn>) {
                return std::invoke(fn_, std::forward<Args>(args)...);
            } else {
                return fn_(std::forward<Args>(args)...);  // std::invoke is three more functions for each
            }
        } catch (...) {
            throwRecordError(*id_, subtask_, timestamp, record);
        }
    }

    /// For calls of members: `guardedFor(record, timestamp, [&] { fn.processElement(…); })`.
    template <class Record, class Call>
    decltype(auto) guardedFor(const Record& record, Timestamp timestamp, Call&& call) {
        try {
            return call();
        } catch (...) {
            throwRecordError(*id_, subtask_, timestamp, record);
        }
    }
    template <class Call>
    decltype(auto) guarded(const char* what, Call&& call) {
        return guarded(what, kMinTimestamp, std::forward<Call>(call));
    }
    template <class Call>
    decltype(auto) guarded(const char* what, Timestamp timestamp, Call&& call) {
        try {
            return call();
        } catch (...) {
            throwUserFunctionError(*id_, subtask_, timestamp, {}, what);
        }
    }

    Fn& get() noexcept { return fn_; }
    const Fn& get() const noexcept { return fn_; }
    const OperatorId& id() const noexcept { return *id_; }
    int subtask() const noexcept { return subtask_; }

private:
    Fn fn_;
    const OperatorId* id_ = nullptr;
    int subtask_ = 0;
    bool opened_ = false;
};

/// Base of functions of the library that wrap one of the user: opens and closes it.
template <class Fn>
struct WrappedFunction {
    Fn fn;

    template <class Context>
        requires requires(Fn& function, Context& context) { function.open(context); }
    void open(Context& context) {
        fn.open(context);
    }
    void close()
        requires(HasClose<Fn>)
    {
        fn.close();
    }
};

/// Base of the nodes around one function of the user: opens and closes it with the chain.
template <class Fn, class Next>
class FunctionNode : public ForwardingNode<Next> {
public:
    template <class Refs>
    FunctionNode(const Refs& refs, const Fn& fn) : ForwardingNode<Next>(refs.rest), fn_(fn) {}

    void open(OpenContext& context) {
        fn_.open(context);
        this->next_.open(context);
    }
    /// Closes the whole chain, whatever throws on the way; the first exception goes on.
    void close() {
        if constexpr (HasClose<Fn>) {
            closeBoth([this] { fn_.close(); }, [this] { this->next_.close(); });
        } else {
            this->next_.close();
        }
    }

protected:
    UserFunction<Fn> fn_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/user_function.ipp>
#endif

#endif  // MILLRACE_OPERATORS_USER_FUNCTION_HPP
