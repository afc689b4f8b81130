#include <millrace/core/message.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/aggregation.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void throwFunctionErrorFor(const OperatorId& id, int subtask, Timestamp timestamp,
                                                const std::string& subject, const char* what) {
    try {
        throw;
    } catch (const StateMemoryException&) {
        throw;  // no fault of the function's, and says where it happened
    } catch (const FailedMerge& failure) {
        try {
            std::rethrow_exception(failure.cause);
        } catch (...) {
            throwFunctionErrorFor(id, subtask, timestamp, subject, failure.what);
        }
    } catch (...) {}
    std::string text = message("operator '{}' (uid '{}', subtask {}): {} threw", {id.name, id.uid, subtask, what});
    if (!subject.empty()) text += message(" for {}", {subject});
    if (timestamp != kMinTimestamp) text += message(", timestamp {}", {describeTime(timestamp)});
    throw Caused<UserFunctionException>(text);
}

MILLRACE_INLINE_COLD void throwUserFunctionError(const OperatorId& id, int subtask, Timestamp timestamp,
                                                 const std::string& record, const char* what) {
    throwFunctionErrorFor(id, subtask, timestamp, record.empty() ? record : message("the record {}", {record}), what);
}

}  // namespace millrace::detail
