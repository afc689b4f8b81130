#ifndef MILLRACE_STATE_BROADCAST_STATE_IPP
#define MILLRACE_STATE_BROADCAST_STATE_IPP

#include <millrace/core/message.hpp>
#include <millrace/state/broadcast_state.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void BroadcastStates::adopt(Owner<BroadcastStateBase> state) {
    for (const BroadcastStateBase& each : states_) {
        if (each.name() == state->name()) {
            throw ConfigurationException("broadcast(…): the name '" + state->name() +
                                         "' is given to two broadcast states; each needs its own");
        }
    }
    states_.add(state.release());
}

MILLRACE_INLINE_COLD void BroadcastStates::chargeTo(StateMemory& account) {
    for (BroadcastStateBase& state : states_) state.chargeTo(account);
}

MILLRACE_INLINE_COLD std::string BroadcastStates::describe() const {
    std::string names;
    for (BroadcastStateBase& state : states_) names += (names.empty() ? "broadcast/" : ", broadcast/") + state.name();
    return names;
}

MILLRACE_INLINE_COLD void BroadcastStates::snapshot(SnapshotSink& sink, std::string_view uid) const {
    for (BroadcastStateBase& state : states_) {
        ByteWriter writer;
        writer.write(kBroadcastFormat);
        state.encode(writer);
        sink.describe(uid, "broadcast/" + state.name(), state.layout());
        sink.write(uid, "broadcast/" + state.name(), kBroadcastState, writer.bytes());
    }
}

MILLRACE_INLINE_COLD void BroadcastStates::restore(const SnapshotSource& source, std::string_view uid) {
    for (BroadcastStateBase& state : states_) {
        bool isRead = false;
        source.readAs(uid, "broadcast/" + state.name(), state.layout(), [&](int, std::span<const std::byte> bytes) {
            if (std::exchange(isRead, true)) return;  // the copies of other subtasks
            try {
                ByteReader reader(bytes);
                reader.expectVersion(kBroadcastFormat);
                state.decode(reader);
                reader.expectEnd();
            } catch (const CodecException&) {
                raise<Caused<CodecException>>("broadcast state '{}' of operator uid '{}' cannot be restored",
                                              {state.name(), uid});
            }
        });
    }
}

MILLRACE_INLINE_COLD void BroadcastStates::failType(const BroadcastStateBase& state, const std::string& asked) {
    throw MillraceException("getBroadcastState: '" + state.name() + "' was given to broadcast(…) as " + state.type() +
                            ", but is asked for as " + asked + "; use the same descriptor in both places");
}

MILLRACE_INLINE_COLD void BroadcastStates::failUnknown(const std::string& name) const {
    std::string known;
    for (BroadcastStateBase& state : states_) known += (known.empty() ? "'" : ", '") + state.name() + "'";
    throw MillraceException("getBroadcastState: there is no broadcast state '" + name + "'; " +
                            (known.empty() ? std::string("none was") : "those that were") + " given to broadcast(…)" +
                            (known.empty() ? "" : ": " + known));
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_BROADCAST_STATE_IPP
