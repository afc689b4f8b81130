#ifndef MILLRACE_CHECKPOINT_KEYED_ENTRIES_HPP
#define MILLRACE_CHECKPOINT_KEYED_ENTRIES_HPP

#include <millrace/state/dense_index.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/types/key_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// The state of one key, read from a savepoint. @public
template <class Key, class Value>
struct KeyedEntry {
    Key key;
    Value value;
    bool operator==(const KeyedEntry&) const = default;
};

namespace detail {

// The entries of keyed states as `KeyedStateStore` writes them, without a store: for those who read and write savepoints.

inline constexpr std::uint8_t kKeyedEntryFormat = 1;

/// A key that comes more than once among pairs, as maps of states compare them; nothing if there is none.
template <class K, class Range>
std::optional<K> keyGivenTwice(const Range& pairs) {
    std::vector<K> keys;
    DenseIndex index;
    for (const auto& [given, value] : pairs) {
        const K& key = given;
        const std::uint32_t hash = keyHash(key);
        if (index.find(hash, [&](std::size_t i) { return keys[i] == key; }) != DenseIndex::kNone) return key;
        index.add(hash);
        keys.push_back(key);
    }
    return std::nullopt;
}

/// A state of one value per key; `kind` is value, reducing or aggregating.
template <class Key, class T>
struct ValueEntries {
    static_assert(RequireCodec<Key>::kChecked && RequireCodec<T>::kChecked);
    using Value = T;
    /// Of a state with a time to live.
    using Stamp = std::optional<std::int64_t>;

    std::string_view kind;
    StateLayout layout() const {
        return {kind, {{"key", &kTypeInfo<Key>}, {"stamp", &kStampInfo, true}, {"value", &kTypeInfo<T>}}};
    }
    static Value read(ByteReader& reader, Stamp& stamp) {
        if (reader.read<std::uint8_t>("a flag for stamps") != 0) stamp = reader.read<std::int64_t>("a stamp");
        return decodeState<T>(reader);
    }
    static void write(const T& value, const Stamp& stamp, ByteWriter& writer) {
        writer.write(static_cast<std::uint8_t>(stamp ? 1 : 0));
        if (stamp) writer.write(*stamp);
        Codec<T>::encode(value, writer);
    }
    static bool isEmpty(const T&) noexcept { return false; }
};

/// Reads over the stamps of the parts of a list or map.
inline std::size_t readPartCount(ByteReader& reader) {
    const bool stamped = reader.read<std::uint8_t>("a flag for stamps") != 0;
    const std::size_t count = reader.readLength(stamped ? 1 + sizeof(std::int64_t) : 1, "a list or map");
    if (stamped) (void)reader.readBytes(count * sizeof(std::int64_t));
    return count;
}

/// Parts are written without stamps: they count as written when they are restored.
struct NoStamp {};

template <class Key, class T>
struct ListEntries {
    static_assert(RequireCodec<Key>::kChecked && RequireCodec<T>::kChecked);
    using Value = std::vector<T>;
    using Stamp = NoStamp;

    static StateLayout layout() { return {"list", {{"key", &kTypeInfo<Key>}, {"elements", &kStampedListInfo<T>}}}; }
    static Value read(ByteReader& reader, Stamp&) {
        Value values;
        for (std::size_t n = readPartCount(reader); n > 0; --n) values.push_back(decodeState<T>(reader));
        return values;
    }
    static void write(const Value& values, const Stamp&, ByteWriter& writer) {
        writer.write(std::uint8_t{0});
        writer.writeLength(values.size());
        for (const T& value : values) Codec<T>::encode(value, writer);
    }
    static bool isEmpty(const Value& values) noexcept { return values.empty(); }
};

template <class Key, class K, class V>
struct MapEntries {
    static_assert(RequireCodec<Key>::kChecked && RequireCodec<K>::kChecked && RequireCodec<V>::kChecked);
    using Value = std::vector<std::pair<K, V>>;
    using Stamp = NoStamp;

    static StateLayout layout() { return {"map", {{"key", &kTypeInfo<Key>}, {"entries", &kStampedMapInfo<K, V>}}}; }
    static Value read(ByteReader& reader, Stamp&) {
        Value entries;
        for (std::size_t n = readPartCount(reader); n > 0; --n) {
            K key = decodeState<K>(reader);
            entries.emplace_back(std::move(key), decodeState<V>(reader));
        }
        return entries;
    }
    static void write(const Value& entries, const Stamp&, ByteWriter& writer) {
        writer.write(std::uint8_t{0});
        writer.writeLength(entries.size());
        for (const auto& [key, value] : entries) {
            Codec<K>::encode(key, writer);
            Codec<V>::encode(value, writer);
        }
    }
    static bool isEmpty(const Value& entries) noexcept { return entries.empty(); }
    static std::optional<K> keyGivenTwice(const Value& entries) { return detail::keyGivenTwice<K>(entries); }
};

/// `visit(Key&&, Value&&, Stamp)` for each key of a state, by key group.
template <class Key, class Entries, class Visit>
void readEntries(const SnapshotSource& source, std::string_view uid, std::string_view state, const Entries& entries,
                 Visit visit) {
    readKeyGroups(source, uid, state, entries.layout(), kKeyedEntryFormat, [&](ByteReader& reader) {
        Key key = decodeState<Key>(reader);
        typename Entries::Stamp stamp;
        typename Entries::Value value = entries.read(reader, stamp);
        visit(std::move(key), std::move(value), stamp);
    });
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_KEYED_ENTRIES_HPP
