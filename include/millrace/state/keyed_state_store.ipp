#ifndef MILLRACE_STATE_KEYED_STATE_STORE_IPP
#define MILLRACE_STATE_KEYED_STATE_STORE_IPP

#include <millrace/state/keyed_state_store.hpp>

#include <string>

namespace millrace::detail {

MILLRACE_INLINE_COLD void writeStateType(SnapshotSink& sink, std::string_view uid, const std::string& piece,
                                         const DeclaredState& state) {
    ByteWriter writer;
    writer.writeString(state.type);
    sink.write(uid, piece + "/type", kOperatorState, writer.bytes());
}

MILLRACE_INLINE_COLD void checkStateType(const SnapshotSource& source, std::string_view uid, const std::string& piece,
                                         const DeclaredState& state) {
    source.read(uid, piece + "/type", [&](int, std::span<const std::byte> bytes) {
        ByteReader reader(bytes);
        const std::string_view saved = reader.readString();
        if (saved == state.type) return;
        throw CodecException("state '" + state.name + "' of operator uid '" + std::string(uid) + "' was saved as " +
                             std::string(saved) + ", but is now a " + state.type +
                             "; give the new state another name, or write a Codec that reads the old form");
    });
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEYED_STATE_STORE_IPP
