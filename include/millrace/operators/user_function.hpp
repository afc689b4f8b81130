#ifndef MILLRACE_OPERATORS_USER_FUNCTION_HPP
#define MILLRACE_OPERATORS_USER_FUNCTION_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/runtime_context.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/types/describe.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

class FunctionInitializationContext;
class FunctionSnapshotContext;
class OperatorStateStore;

}  // namespace millrace

namespace millrace::detail {

/// Throws UserFunctionException around the exception being handled; of a FailedMerge around what was thrown there, and says so
/// in place of `what`. Cold: never part of a loop.
[[noreturn]] void throwUserFunctionError(const OperatorId& id, int subtask, Timestamp timestamp,
                                         const std::string& record, const char* what);

/// The same for a function that was not called for one record: `subject` says what for.
[[noreturn]] void throwFunctionErrorFor(const OperatorId& id, int subtask, Timestamp timestamp,
                                        const std::string& subject, const char* what);

/// With the record that the function was called for. Once per type of record, not per function.
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

template <class Fn>
concept InitializesState = requires(Fn fn, FunctionInitializationContext& context) { fn.initializeState(context); };
template <class Fn>
concept SnapshotsState = requires(Fn fn, FunctionSnapshotContext& context) { fn.snapshotState(context); };
template <class Fn>
concept HearsOfCompletion = requires(Fn fn, std::int64_t id) { fn.notifyCheckpointComplete(id); };
template <class Fn>
concept HearsOfAbortion = requires(Fn fn, std::int64_t id) { fn.notifyCheckpointAborted(id); };

/// A function that has to do with checkpoints by itself.
template <class Fn>
concept TakesPartInCheckpoints =
    InitializesState<Fn> || SnapshotsState<Fn> || HearsOfCompletion<Fn> || HearsOfAbortion<Fn>;

template <class Fn>
class FunctionHook;

/// Which operator, and which of its subtasks, a function of the user belongs to.
class FunctionPlace {
public:
    void bind(const OpenContext& context, const OperatorId& id) noexcept {
        id_ = &id;
        subtask_ = context.stage.subtaskIndex;
    }
    const OperatorId& id() const noexcept { return *id_; }
    int subtask() const noexcept { return subtask_; }

private:
    const OperatorId* id_ = nullptr;
    int subtask_ = 0;
};

/// A function of the user inside an operator: knows who it is when it throws. One copy per subtask.
template <class Fn>
class UserFunction : public FunctionPlace {
    /// Whether it is a function of the library around one of the user.
    static constexpr bool kIsBound =
        requires(Fn fn, OpenContext& context, const OperatorId& id) { fn.bindOperator(context, id); };

public:
    /// Whether it is called for records and for nothing else: then opening it is no more than `bind`.
    static constexpr bool kOnlyCalled = !HasOpen<Fn> && !HasClose<Fn> && !TakesPartInCheckpoints<Fn> && !kIsBound;

    explicit UserFunction(const Fn& fn) : fn_(fn) {}

    void open(OpenContext& context) { open(context, context.takeOperator()); }
    void open(OpenContext& context, const OperatorId& id) {
        begin(context, id);
        if (context.stage.onlyDeclaresStates) return;  // it could not declare any
        if constexpr (HasOpen<Fn>) {
            RuntimeContext runtime = context.runtimeContext(id);
            guarded("open()", [&] { fn_.open(runtime); });
        }
        opened_ = true;
    }
    /// With a context that gives more than a RuntimeContext does.
    template <class Runtime>
    void open(OpenContext& context, const OperatorId& id, Runtime& runtime) {
        begin(context, id);
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
                return detail::invoke(fn_, std::forward<Args>(args)...);
            } else {
                return fn_(std::forward<Args>(args)...);
            }
        } catch (...) {
            throwRecordError(id(), subtask(), timestamp, record);
        }
    }

    /// For calls of members: `guardedFor(record, timestamp, [&] { fn.processElement(…); })`.
    template <class Record, class Call>
    decltype(auto) guardedFor(const Record& record, Timestamp timestamp, Call&& call) {
        try {
            return call();
        } catch (...) {
            throwRecordError(id(), subtask(), timestamp, record);
        }
    }
    template <class Call>
    decltype(auto) guarded(const char* what, Call&& call, Timestamp timestamp = kMinTimestamp) {
        try {
            return call();
        } catch (...) {
            throwUserFunctionError(id(), subtask(), timestamp, {}, what);
        }
    }

    Fn& get() noexcept { return fn_; }
    const Fn& get() const noexcept { return fn_; }

