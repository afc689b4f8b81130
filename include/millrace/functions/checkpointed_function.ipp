#ifndef MILLRACE_FUNCTIONS_CHECKPOINTED_FUNCTION_IPP
#define MILLRACE_FUNCTIONS_CHECKPOINTED_FUNCTION_IPP

#include <millrace/core/message.hpp>
#include <millrace/functions/checkpointed_function.hpp>

namespace millrace {

MILLRACE_INLINE_COLD void OperatorStateStore::snapshot(SnapshotSink& sink) const {
    for (const detail::OperatorList& list : lists_) {
        const std::string name = detail::message("{}{}", {detail::kOperatorStatePrefix, list.name()});
        detail::OperatorListWriter writer(sink, uid_, name, list.distribution(), list.element());
        list.save(writer);
    }
}

MILLRACE_INLINE_COLD void OperatorStateStore::adopt(detail::OperatorList* list, const StateDescriptor& descriptor) {
    lists_.add(list);
    for (const detail::OperatorList& each : lists_) {
        if (&each == list || each.name() != list->name()) continue;
        detail::raise<ConfigurationException>(
            "the name '{}' is given to two lists of the operator uid '{}'; each needs its own", {list->name(), uid_});
    }
    if (descriptor.ttl().isEnabled()) {
        detail::raise<ConfigurationException>(
            "the list '{}' of the operator uid '{}' has a time to live; only keyed state can have one",
            {list->name(), uid_});
    }
    if (restoredFrom_ == nullptr) return;
    detail::readOperatorList(*restoredFrom_, uid_,
                             detail::message("{}{}", {detail::kOperatorStatePrefix, list->name()}), list->element(),
                             [&](ByteReader& reader) { list->read(reader); });
}

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_CHECKPOINTED_FUNCTION_IPP
