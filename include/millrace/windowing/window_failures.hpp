#ifndef MILLRACE_WINDOWING_WINDOW_FAILURES_HPP
#define MILLRACE_WINDOWING_WINDOW_FAILURES_HPP

#include <millrace/core/config.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/windowing/window_arguments.hpp>

namespace millrace::detail {

/// Throws a MillraceException: a record without a timestamp in front of event-time windows.
[[noreturn]] void throwWithoutTimestamp(const OperatorId& id, int subtask);
/// Throws a MillraceException: a merging assigner has made windows that end earlier than those they are merged from.
[[noreturn]] void throwMergedTooEarly(const OperatorId& id, int subtask);

/// Sends the records of a block that could not be added, where the aggregate function is under a policy that wants it.
template <class Aggregate, class T>
void sendLostRecords(Aggregate& aggregate, const Block<T>& block, StageOutputs& outputs) {
    if constexpr (requires { aggregate.sendLost(block, outputs); }) aggregate.sendLost(block, outputs);
}

/// Throws what is being handled: as it is, if it comes from the window function and says where it happened; else with the
/// operator and the record that `what`, functions of the user, has failed on.
template <class T>
[[noreturn, gnu::cold, gnu::noinline]] void rethrowOfWindow(const OperatorId& id, int subtask, const T& record,
                                                            Timestamp timestamp, const char* what) {
    try {
        throw;
    } catch (const UserFunctionException&) {
        throw;
    } catch (const WrongGapException&) {
        throwUserFunctionError(id, subtask, timestamp, describeValue(record), "the check of the dynamic gap");
    } catch (...) {
        throwUserFunctionError(id, subtask, timestamp, describeValue(record), what);
    }
}

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/window_failures.ipp>
#endif

#endif  // MILLRACE_WINDOWING_WINDOW_FAILURES_HPP
