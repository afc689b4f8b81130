#ifndef MILLRACE_CHECKPOINT_SAVEPOINT_READER_HPP
#define MILLRACE_CHECKPOINT_SAVEPOINT_READER_HPP

#include <millrace/checkpoint/broadcast_entries.hpp>
#include <millrace/checkpoint/checkpoint_info.hpp>
#include <millrace/checkpoint/keyed_entries.hpp>
#include <millrace/checkpoint/subtask_state.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/posix_file_system.hpp>
#include <millrace/state/operator_list.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// A savepoint or checkpoint as a set of tables: the states of a uid, by their names. @public
/// ```
/// const SavepointReader savepoint("savepoints/release");
/// for (const auto& [key, account] : savepoint.readValueState<std::int64_t, Account>("accounts", "account")) …
/// env.fromCollection(savepoint.readValueState<std::int64_t, Account>("accounts", "account"))…   // as a stream
/// ```
/// Types may be those of a later program, as when a job is restored: what was saved is brought into their form. Keys come in no
/// order. With a visitor, `fn(const Key&, Value)`, one entry is in memory at a time.
/// *Thread safety:* all functions may be called from any thread. *Failure:* IoException if there is none;
/// ConfigurationException for a uid or state that is not in it, naming those that are; StateMigrationException for types that do
/// not fit; CodecException for damaged files.
class SavepointReader {
public:
    explicit SavepointReader(const std::string& directory, std::shared_ptr<FileSystem> files = posixFileSystem());

    // ---- what there is ----
    std::int64_t checkpointId() const noexcept { return checkpoint_->description().id; }
    int maxParallelism() const noexcept { return checkpoint_->description().maxParallelism; }
    /// Of operators, in the order of the pipeline.
    std::vector<std::string> uids() const;
    /// Of an operator, sorted: "state/total" is the keyed state "total".
    std::vector<std::string> states(std::string_view uid) const { return checkpoint_->statesOf(uid); }
    /// What an entry of a state looks like: `value{key:i64,stamp:optional<i64>,value:{cents:i64}}`.
    std::string schema(std::string_view uid, std::string_view state) const { return checkpoint_->schemaOf(uid, state); }

    // ---- keyed states, by the names of their descriptors ----
    template <class Key, class T>
    std::vector<KeyedEntry<Key, T>> readValueState(std::string_view uid, std::string_view name) const {
        return collect<Key>(uid, name, detail::ValueEntries<Key, T>{"value"});
    }
    template <class Key, class T, class Visit>
    void readValueState(std::string_view uid, std::string_view name, Visit visit) const {
        visitEntries<Key>(uid, name, detail::ValueEntries<Key, T>{"value"}, visit);
    }
    /// What a `ReducingState` has combined.
    template <class Key, class T>
    std::vector<KeyedEntry<Key, T>> readReducingState(std::string_view uid, std::string_view name) const {
        return collect<Key>(uid, name, detail::ValueEntries<Key, T>{"reducing"});
    }
    /// The accumulators of an `AggregatingState`.
    template <class Key, class Accumulator>
    std::vector<KeyedEntry<Key, Accumulator>> readAggregatingState(std::string_view uid, std::string_view name) const {
        return collect<Key>(uid, name, detail::ValueEntries<Key, Accumulator>{"aggregating"});
    }
    template <class Key, class T>
    std::vector<KeyedEntry<Key, std::vector<T>>> readListState(std::string_view uid, std::string_view name) const {
        return collect<Key>(uid, name, detail::ListEntries<Key, T>{});
    }
    template <class Key, class T, class Visit>
    void readListState(std::string_view uid, std::string_view name, Visit visit) const {
        visitEntries<Key>(uid, name, detail::ListEntries<Key, T>{}, visit);
    }
    template <class Key, class K, class V>
    std::vector<KeyedEntry<Key, std::vector<std::pair<K, V>>>> readMapState(std::string_view uid,
                                                                            std::string_view name) const {
        return collect<Key>(uid, name, detail::MapEntries<Key, K, V>{});
    }
    template <class Key, class K, class V, class Visit>
    void readMapState(std::string_view uid, std::string_view name, Visit visit) const {
        visitEntries<Key>(uid, name, detail::MapEntries<Key, K, V>{}, visit);
    }

    // ---- states without a key ----
    /// The lists of all subtasks, one behind the other.
    template <class T>
    std::vector<T> readOperatorList(std::string_view uid, std::string_view name) const {
        std::vector<T> values;
        detail::readOperatorList(source_, uid, known(uid, "operator/", name), detail::kTypeInfo<T>,
                                 [&](ByteReader& reader) { values.push_back(detail::decodeState<T>(reader)); });
        return values;
    }
    /// The map of one subtask: all have the same.
    template <class K, class V>
    std::vector<std::pair<K, V>> readBroadcastState(std::string_view uid, std::string_view name) const {
        return detail::BroadcastEntries<K, V>::read(source_, uid, known(uid, "broadcast/", name));
    }

    // ---- for the library ----
    const detail::StoredCheckpoint& checkpoint() const noexcept { return *checkpoint_; }
    const SnapshotSource& source() const noexcept { return source_; }

private:
    /// The name under which a state is saved. *Failure:* ConfigurationException if there is none.
    std::string known(std::string_view uid, std::string_view prefix, std::string_view name) const;
    template <class Key, class Entries, class Visit>
    void visitEntries(std::string_view uid, std::string_view name, const Entries& entries, Visit& visit) const {
        detail::readEntries<Key>(
            source_, uid, known(uid, "state/", name), entries,
            [&](Key&& key, auto&& value, const auto&) { visit(std::as_const(key), std::move(value)); });
    }
    template <class Key, class Entries>
    std::vector<KeyedEntry<Key, typename Entries::Value>> collect(std::string_view uid, std::string_view name,
                                                                  const Entries& entries) const {
        std::vector<KeyedEntry<Key, typename Entries::Value>> all;
        detail::readEntries<Key>(source_, uid, known(uid, "state/", name), entries,
                                 [&](Key&& key, auto&& value, const auto&) {
                                     all.push_back({std::move(key), std::move(value)});
                                 });
        return all;
    }

    std::shared_ptr<const detail::StoredCheckpoint> checkpoint_;
    detail::SubtaskState source_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/savepoint_reader.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_SAVEPOINT_READER_HPP
