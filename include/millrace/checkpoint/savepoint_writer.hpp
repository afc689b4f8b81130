#ifndef MILLRACE_CHECKPOINT_SAVEPOINT_WRITER_HPP
#define MILLRACE_CHECKPOINT_SAVEPOINT_WRITER_HPP

#include <millrace/checkpoint/savepoint_reader.hpp>
#include <millrace/checkpoint/snapshot_compression.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/message.hpp>
#include <millrace/types/describe.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

namespace detail {

/// Throws a ConfigurationException: a map of a state has the key `mapKey` twice. `key` is the one that the map belongs to; empty
/// if it belongs to none.
[[noreturn]] void throwMapKeyTwice(std::string_view uid, std::string_view state, std::string_view mapKey,
                                   std::string_view key);

}  // namespace detail

/// Makes a savepoint that a job can begin with: from nothing, or from another one. @public
/// ```
/// SavepointWriter writer;                                               // from nothing
/// writer.writeValueState<std::int64_t, Account>("accounts", "account", accountsOfYesterday);
/// writer.write("savepoints/bootstrapped");
///
/// SavepointWriter changed(SavepointReader("savepoints/release"));      // or from what there is
/// changed.modifyValueState<std::int64_t, Account>("accounts", "account",
///                                                 [](std::int64_t key, Account& account) { account.cents += 100; });
/// changed.write("savepoints/corrected");
/// ```
/// States that are not touched are taken over as they are. All of it is in memory until `write`.
/// *Thread safety:* none. *Failure:* as SavepointReader; IoException if the directory cannot be written or is not empty.
class SavepointWriter {
public:
    /// `maxParallelism` is the number of key groups, as of `setMaxParallelism`: what the job has that shall begin with it.
    /// *Failure:* ConfigurationException below 1 or above 32768.
    explicit SavepointWriter(int maxParallelism = 128);
    explicit SavepointWriter(const SavepointReader& existing);

    // ---- keyed states: what was there of the state goes; `entries` are pairs, or what `SavepointReader` gives ----
    template <class Key, class T, class Range>
    SavepointWriter& writeValueState(std::string_view uid, std::string_view name, const Range& entries) {
        return replace<Key>(uid, name, detail::ValueEntries<Key, T>{"value"}, entries);
    }
    template <class Key, class T, class Range>
    SavepointWriter& writeReducingState(std::string_view uid, std::string_view name, const Range& entries) {
        return replace<Key>(uid, name, detail::ValueEntries<Key, T>{"reducing"}, entries);
    }
    template <class Key, class Accumulator, class Range>
    SavepointWriter& writeAggregatingState(std::string_view uid, std::string_view name, const Range& entries) {
        return replace<Key>(uid, name, detail::ValueEntries<Key, Accumulator>{"aggregating"}, entries);
    }
    /// Of each key a `std::vector<T>`.
    template <class Key, class T, class Range>
    SavepointWriter& writeListState(std::string_view uid, std::string_view name, const Range& entries) {
        return replace<Key>(uid, name, detail::ListEntries<Key, T>{}, entries);
    }
    /// Of each key a `std::vector<std::pair<K, V>>` of different K. *Failure:* ConfigurationException if one comes twice.
    template <class Key, class K, class V, class Range>
    SavepointWriter& writeMapState(std::string_view uid, std::string_view name, const Range& entries) {
        return replace<Key>(uid, name, detail::MapEntries<Key, K, V>{}, entries);
    }

