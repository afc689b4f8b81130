#ifndef MILLRACE_STATE_OPERATOR_LIST_IPP
#define MILLRACE_STATE_OPERATOR_LIST_IPP

#include <millrace/core/message.hpp>
#include <millrace/state/operator_list.hpp>

#include <cstdint>

namespace millrace::detail {

inline constexpr std::uint8_t kOperatorListFormat = 2;

MILLRACE_INLINE_COLD OperatorListWriter::OperatorListWriter(SnapshotSink& sink, std::string_view uid,
                                                            std::string_view state, int distribution,
                                                            const TypeInfo& element)
    : sink_(sink), uid_(uid), state_(state), distribution_(distribution) {
    sink_.describe(uid_, state_, {"list", {{"element", &element}}});
}

MILLRACE_INLINE_COLD void OperatorListWriter::begin() {
    bytes_.clear();
    bytes_.write(kOperatorListFormat);
}

MILLRACE_INLINE_COLD void OperatorListWriter::write() {
    sink_.write(uid_, state_, distribution_, bytes_.bytes());
}

MILLRACE_INLINE_COLD void readOperatorList(const SnapshotSource& source, std::string_view uid, std::string_view state,
                                           const TypeInfo& info, const std::function<void(ByteReader&)>& element) {
    const StateLayout layout{"list", {{"element", &info}}};
    source.readAs(uid, state, layout, [&](int, std::span<const std::byte> bytes) {
        try {
            ByteReader reader(bytes);
            reader.expectVersion(kOperatorListFormat);
            element(reader);
            reader.expectEnd();
        } catch (const CodecException&) {
            raise<Caused<CodecException>>("'{}' of operator uid '{}' cannot be restored", {state, uid});
        }
    });
}

MILLRACE_INLINE_COLD void declareOperatorList(const SnapshotSource& source, std::string_view uid,
                                              std::string_view state, const TypeInfo& info) {
    source.readAs(uid, state, {"list", {{"element", &info}}}, [](int, std::span<const std::byte>) {});
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_OPERATOR_LIST_IPP