private:
    [[gnu::always_inline]] void begin(OpenContext& context, const OperatorId& id) {
        bind(context, id);
        if constexpr (kIsBound) fn_.bindOperator(context, id);
        if constexpr (TakesPartInCheckpoints<Fn>) context.checkpoints.add(new FunctionHook<Fn>(*this, context));
    }

    Fn fn_;
    bool opened_ = false;
};

/// Tells a function of checkpoints, and keeps its lists. The names of the contexts depend on Fn: a program without such a
/// function need not have their header.
/// *State:* "operator/<name>" for each list.
template <class Fn>
class FunctionHook final : public CheckpointHook {
    template <class T>
    using Named = std::conditional_t<sizeof(UserFunction<Fn>*) != 0, T, void>;
    struct NoLists {
        void restored() {}
    };
    using Lists = std::conditional_t<InitializesState<Fn>, Named<OperatorStateStore>, NoLists>;

public:
    FunctionHook(UserFunction<Fn>& fn, OpenContext& context) : fn_(fn), lists_(makeLists(fn, context)) {
        if constexpr (InitializesState<Fn>) {
            Named<FunctionInitializationContext> initialization(lists_, context.checkpoints.restoredFrom);
            fn_.guarded("initializeState()", [&] { fn_.get().initializeState(initialization); });
            lists_.restored();
        }
    }
    void snapshot(std::int64_t checkpointId, SnapshotSink& sink) override {
        if constexpr (SnapshotsState<Fn>) {
            Named<FunctionSnapshotContext> context(checkpointId);
            fn_.guarded("snapshotState()", [&] { fn_.get().snapshotState(context); });
        }
        if constexpr (InitializesState<Fn>) lists_.snapshot(sink);
    }
    void completed(std::int64_t checkpointId) override {
        if constexpr (HearsOfCompletion<Fn>) {
            fn_.guarded("notifyCheckpointComplete()", [&] { fn_.get().notifyCheckpointComplete(checkpointId); });
        }
    }
    void aborted(std::int64_t checkpointId) override {
        if constexpr (HearsOfAbortion<Fn>) {
            fn_.guarded("notifyCheckpointAborted()", [&] { fn_.get().notifyCheckpointAborted(checkpointId); });
        }
    }

private:
    static Lists makeLists(const UserFunction<Fn>& fn, const OpenContext& context) {
        if constexpr (InitializesState<Fn>) {
            return Lists(fn.id().uid, context.checkpoints.restoredFrom);
        } else {
            return {};
        }
    }

    UserFunction<Fn>& fn_;
    Lists lists_;
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
    template <class Context>
        requires requires(Fn& function, Context& context) { function.initializeState(context); }
    void initializeState(Context& context) {
        fn.initializeState(context);
    }
    template <class Context>
        requires requires(Fn& function, Context& context) { function.snapshotState(context); }
    void snapshotState(Context& context) {
        fn.snapshotState(context);
    }
    void notifyCheckpointComplete(std::int64_t checkpointId)
        requires(HearsOfCompletion<Fn>)
    {
        fn.notifyCheckpointComplete(checkpointId);
    }
    void notifyCheckpointAborted(std::int64_t checkpointId)
        requires(HearsOfAbortion<Fn>)
    {
        fn.notifyCheckpointAborted(checkpointId);
    }
};

/// Base of the nodes around one function of the user: opens and closes it with the chain.
template <class Fn, class Next>
class FunctionNode : public ForwardingNode<Next> {
public:
    template <class Refs>
    FunctionNode(const Refs& refs, const Fn& fn) : ForwardingNode<Next>(refs.rest), fn_(fn) {}

    void open(OpenContext& context) {
        if constexpr (UserFunction<Fn>::kOnlyCalled) {
            fn_.bind(context, context.takeOperator());
        } else {
            fn_.open(context);
        }
        this->next_.open(context);
    }
    /// Closes the whole chain, whatever throws on the way; the first exception goes on.
    void close() {
        if constexpr (HasClose<Fn>) {
            closeBoth([this] { fn_.close(); }, [this] { eventTarget(this->next_).close(); });
        } else {
            eventTarget(this->next_).close();
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
