#ifndef MILLRACE_STATE_KEY_GROUP_STATE_IPP
#define MILLRACE_STATE_KEY_GROUP_STATE_IPP

#include <millrace/core/message.hpp>
#include <millrace/state/key_group_state.hpp>

#include <span>

namespace millrace::detail {

MILLRACE_INLINE_COLD void readEachEntry(const SnapshotSource& source, std::string_view uid, std::string_view state,
                                        const StateLayout& layout, std::uint8_t version,
                                        void (*read)(void* context, ByteReader& reader), void* context) {
    source.readAs(uid, state, layout, [&](int keyGroup, std::span<const std::byte> bytes) {
        try {
            ByteReader reader(bytes);
            if (const auto found = reader.read<std::uint8_t>("a format version"); found != version) {
                reader.fail(message({"format version ", version, " expected, found ", found}));
            }
            while (reader.remaining() > 0) read(context, reader);
        } catch (const CodecException&) {
            std::throw_with_nested(CodecException(message(
                {"state '", state, "' of operator uid '", uid, "', key group ", keyGroup, ", cannot be restored"})));
        }
    });
}

MILLRACE_INLINE_COLD void declareState(const SnapshotSource& source, std::string_view uid, std::string_view state,
                                       const StateLayout& layout) {
    source.readAs(uid, state, layout, [](int, std::span<const std::byte>) {});
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEY_GROUP_STATE_IPP