    // ---- `change(const Key&, Value&)` for each key; if it returns bool: whether to keep the key ----
    template <class Key, class T, class Change>
    SavepointWriter& modifyValueState(std::string_view uid, std::string_view name, Change change) {
        return modify<Key>(uid, name, detail::ValueEntries<Key, T>{"value"}, change);
    }
    template <class Key, class T, class Change>
    SavepointWriter& modifyReducingState(std::string_view uid, std::string_view name, Change change) {
        return modify<Key>(uid, name, detail::ValueEntries<Key, T>{"reducing"}, change);
    }
    template <class Key, class Accumulator, class Change>
    SavepointWriter& modifyAggregatingState(std::string_view uid, std::string_view name, Change change) {
        return modify<Key>(uid, name, detail::ValueEntries<Key, Accumulator>{"aggregating"}, change);
    }
    /// An empty list ends the state of its key. Stamps of a time to live begin anew.
    template <class Key, class T, class Change>
    SavepointWriter& modifyListState(std::string_view uid, std::string_view name, Change change) {
        return modify<Key>(uid, name, detail::ListEntries<Key, T>{}, change);
    }
    /// *Failure:* ConfigurationException if a map has a key twice then.
    template <class Key, class K, class V, class Change>
    SavepointWriter& modifyMapState(std::string_view uid, std::string_view name, Change change) {
        return modify<Key>(uid, name, detail::MapEntries<Key, K, V>{}, change);
    }

    // ---- states without a key: written once, and shared out when they are restored ----
    /// The elements of a `getListState` of an OperatorStateStore: each goes to one subtask, in turn.
    template <class T, class Range>
    SavepointWriter& writeOperatorList(std::string_view uid, std::string_view name, const Range& elements) {
        return putList<T>(uid, name, kSplitState, elements);
    }
    /// Those of a `getUnionListState`: all go to every subtask.
    template <class T, class Range>
    SavepointWriter& writeUnionList(std::string_view uid, std::string_view name, const Range& elements) {
        return putList<T>(uid, name, kUnionState, elements);
    }
    /// `entries` are pairs of different keys; every subtask gets all of them. *Failure:* ConfigurationException if a key
    /// comes twice.
    template <class K, class V, class Range>
    SavepointWriter& writeBroadcastState(std::string_view uid, std::string_view name, const Range& entries) {
        using Entries = detail::BroadcastEntries<K, V>;
        const std::string state = detail::message("broadcast/{}", {name});
        if (const auto twice = detail::keyGivenTwice<K>(entries)) {
            detail::throwMapKeyTwice(uid, name, describeValue(*twice), {});
        }
        MemorySnapshot& part = emptied(uid, state);
        part.describe(uid, state, Entries::layout());
        part.write(uid, state, kBroadcastState, Entries::write(entries).bytes());
        return *this;
    }
    /// `change(std::vector<T>&)` with the lists of all subtasks, one behind the other. Of either kind, which stays.
    template <class T, class Change>
    SavepointWriter& modifyOperatorList(std::string_view uid, std::string_view name, Change change) {
        std::vector<T> elements;
        const int distribution = visitList(uid, name, detail::kTypeInfo<T>, [&](ByteReader& reader) {
            elements.push_back(detail::decodeState<T>(reader));
        });
        change(elements);
        return putList<T>(uid, name, distribution, elements);
    }
    /// `change(std::vector<std::pair<K, V>>&)`. *Failure:* as `writeBroadcastState`.
    template <class K, class V, class Change>
    SavepointWriter& modifyBroadcastState(std::string_view uid, std::string_view name, Change change) {
        const std::string state = detail::message("broadcast/{}", {name});
        auto entries = detail::BroadcastEntries<K, V>::read(existingPart(uid, state), uid, state);
        change(entries);
        return writeBroadcastState<K, V>(uid, name, entries);
    }

    // ---- whole operators ----
    /// `state` as `SavepointReader::states` gives it. *Failure:* ConfigurationException if there is none.
    SavepointWriter& removeState(std::string_view uid, std::string_view state);
    SavepointWriter& removeOperator(std::string_view uid);
    /// *Failure:* ConfigurationException if there is none, or one that is called so already.
    SavepointWriter& changeOperatorIdentifier(std::string_view from, std::string_view to);

