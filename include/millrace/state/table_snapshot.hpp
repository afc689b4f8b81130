#ifndef MILLRACE_STATE_TABLE_SNAPSHOT_HPP
#define MILLRACE_STATE_TABLE_SNAPSHOT_HPP

#include <millrace/core/owner.hpp>
#include <millrace/state/frozen_memory.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// Where the entries of a table go in a snapshot.
struct TablePlace {
    std::string uid;
    std::string state;
    int maxParallelism;
    std::uint8_t format;  ///< version of how entries are written
};

/// The entries of a table for code that does not know their types: the writing itself, and where they are.
class TableEntries {
public:
    virtual ~TableEntries() = default;
    /// Writes those in so many slots of the table or of a copy of it, each to its key group. Returns how many bytes they were.
    virtual std::size_t write(KeyGroupWriter& groups, const std::byte* from, std::size_t count) const = 0;
    /// The same for the entry beside the slots.
    virtual void writeSide(KeyGroupWriter& groups) const = 0;
    /// Freezes the table, if it can be, and copies that entry: both are written as they are now, whatever happens to the table.
    /// Null if it cannot.
    virtual FrozenMemory* freeze() = 0;

    const std::byte* slot(std::size_t index) const noexcept { return slots + index * slotBytes; }

    /// Of the table as it is now. Before it grows or gives its slots up, it tells its keepers, who are done with them then.
    const std::byte* slots;
    std::size_t slotBytes;
    std::size_t capacity;
    TableKeepers* keepers;
};

/// Written with `write(ByteWriter&, const Key&, const Value&)`.
template <class Table, class Write>
class EntriesOf final : public TableEntries {
    using Slot = typename Table::Slot;

public:
    EntriesOf(Table& table, Write write) : write_(std::move(write)), table_(table), side_(&table.sideSlot()) {
        slots = reinterpret_cast<const std::byte*>(table.slots());
        slotBytes = sizeof(Slot);
        capacity = table.capacity();
        keepers = &table.keepers();
    }
    EntriesOf(const EntriesOf&) = delete;  // the side may be one's own
    EntriesOf& operator=(const EntriesOf&) = delete;

    std::size_t write(KeyGroupWriter& groups, const std::byte* from, std::size_t count) const override {
        std::size_t bytes = 0;
        Table::forEachOf(reinterpret_cast<const Slot*>(from), count, [&](const auto& key, const auto& value) {
            ByteWriter& group = groups.of(keyOfGroup(key));
            const std::size_t before = group.size();
            write_(group, key, value);
            bytes += group.size() - before;
        });
        return bytes;
    }
    void writeSide(KeyGroupWriter& groups) const override {
        Table::forSide(*side_,
                       [&](const auto& key, const auto& value) { write_(groups.of(keyOfGroup(key)), key, value); });
    }
    FrozenMemory* freeze() override {
        FrozenMemory* frozen = nullptr;
        if constexpr (Table::kFreezes) {
            frozen = table_.freeze();
            if (frozen == nullptr) return nullptr;
            std::memcpy(static_cast<void*>(kept_), side_, sizeof(Slot));
            side_ = reinterpret_cast<const Slot*>(kept_);
        }
        return frozen;
    }

private:
    Write write_;
    Table& table_;
    const Slot* side_;
    alignas(Slot) std::byte kept_[Table::kFreezes ? sizeof(Slot) : 1];
};

/// How tables that have been described get into a sink. Only programs with a sink compile it.
class TableWriter {
public:
    virtual void writeNow(const TableEntries& entries, const TablePlace& place) = 0;
    /// A table that may go on to change: where the sink sees to that, frozen and on another thread if it `mayDefer`, or else by and
    /// by if it is large (`memoryBytes`) or its values own memory (not `isPlain`).
    virtual void writeTable(Owner<TableEntries> entries, const TablePlace& place, std::size_t memoryBytes, bool isPlain,
                            bool mayDefer) = 0;

protected:
    ~TableWriter() = default;
};

void writeAtOnce(SnapshotSink& sink, const TableEntries& entries, const TablePlace& place);

