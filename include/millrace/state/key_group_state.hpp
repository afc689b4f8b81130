#ifndef MILLRACE_STATE_KEY_GROUP_STATE_HPP
#define MILLRACE_STATE_KEY_GROUP_STATE_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/state/snapshot.hpp>
#include <millrace/state/state_layout.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/key_group.hpp>
#include <millrace/types/key_hash.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// A key of a store that keeps rows per (key, namespace): per window of a key, say. Its key group is that of `key`.
template <class Key, class Namespace>
struct NamespacedKey {
    Key key;
    Namespace ns;
    bool operator==(const NamespacedKey&) const = default;
};
template <class Key>
const Key& keyOfGroup(const Key& key) noexcept {
    return key;
}
template <class Key, class Namespace>
const Key& keyOfGroup(const NamespacedKey<Key, Namespace>& key) noexcept {
    return key.key;
}

/// Collects keyed state by key group: the radix pass of a snapshot. Each piece starts with the version of its format.
class KeyGroupWriter {
public:
    KeyGroupWriter(int maxParallelism, std::uint8_t version)
        : router_(1, maxParallelism), maxParallelism_(maxParallelism), version_(version),
          groups_(static_cast<std::size_t>(maxParallelism)) {}

    /// From here on hands out what has been collected of a key group as soon as it is some KB, so that a large state is
    /// never there twice. All three must stay. `writePieces` with the same ends it.
    void streamTo(SnapshotSink& sink, std::string_view uid, std::string_view state);

    /// Hands out all that has been collected, by key group, and begins anew.
    void endSegment();

    /// Where the state of this key goes.
    template <class Key>
    ByteWriter& of(const Key& key) {
        const int keyGroup = router_.keyGroup(keyHashByCall(key));
        ByteWriter& group = groups_[static_cast<std::size_t>(keyGroup)];
        if (group.size() >= limit_) [[unlikely]]
            handOut(keyGroup);
        if (group.empty()) [[unlikely]]
            begin(group);
        // what the next entry of this key group is written to, hundreds of entries from now
        __builtin_prefetch(group.data() + group.size() + 64, 1);
        return group;
    }
    void writeTo(SnapshotSink& sink, std::string_view uid, std::string_view state, const StateLayout& layout) const;
    /// What has been described already.
    void writePieces(SnapshotSink& sink, std::string_view uid, std::string_view state) const;

private:
    void begin(ByteWriter& group);
    void handOut(int keyGroup);
    /// Of a key that has turned out to have nothing to write there is the version only.
    static bool hasEntries(const ByteWriter& group) noexcept { return group.size() > sizeof(version_); }

    KeyGroupRouter router_;
    int maxParallelism_;
    std::uint8_t version_;
    List<ByteWriter> groups_;
    std::size_t limit_ = SIZE_MAX;  // of a group
    SnapshotSink* sink_ = nullptr;
    std::string_view uid_;
    std::string_view state_;
};

/// The base of sources: programs that restore nothing have none, and do not compile how entries are read.
class EntrySource : public SnapshotSource {
public:
    MILLRACE_INLINE void readEntries(std::string_view uid, std::string_view state, const StateLayout& layout,
                                     std::uint8_t version, void (*readOne)(void* context, ByteReader& reader),
                                     void* context) const override;
};

/// A `read(ByteReader&)` as `readEntries` calls it. Not a lambda: that would be three functions for each.
template <class Read>
void readEntryWith(void* read, ByteReader& reader) {
    (*static_cast<Read*>(read))(reader);
}
/// Calls `read(ByteReader&)` until the pieces written by `KeyGroupWriter` are used up; `layout` is how it reads the entries.
template <class Read>
void readKeyGroups(const SnapshotSource& source, std::string_view uid, std::string_view state,
                   const StateLayout& layout, std::uint8_t version, Read read) {
    source.readEntries(uid, state, layout, version, &readEntryWith<Read>, &read);
}

/// Asks for a state, and does nothing with it.
void declareState(const SnapshotSource& source, std::string_view uid, std::string_view state,
                  const StateLayout& layout);

template <class T>
T decodeState(ByteReader& reader) {
    static_assert(std::default_initializable<T>,
                  "millrace: what is kept in keyed state (keys, accumulators, reduced values) needs a default "
                  "constructor, so that it can be read back from a snapshot.");
    T value{};
    Codec<T>::decode(reader, value);
    return value;
}

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/key_group_state.ipp>
#endif

#endif  // MILLRACE_STATE_KEY_GROUP_STATE_HPP
