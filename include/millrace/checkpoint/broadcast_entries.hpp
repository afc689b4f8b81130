#ifndef MILLRACE_CHECKPOINT_BROADCAST_ENTRIES_HPP
#define MILLRACE_CHECKPOINT_BROADCAST_ENTRIES_HPP

#include <millrace/core/message.hpp>
#include <millrace/state/key_group_state.hpp>

#include <exception>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::detail {

/// A broadcast map as `BroadcastStates` saves it, without an operator: for those who read and write savepoints.
template <class K, class V>
struct BroadcastEntries {
    static_assert(RequireCodec<K>::kChecked && RequireCodec<V>::kChecked);
    using Value = std::vector<std::pair<K, V>>;

    static StateLayout layout() { return {"broadcast", {{"entries", &kMapInfo<K, V>}}}; }

    /// What the first of the subtasks has saved. *Failure:* CodecException naming uid and state.
    static Value read(const SnapshotSource& source, std::string_view uid, std::string_view state) {
        Value entries;
        bool isRead = false;
        source.readAs(uid, state, layout(), [&](int, std::span<const std::byte> bytes) {
            if (std::exchange(isRead, true)) return;  // the copies of other subtasks
            try {
                ByteReader reader(bytes);
                reader.expectVersion(kBroadcastFormat);
                for (std::size_t n = reader.readLength(2, "a map"); n > 0; --n) {
                    K key = decodeState<K>(reader);
                    entries.emplace_back(std::move(key), decodeState<V>(reader));
                }
                reader.expectEnd();
            } catch (const CodecException&) {
                raise<Caused<CodecException>>("'{}' of operator uid '{}' cannot be read", {state, uid});
            }
        });
        return entries;
    }
    template <class Range>
    static ByteWriter write(const Range& range) {
        std::size_t count = 0;
        ByteWriter entries;
        for (const auto& [key, value] : range) {
            Codec<K>::encode(key, entries);
            Codec<V>::encode(value, entries);
            ++count;
        }
        ByteWriter bytes;
        bytes.write(kBroadcastFormat);
        bytes.writeLength(count);
        bytes.writeBytes(entries.bytes());
        return bytes;
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_BROADCAST_ENTRIES_HPP
