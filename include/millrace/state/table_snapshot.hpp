#ifndef MILLRACE_STATE_TABLE_SNAPSHOT_HPP
#define MILLRACE_STATE_TABLE_SNAPSHOT_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/state/frozen_memory.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
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

/// Writes a table that has been described.
template <class Table, class Write>
void writeAtOnce(SnapshotSink& sink, Table& table, const TablePlace& place, const Write& write) {
    KeyGroupWriter groups(place.maxParallelism, place.format);
    const EntryWriter<Write> writeEntry{groups, write};
    Table::forEachOf(table.slots(), table.capacity(), writeEntry);
    Table::forSide(table.sideSlot(), writeEntry);
    groups.writePieces(sink, place.uid, place.state);
}

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
        memory_.read([&](const std::byte* slots, std::size_t bytes) {
            Table::forEachOf(reinterpret_cast<const Slot*>(slots), bytes / sizeof(Slot), write);
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

/// A table as it was, while its owner encodes it and changes it. What is encoded has a bit: an entry that has been changed
/// since is not looked at again, and one that has come since is not part of it.
template <class Table, class Write>
class GradualTable final : public GradualState, private TableKeeper {
public:
    [[gnu::cold]] GradualTable(Table& table, TablePlace place, Write write)
        : table_(&table), place_(std::move(place)), write_(std::move(write)),
          groups_(place_.maxParallelism, place_.format), kept_(new std::uint64_t[table.capacity() / 64 + 1]()) {
        Table::forSide(table.sideSlot(), EntryWriter<Write>{groups_, write_});
        table.keepers().add(*this);
    }
    GradualTable(const GradualTable&) = delete;
    GradualTable& operator=(const GradualTable&) = delete;
    ~GradualTable() override {
        if (table_ != nullptr) table_->keepers().remove(*this);
    }

    bool encodeSome(std::size_t slots) override {
        if (table_ != nullptr) {
            const std::size_t end = cursor_ + std::min(slots, table_->capacity() - cursor_);
            const std::size_t full = bytes_ + kMostBytesAtOnce;
            while (cursor_ < end && bytes_ < full) encode(cursor_++);
            if (cursor_ == table_->capacity()) std::exchange(table_, nullptr)->keepers().remove(*this);
        }
        if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
        return table_ != nullptr;
    }
    std::string_view uid() const noexcept override { return place_.uid; }
    void writeTo(SnapshotSink& sink) override { groups_.writePieces(sink, place_.uid, place_.state); }

private:
    /// Entries may hold lists of any length: a step goes over fewer of those.
    static constexpr std::size_t kMostBytesAtOnce = 64 * 1024;

    void keep(std::size_t slot) noexcept override {
        if (slot >= cursor_) encode(slot);
    }
    void keepAll() noexcept override {
        while (cursor_ < table_->capacity()) encode(cursor_++);
        table_ = nullptr;
    }
    void abandon() noexcept override { table_ = nullptr; }
    void encode(std::size_t slot) noexcept {
        std::uint64_t& word = kept_[slot / 64];
        const std::uint64_t bit = std::uint64_t{1} << slot % 64;
        if ((word & bit) != 0) return;
        word |= bit;
        try {
            Table::forEachOf(table_->slots() + slot, 1, [this](const auto& key, const auto& value) {
                ByteWriter& group = groups_.of(keyOfGroup(key));
                const std::size_t before = group.size();
                write_(group, key, value);
                bytes_ += group.size() - before;
            });
        } catch (...) {
            if (failure_ == nullptr) failure_ = std::current_exception();
        }
    }

    Table* table_;  ///< null: it is all encoded, or gone
    TablePlace place_;
    Write write_;
    KeyGroupWriter groups_;
    Owner<std::uint64_t[]> kept_;  ///< a bit per slot
    std::size_t cursor_ = 0;       ///< all before it is encoded
    std::size_t bytes_ = 0;        ///< that have been encoded
    std::exception_ptr failure_;   ///< of an entry that was about to change
};

/// Writes a table as it is now: a large one, or one of large values, by and by, where the sink sees to that, while it changes;
/// `keep` or `keepFor` then comes before every change that the table does not make itself. `layout` is what `write` writes;
/// `write` must not refer to what might change, nor to anything that goes before the table.
template <class Table, class Write>
void writeByOwner(SnapshotSink& sink, Table& table, TablePlace place, const StateLayout& layout, Write write) {
    sink.describe(place.uid, place.state, layout);
    const std::size_t gradualFrom = sink.gradualFrom();
    if (table.empty() || gradualFrom == SIZE_MAX || (Table::kPlain && table.memoryBytes() < gradualFrom)) {
        return writeAtOnce(sink, table, place, write);
    }
    Owner<GradualState> state(new GradualTable<Table, Write>(table, std::move(place), std::move(write)));
    // how much its values own is seen only when they are encoded
    if (table.memoryBytes() < gradualFrom && !state->encodeSome(SIZE_MAX)) return state->writeTo(sink);
    sink.writeGradually(std::move(state));
}

/// The same, and a large one of plain entries on another thread: so are the codecs of plain keys and values called there, if
/// it `mayDefer`; and `write` must not refer to what might go.
template <class Table, class Write>
void writeTable(SnapshotSink& sink, Table& table, bool mayDefer, TablePlace place, const StateLayout& layout,
                Write write) {
    if constexpr (Table::kFreezes) {
        if (FrozenMemory* const memory = mayDefer ? table.freeze() : nullptr) {
            sink.describe(place.uid, place.state, layout);
            Owner<DeferredState> state;
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
    writeByOwner(sink, table, std::move(place), layout, std::move(write));
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

#endif  // MILLRACE_STATE_TABLE_SNAPSHOT_HPP
