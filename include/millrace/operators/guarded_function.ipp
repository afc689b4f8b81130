#ifndef MILLRACE_OPERATORS_GUARDED_FUNCTION_IPP
#define MILLRACE_OPERATORS_GUARDED_FUNCTION_IPP

#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/operators/guarded_function.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string describeCurrentException() {
    try {
        throw;
    } catch (const std::exception& error) {
        return describeException(error);
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

MILLRACE_INLINE_COLD void rethrowOutOfMemory() {
    try {
        throw;
    } catch (const StateMemoryException&) {
        throw;
    } catch (...) {}
}

MILLRACE_INLINE_COLD void logLeftOut(const OperatorId& id, int subtask, const char* what, bool isDeadLetter) {
    log(LogLevel::Warning, message("operator '{}' (uid '{}', subtask {}): {} was {} since the user's function threw; "
                                   "further ones are only counted: {}",
                                   {id.name, id.uid, subtask, what, isDeadLetter ? "sent to a side output" : "skipped",
                                    describeCurrentException()}));
}

MILLRACE_INLINE_COLD void ErrorCount::leftOut(const char* what, bool isDeadLetter) {
    StageMetrics::add(isDeadLetter ? metrics_->deadLetters : metrics_->recordsSkipped, 1);
    if (std::exchange(isLogged_, true)) return;
    logLeftOut(place_.id(), place_.subtask(), what, isDeadLetter);
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_GUARDED_FUNCTION_IPP