    /// Writes all of it to a directory that is new or empty.
    CheckpointInfo write(const std::string& directory, std::shared_ptr<FileSystem> files = posixFileSystem()) const;
    /// How `write` compresses; not at all unless it is told. *Failure:* ConfigurationException for what this program cannot do.
    SavepointWriter& setCompression(SnapshotCompression compression);

private:
    template <class Key, class Entries, class Range>
    SavepointWriter& replace(std::string_view uid, std::string_view name, const Entries& entries, const Range& range) {
        detail::KeyGroupWriter writer(description_.maxParallelism, detail::kKeyedEntryFormat);
        for (const auto& [key, value] : range) {
            add<Key, Entries>(writer, uid, name, key, value, typename Entries::Stamp{});
        }
        return put(uid, name, entries.layout(), writer);
    }
    template <class Key, class Entries, class Change>
    SavepointWriter& modify(std::string_view uid, std::string_view name, const Entries& entries, Change& change) {
        detail::KeyGroupWriter writer(description_.maxParallelism, detail::kKeyedEntryFormat);
        const MemorySnapshot& part = existing(uid, name);
        detail::readEntries<Key>(part, uid, detail::message("state/{}", {name}), entries,
                                 [&](const Key& key, auto&& value, const auto& stamp) {
                                     if constexpr (requires { static_cast<bool>(change(key, value)); }) {
                                         if (!change(key, value)) return;
                                     } else {
                                         change(key, value);
                                     }
                                     add<Key, Entries>(writer, uid, name, key, value, stamp);
                                 });
        return put(uid, name, entries.layout(), writer);
    }
    template <class Key, class Entries>
    static void add(detail::KeyGroupWriter& writer, std::string_view uid, std::string_view name, const Key& key,
                    const typename Entries::Value& value, const typename Entries::Stamp& stamp) {
        if (Entries::isEmpty(value)) return;
        if constexpr (requires { Entries::keyGivenTwice(value); }) {
            if (const auto twice = Entries::keyGivenTwice(value)) {
                detail::throwMapKeyTwice(uid, name, describeValue(*twice), describeValue(key));
            }
        }
        ByteWriter& group = writer.of(key);
        Codec<Key>::encode(key, group);
        Entries::write(value, stamp, group);
    }
    SavepointWriter& put(std::string_view uid, std::string_view name, const detail::StateLayout& layout,
                         const detail::KeyGroupWriter& entries);
    /// All key groups of a state. *Failure:* ConfigurationException if there is none.
    const MemorySnapshot& existing(std::string_view uid, std::string_view name);
    template <class T, class Range>
    SavepointWriter& putList(std::string_view uid, std::string_view name, int distribution, const Range& elements) {
        static_assert(detail::RequireCodec<T>::kChecked);
        const std::string state = detail::message("{}{}", {detail::kOperatorStatePrefix, name});
        detail::OperatorListWriter writer(emptied(uid, state), uid, state, distribution, detail::kTypeInfo<T>);
        for (const T& element : elements) writer.add(element);
        return *this;
    }
    /// Visits the elements of a list, and says whether it is kSplitState or kUnionState.
    int visitList(std::string_view uid, std::string_view name, const detail::TypeInfo& info,
                  const std::function<void(ByteReader&)>& element);
    /// Where a state without a key is written, of which nothing is there any more; the operator is, from now on.
    MemorySnapshot& emptied(std::string_view uid, std::string_view state);
    /// The first part that has a state without a key. *Failure:* ConfigurationException if there is none.
    const MemorySnapshot& existingPart(std::string_view uid, std::string_view state) const;
    /// Sorted.
    std::vector<std::string> statesOf(std::string_view uid) const;
    void addOperator(std::string_view uid);
    void expectOperator(std::string_view uid) const;

    detail::CheckpointDescription description_;
    SnapshotCompression compression_ = SnapshotCompression::None;
    MemorySnapshot keyed_;                 ///< what belongs to keys
    std::map<int, MemorySnapshot> parts_;  ///< the rest, by the subtask that has written it
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/savepoint_writer.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_SAVEPOINT_WRITER_HPP
