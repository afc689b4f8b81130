#include <millrace/core/message.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/aggregation.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void throwUserFunctionError(const OperatorId& id, int subtask, Timestamp timestamp,
                                                 const std::string& record, const char* what) {
    try {
        throw;
    } catch (const StateMemoryException&) {
        throw;  // no fault of the function's, and says where it happened
    } catch (const FailedMerge& failure) {
        try {
            std::rethrow_exception(failure.cause);
        } catch (...) {
            throwUserFunctionError(id, subtask, timestamp, record, failure.what);
        }
    } catch (...) {}
    std::string text =
        message({"operator '", id.name, "' (uid '", id.uid, "', subtask ", subtask, "): ", what, " threw"});
    if (!record.empty()) text += message({" for the record ", record});
    if (timestamp != kMinTimestamp) text += message({", timestamp ", describeTime(timestamp)});
    std::throw_with_nested(UserFunctionException(text));
}

}  // namespace millrace::detail
