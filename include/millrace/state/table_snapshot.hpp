#ifndef MILLRACE_STATE_TABLE_SNAPSHOT_HPP
#define MILLRACE_STATE_TABLE_SNAPSHOT_HPP

#include <millrace/state/frozen_memory.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
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

/// Writes entries with `write(ByteWriter&, const Key&, const Value&)`, each to its key group.
template <class Write>
struct EntryWriter {
    KeyGroupWriter& groups;
    const Write& write;

    template <class Key, class Value>
    void operator()(const Key& key, const Value& value) const {
        write(groups.of(keyOfGroup(key)), key, value);
    }
};

/// A table as it was, in frozen memory.
template <class Table, class Write>
class DeferredTable final : public DeferredState {
    using Slot = typename Table::Slot;
    static constexpr std::size_t kChunksPerSegment = 128;  // of 4 KiB

public:
    DeferredTable(Table& table, FrozenMemory& memory, TablePlace place, Write write)
        : memory_(memory), place_(std::move(place)), write_(std::move(write)) {
        std::memcpy(static_cast<void*>(side_), &table.sideSlot(), sizeof(Slot));
    }
    DeferredTable(const DeferredTable&) = delete;
    DeferredTable& operator=(const DeferredTable&) = delete;
    ~DeferredTable() override { memory_.finishReading(); }

    void writeTo(SnapshotSink& sink) override {
        KeyGroupWriter groups(place_.maxParallelism, place_.format);
        groups.streamTo(sink, place_.uid, place_.state);
        const EntryWriter<Write> write{groups, write_};
        const bool inSegments = sink.wantsSegments();
        std::size_t chunks = 0;
        memory_.read([&](const std::byte* slots) {
            Table::forEachOf(reinterpret_cast<const Slot*>(slots), Table::kSlotsFrozenTogether, write);
            if (inSegments && ++chunks % kChunksPerSegment == 0) groups.endSegment();
        });
        Table::forSide(*reinterpret_cast<const Slot*>(side_), write);
        groups.writePieces(sink, place_.uid, place_.state);
    }

private:
    FrozenMemory& memory_;
    TablePlace place_;
    Write write_;
    alignas(Slot) std::byte side_[sizeof(Slot)];
};

/// Writes a table as it is now: a large one of plain entries later and on another thread, where the sink does so.
/// `layout` is what `write` writes; `write` must then not refer to anything that might change or go, and is called on that thread: so are the codecs of plain
/// keys and values.
template <class Table, class Write>
void writeTable(SnapshotSink& sink, Table& table, bool mayDefer, TablePlace place, const StateLayout& layout,
                Write write) {
    sink.describe(place.uid, place.state, layout);
    if constexpr (Table::kFreezes) {
        if (FrozenMemory* const memory = mayDefer ? table.freeze() : nullptr) {
            std::unique_ptr<DeferredState> state;
            try {
                state.reset(new DeferredTable<Table, Write>(table, *memory, std::move(place), std::move(write)));
            } catch (...) {
                memory->finishReading();
                throw;
            }
            sink.writeLater(std::move(state));
            return;
        }
    }
    KeyGroupWriter groups(place.maxParallelism, place.format);
    const EntryWriter<Write> writeEntry{groups, write};
    Table::forEachOf(table.slots(), table.capacity(), writeEntry);
    Table::forSide(table.sideSlot(), writeEntry);
    groups.writePieces(sink, place.uid, place.state);
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

#endif  // MILLRACE_STATE_TABLE_SNAPSHOT_HPP
