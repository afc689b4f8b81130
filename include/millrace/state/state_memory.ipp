#ifndef MILLRACE_STATE_STATE_MEMORY_IPP
#define MILLRACE_STATE_STATE_MEMORY_IPP

#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/state_memory.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void StateMemory::failBeyondLimit(std::size_t bytes, bool isTable) const {
    raise<StateMemoryException>({"operator '",
                                 owner_.name,
                                 "' (uid '",
                                 owner_.uid,
                                 "', subtask ",
                                 owner_.subtask,
                                 " of ",
                                 owner_.parallelism,
                                 "): state '",
                                 owner_.state,
                                 "' needs ",
                                 bytes,
                                 " bytes more; it has ",
                                 bytes_,
                                 " for ",
                                 entries_,
                                 " entries, and all states of the job have ",
                                 budget_->used(),
                                 " of the ",
                                 budget_->limit(),
                                 " bytes that setStateMemoryLimit allows. Raise the limit",
                                 isTable ? ", let state end sooner (a time to live, clear(), shorter windows), or give "
                                           "setStateMemoryLimit an OverflowStorage"
                                         : ", or let state end sooner (a time to live, clear(), shorter windows); what "
                                           "lists, maps and buffers hold stays in memory, also where there is an "
                                           "OverflowStorage"});
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_STATE_MEMORY_IPP
