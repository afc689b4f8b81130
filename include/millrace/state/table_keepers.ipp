#ifndef MILLRACE_STATE_TABLE_KEEPERS_IPP
#define MILLRACE_STATE_TABLE_KEEPERS_IPP

#include <millrace/core/planted_bugs.hpp>
#include <millrace/state/table_keepers.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void TableKeepers::remove(TableKeeper& keeper) noexcept {
    TableKeeper** at = &first_;
    while (*at != &keeper) at = &(*at)->next;
    *at = keeper.next;
}

MILLRACE_INLINE_COLD void TableKeepers::keep(std::size_t slot) noexcept {
    if (MILLRACE_PLANTED(ChangedBeforeEncoded)) return;
    for (TableKeeper* keeper = first_; keeper != nullptr; keeper = keeper->next) keeper->keep(slot);
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TABLE_KEEPERS_IPP
