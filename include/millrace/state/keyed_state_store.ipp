#ifndef MILLRACE_STATE_KEYED_STATE_STORE_IPP
#define MILLRACE_STATE_KEYED_STATE_STORE_IPP

#include <millrace/core/errors.hpp>
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

MILLRACE_INLINE_COLD void throwInsideVisit() {
    throw MillraceException(
        "applyToKeyedState is called inside of a function that visits the keys of this operator already; first collect "
        "what "
        "the inner visit needs, then visit again");
}

MILLRACE_INLINE_COLD std::string namesOf(const StateCells& cells, std::string_view prefix) {
    std::string names;
    for (std::size_t i = 0; i < cells.stateCount(); ++i) {
        if (i > 0) names += ", ";
        names += prefix;
        names += cells.state(i).name;
    }
    return names;
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEYED_STATE_STORE_IPP
