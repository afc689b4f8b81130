#ifndef MILLRACE_STATE_OPERATOR_LIST_IPP
#define MILLRACE_STATE_OPERATOR_LIST_IPP

#include <millrace/core/message.hpp>
#include <millrace/state/operator_list.hpp>

#include <cstdint>

namespace millrace::detail {

inline constexpr std::uint8_t kOperatorListFormat = 1;

MILLRACE_INLINE_COLD OperatorListWriter::OperatorListWriter(SnapshotSink& sink, std::string_view uid,
                                                            std::string_view state, int distribution,
                                                            const std::string& codec)
    : sink_(sink), uid_(uid), state_(state), distribution_(distribution) {
    bytes_.write(kOperatorListFormat);
    bytes_.writeString(codec);
    // everybody needs it, whoever wrote it
    sink_.write(uid_, state_, kBroadcastState, bytes_.bytes());
}

MILLRACE_INLINE_COLD void OperatorListWriter::write() {
    sink_.write(uid_, state_, distribution_, bytes_.bytes());
}

MILLRACE_INLINE_COLD void readOperatorList(const SnapshotSource& source, std::string_view uid, std::string_view state,
                                           const std::string& codec, const std::function<void(ByteReader&)>& element) {
    source.read(uid, state, [&](int distribution, std::span<const std::byte> bytes) {
        try {
            ByteReader reader(bytes);
            if (distribution == kBroadcastState) {
                const auto format = reader.read<std::uint8_t>("a format version");
                if (format != kOperatorListFormat) {
                    reader.fail(message({"format version ", kOperatorListFormat, " expected, found ", format}));
                }
                const std::string_view saved = reader.readString();
                if (saved != codec) {
                    reader.fail(message({"saved as a list of ", saved, ", but declared as a list of ", codec}));
                }
            } else {
                element(reader);
            }
            reader.expectEnd();
        } catch (const CodecException&) {
            std::throw_with_nested(
                CodecException(message({"'", state, "' of operator uid '", uid, "' cannot be restored"})));
        }
    });
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_OPERATOR_LIST_IPP
