#ifndef MILLRACE_STATE_KEYED_STATE_STORE_IPP
#define MILLRACE_STATE_KEYED_STATE_STORE_IPP

#include <millrace/state/keyed_state_store.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD StateLayout layoutOf(const DeclaredState& state, const TypeInfo& key) {
    const std::string_view kind = std::string_view(state.type).substr(0, state.type.find('<'));
    const StateField keyField{"key", &key};
    if (state.cell->stampsElements) {
        const bool isMap = state.cell->contents->kind == TypeKind::StampedMap;
        return {kind, {keyField, {isMap ? "entries" : "elements", state.cell->contents}}};
    }
    return {kind, {keyField, {"stamp", &kStampInfo, true}, {"value", state.cell->contents}}};
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEYED_STATE_STORE_IPP