/// The base of sinks: writes tables at once, unless who derives from it knows a better time.
class TableSink : public SnapshotSink, protected TableWriter {
public:
    TableWriter& tableWriter() noexcept override { return *this; }
    [[gnu::cold]] void describe(std::string_view uid, std::string_view state, const StateLayout& layout) final {
        setSchema(uid, state, layoutText(layout));
    }

protected:
    void writeNow(const TableEntries& entries, const TablePlace& place) final { writeAtOnce(*this, entries, place); }
    void writeTable(Owner<TableEntries> entries, const TablePlace& place, std::size_t, bool, bool) override {
        writeAtOnce(*this, *entries, place);
    }
};

/// Writes a table that may go behind that.
template <class Table, class Write>
[[gnu::cold]] void writeNow(SnapshotSink& sink, Table& table, const TablePlace& place, Write write) {
    sink.tableWriter().writeNow(EntriesOf<Table, Write>(table, std::move(write)), place);
}

/// Writes a table as it is now: a large one, or one of large values, by and by, where the sink sees to that, while it changes;
/// `keep` or `keepFor` then comes before every change that the table does not make itself. `layout` is what `write` writes;
/// `write` must not refer to what might change, nor to anything that goes before the table.
/// If it `mayDefer`, a large one of plain entries is written on another thread: so are the codecs of plain keys and values
/// called there, and `write` must not refer to what might go.
template <class Table, class Write>
[[gnu::cold]] void writeTable(SnapshotSink& sink, Table& table, bool mayDefer, const TablePlace& place,
                              const StateLayout& layout, Write write) {
    sink.describe(place.uid, place.state, layout);
    if (table.empty()) return;
    Owner<TableEntries> entries(new EntriesOf<Table, Write>(table, std::move(write)));
    sink.tableWriter().writeTable(std::move(entries), place, table.memoryBytes(), Table::kPlain, mayDefer);
}

/// `readKeyGroups` of entries that `read` puts into the table: as soon as the first ones tell how long they are, it gets the
/// size that all of them will need, or half of that.
template <class Table, class Read>
void readIntoTable(Table& table, const SnapshotSource& source, std::string_view uid, std::string_view state,
                   const StateLayout& layout, std::uint8_t version, Read read) {
    constexpr std::size_t kFirst = 32;
    std::size_t entries = 0;
    std::size_t bytes = 0;
    readKeyGroups(source, uid, state, layout, version, [&](ByteReader& reader) {
        const std::size_t before = reader.remaining();
        read(reader);
        if (entries == kFirst) [[likely]]
            return;
        bytes += before - reader.remaining();
        // a little less, since what is a guess must not make it twice as large as it would have become
        if (++entries == kFirst) table.reserve(source.bytesOf(uid, state) / (bytes + 1) * kFirst / 16 * 15);
    });
}

/// Puts entries into a table, a few together, so that their places come into the cache at the same time. `flush` ends it.
template <class Table>
class TableFiller {
    using Key = typename Table::KeyType;
    using Value = typename Table::ValueType;

public:
    explicit TableFiller(Table& table) noexcept : table_(table) {}

    /// A key that is there already keeps its value.
    void add(Key&& key, Value&& value) {
        Entry& entry = entries_[count_];
        entry.key = std::move(key);
        entry.value = std::move(value);
        entry.hash = Table::hashOf(entry.key);
        if (table_.wantsPrefetch()) table_.view().prefetchWhole(entry.hash);
        if (++count_ == kTogether) flush();
    }
    void flush() {
        for (std::size_t i = 0, count = std::exchange(count_, 0); i < count; ++i) {
            Entry& entry = entries_[i];
            table_.findOrInsert(entry.key, entry.hash, [&]() -> Value&& { return std::move(entry.value); });
        }
    }

private:
    static constexpr std::size_t kTogether = 24;
    struct Entry {
        Key key{};
        Value value{};
        std::uint64_t hash = 0;
    };

    Table& table_;
    std::size_t count_ = 0;
    Entry entries_[kTogether];
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/table_snapshot.ipp>
#endif

#endif  // MILLRACE_STATE_TABLE_SNAPSHOT_HPP
