#ifndef MILLRACE_STATE_STATE_MEMORY_IPP
#define MILLRACE_STATE_STATE_MEMORY_IPP

#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/state_memory.hpp>

namespace millrace::detail {

[[gnu::noinline]] MILLRACE_INLINE_COLD void StateMemory::failBeyondLimit(std::size_t bytes, bool isTable) const {
    raise<StateMemoryException>(
        "operator '{}' (uid '{}', subtask {} of {}): state '{}' needs {} bytes more; it has {} for {} entries, and all "
        "states of the job have {} of the {} bytes that setStateMemoryLimit allows. Raise the limit{}",
        {owner_.name, owner_.uid, owner_.subtask, owner_.parallelism, owner_.state, bytes, bytes_, entries_,
         budget_->used(), budget_->limit(),
         isTable ? ", let state end sooner (a time to live, clear(), shorter windows), or give "
                   "setStateMemoryLimit an OverflowStorage"
                 : ", or let state end sooner (a time to live, clear(), shorter windows); what "
                   "lists, maps and buffers hold stays in memory, also where there is an "
                   "OverflowStorage"});
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_STATE_MEMORY_IPP
