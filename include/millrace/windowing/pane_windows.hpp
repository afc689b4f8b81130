#ifndef MILLRACE_WINDOWING_PANE_WINDOWS_HPP
#define MILLRACE_WINDOWING_PANE_WINDOWS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table_scan.hpp>
#include <millrace/state/table_snapshot.hpp>
#include <millrace/windowing/aggregate_function.hpp>
#include <millrace/windowing/current_span.hpp>
#include <millrace/windowing/window_grid.hpp>
#include <millrace/windowing/window_record.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// Window-major state: one table of accumulators per window. For tumbling windows, and for sliding ones whose aggregate
/// cannot be merged (then a record goes into every window that it belongs to).
/// Any number of windows may be open, in any order; a fired window's table is used again for the next one.
template <class T, class Key, class KeySelector, class Aggregate>
class PaneWindows {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    using Table = KeyedTable<Key, Accumulator>;
    static constexpr std::uint8_t kFormat = 1;
    static constexpr StateLayout kLayout{"windows",
                                         {{"window", &kTypeInfo<std::int64_t>, true},
                                          {"fired", &kTypeInfo<bool>, true},
                                          {"key", &kTypeInfo<Key>},
                                          {"value", &kTypeInfo<Accumulator>}}};

public:
    PaneWindows(const WindowGrid& grid, Duration lateness, KeySelector& keySelector, Aggregate& aggregate)
        : grid_(grid), lateness_(lateness), keySelector_(keySelector), aggregate_(aggregate) {}

    /// Before the first record.
    void chargeTo(StateMemory& account) noexcept { memory_ = &account; }

    /// Whether all of these timestamps fall into the current slice of time.
    bool covers(const Timestamp* times, std::size_t count) const noexcept { return span_.covers(times, count); }
    bool covers(Timestamp t) const noexcept { return span_.covers(t); }

    /// Makes the slice of time around `t` the current one; not if one of its windows has fired already, or if it has none.
    [[gnu::cold, gnu::noinline]] bool select(Timestamp t, Timestamp watermark) {
        const std::int64_t slice = grid_.sliceOf(t);
        const auto [first, last] = grid_.windowsOf(slice);
        if (last < first || grid_.window(first).maxTimestamp() <= watermark) return false;
        current_.clear();
        span_.reset();
        for (std::int64_t k = first; k <= last; ++k) {
            Pane& open = pane(k);
            if (open.silent != nullptr) return false;
            nextEvent_ = std::min(nextEvent_, open.window.maxTimestamp());
            current_.add(open.table);
        }
        span_.set(grid_.slice(slice));
        return true;
    }

    /// Adds records [at, end) to the windows of the current slice. `at` is the record at hand when something throws.
    template <class Record>
    void add(const Record* values, const std::uint32_t* hashes, std::size_t& at, std::size_t end) {
        const std::size_t from = at;
        LoopCopy<KeySelector> keyOf = keySelector_;
        for (Table& table : current_) {
            at = from;
            scanKeyedTable(
                table, at, end, hashes,
                [values, &keyOf](std::size_t i) -> decltype(auto) {
                    return WindowRecord<Record>::keyOf(keyOf, values[i]);
                },
                [values, &fn = aggregate_](std::size_t i, Accumulator& acc) {
                    WindowRecord<Record>::template add<Traits>(fn, values[i], acc);
                },
                [values, &fn = aggregate_](std::size_t i) {
                    return WindowRecord<Record>::template first<Traits>(fn, values[i]);
                });
        }
    }

    /// Adds one record of a slice that cannot be the current one. Calls `fireNow(window, key, accumulator)` for the
    /// windows that have fired and are not late yet. Returns false if there is no window to add it to.
    template <class Record, class FireNow>
    bool addBehind(const Record& value, Timestamp t, Timestamp watermark, FireNow fireNow) {
        const auto [first, last] = grid_.windowsOf(grid_.sliceOf(t));
        bool added = false;
        for (std::int64_t k = last; k >= first; --k) {
            const TimeWindow window = grid_.window(k);
            if (cleanupTime(window) <= watermark) break;  // and so are all before
            added = true;
            Pane& open = pane(k);
            const auto& key = WindowRecord<Record>::keyOf(keySelector_, value);
            Accumulator& acc = addTo(open, key, value);
            if (window.maxTimestamp() <= watermark) {
                open.fired = true;
                nextEvent_ = std::min(nextEvent_, cleanupTime(window));
                fireNow(window, Key(key), acc);
            } else {
                nextEvent_ = std::min(nextEvent_, window.maxTimestamp());
            }
        }
        return added;
    }

    /// Nothing fires or ends before the watermark has reached this.
    Timestamp nextEvent() const noexcept { return nextEvent_; }

    /// Goes on with firing: emits as many results as there is room for. Returns false when all is done.
    template <class Emitter>
    bool fireSome(Timestamp watermark, Emitter& emitter) {
        if (firing_ == nullptr) {
            Pane* const next = nextUnfired();
            if (next == nullptr || next->window.maxTimestamp() > watermark) {
                purge(watermark);
                return false;
            }
            firing_ = next;
            position_ = 0;
            span_.reset();
            firingPurges_ = cleanupTime(next->window) <= watermark;
        }
        Pane& pane = *firing_;
        const bool purges = firingPurges_;
        emitter.begin(pane.window);
        typename Table::Slot* slots[kGather];
        // a bounded number of keys a call, also where the window function emits nothing or only to side outputs
        for (int rounds = 0; rounds < kGathersPerCall && position_ < pane.table.endPosition(); ++rounds) {
            const std::size_t room = std::min(emitter.room(), kGather);
            if (room == 0) break;
            const std::size_t count = pane.table.gather(position_, slots, room);
            for (std::size_t i = 0; i < count; ++i) {
                emitter.emit(pane.table.keyOf(*slots[i]), slots[i]->value);
                if (purges) Table::release(*slots[i]);
            }
        }
        emitter.end();
        if (position_ == pane.table.endPosition()) finishFiring(purges);
        return true;
    }

    void snapshot(SnapshotSink& sink, std::string_view uid, int maxParallelism) {
        sink.describe(uid, "windows", kLayout);
        for (Pane& pane : panes_) {
            const TablePlace place{std::string(uid), "windows", maxParallelism, kFormat};
            const auto entry = [number = pane.number](bool fired) {
                return [number, fired](ByteWriter& group, const Key& key, const Accumulator& acc) {
                    group.write(number);
                    group.write(static_cast<std::uint8_t>(fired));
                    Codec<Key>::encode(key, group);
                    Codec<Accumulator>::encode(acc, group);
                };
            };
            if (!pane.table.empty()) writeTable(sink, pane.table, true, place, kLayout, entry(pane.fired));
            if (pane.silent == nullptr) continue;
            writeSilent(pane, [&](Table& rest) { writeNow(sink, rest, place, entry(true)); });
        }
    }
    void restore(const SnapshotSource& source, std::string_view uid) {
        readKeyGroups(source, uid, "windows", kLayout, kFormat, [this](ByteReader& reader) { readEntry(reader); });
        for (Pane& each : panes_) each.table.report();
    }

    /// Forgets which windows have fired. All of them must have ended.
    void startOver() noexcept {
        span_.reset();
        unfiredFrom_ = std::numeric_limits<std::int64_t>::min();
        nextEvent_ = kMaxTimestamp;
    }

    std::size_t memoryBytes() const noexcept {
        std::size_t bytes = 0;
        for (const Pane& pane : panes_) bytes += pane.table.memoryBytes();
        return bytes;
    }

private:
    static constexpr std::size_t kGather = 256;
    static constexpr int kGathersPerCall = 4;
    static constexpr std::size_t kLarge = std::size_t{1} << 20;

    struct Pane {
        std::int64_t number = 0;
        TimeWindow window{};
        Table table;
        /// After a restore: entries that had fired before and have got no element since. They stay silent when the
        /// window "fires" again under the new watermark.
        Owner<Table> silent;
        bool fired = false;
    };

    Timestamp cleanupTime(const TimeWindow& window) const noexcept {
        return saturatingAdd(window.maxTimestamp(), lateness_);
    }

    /// Where the pane of that number is or would be.
    std::size_t indexOf(std::int64_t number) const noexcept {
        std::size_t index = panes_.size();
        while (index > 0 && panes_[index - 1].number >= number) --index;
        return index;
    }
    Pane& pane(std::int64_t number) {
        const std::size_t at = indexOf(number);
        if (at < panes_.size() && panes_[at].number == number) return panes_[at];
        Pane& added = panes_.addAt(at, spare_.empty() ? new Pane : spare_.release(spare_.size() - 1));
        if (memory_ != nullptr) added.table.chargeTo(*memory_);
        added.number = number;
        added.window = grid_.window(number);
        return added;
    }
    [[gnu::noinline]] void recycle(std::size_t index) {
        Pane* pane = panes_.release(index);
        pane->table.clear();
        pane->silent.reset();
        pane->fired = false;
        if (pane->table.memoryBytes() >= kLarge) pane = giveRoomToSuccessor(pane);
        // many small tables may wait for their next use, but only one that is large
        if (spare_.empty() || (spare_.size() < 64 && pane->table.memoryBytes() < kLarge)) {
            spare_.add(pane);
        } else {
            delete pane;
        }
    }

    /// A block that straddles two windows opens the second before the table of the first is free. Where that one is large
    /// it takes over the few entries of the second: or else two large tables would take turns. Returns the smaller one.
    [[gnu::cold, gnu::noinline]] Pane* giveRoomToSuccessor(Pane* large) {
        for (std::size_t i = 0; i < panes_.size(); ++i) {
            Pane& open = panes_[i];
            if (open.fired || open.silent != nullptr || open.table.memoryBytes() > large->table.memoryBytes() / 8)
                continue;
            open.table.thaw();
            open.table.forEach([&](const Key& key, Accumulator& acc) {
                large->table.put(key, Table::hashByCall(key), std::move(acc));
            });
            large->table.report();
            open.table.clear();
            large->number = open.number;
            large->window = open.window;
            Pane* const small = panes_.release(i);
            panes_.addAt(i, large);
            span_.reset();  // the current tables are other ones now
            return small;
        }
        return large;
    }

    template <class K, class Record>
    Accumulator& addTo(Pane& pane, const K& key, const Record& value) {
        const std::uint64_t hash = Table::hashByCall(Table::lookupKey(key));
        if (pane.silent != nullptr) {
            Accumulator* const before = pane.silent->find(Table::lookupKey(key), hash);
            if (before != nullptr && pane.table.find(Table::lookupKey(key), hash) == nullptr) {
                pane.table.put(Table::lookupKey(key), hash, Accumulator(*before));
                pane.table.report();
            }
        }
        if (Accumulator* const acc = pane.table.find(Table::lookupKey(key), hash)) {
            WindowRecord<Record>::template add<Traits>(aggregate_, value, *acc);
            return *acc;
        }
        Accumulator& acc = pane.table.put(Table::lookupKey(key), hash,
                                          WindowRecord<Record>::template first<Traits>(aggregate_, value));
        pane.table.report();
        return acc;
    }

    Pane* nextUnfired() noexcept {
        for (std::size_t i = indexOf(unfiredFrom_); i < panes_.size(); ++i) {
            if (!panes_[i].fired) return &panes_[i];
        }
        return nullptr;
    }
    [[gnu::noinline]] void finishFiring(bool purges) {
        Pane& pane = *std::exchange(firing_, nullptr);
        unfiredFrom_ = std::max(unfiredFrom_, pane.number + 1);
        if (purges) {
            pane.table.drained();
            recycle(indexOf(pane.number));
        } else {
            pane.fired = true;
            if (pane.silent != nullptr) mergeSilent(pane);
        }
    }
    [[gnu::cold]] static void mergeSilent(Pane& pane) {
        const auto silent = std::exchange(pane.silent, nullptr);
        silent->forEach(
            [&](const Key& key, Accumulator& acc) { pane.table.put(key, Table::hashByCall(key), std::move(acc)); });
        pane.table.report();
    }
    [[gnu::noinline]] void purge(Timestamp watermark) {
        while (!panes_.empty() && cleanupTime(panes_.front().window) <= watermark) recycle(0);
        unfiredFrom_ = std::max(unfiredFrom_, grid_.firstWindowAfter(watermark));
        nextEvent_ = kMaxTimestamp;
        if (panes_.empty()) return;
        const Pane& first = panes_.front();
        if (first.fired) nextEvent_ = cleanupTime(first.window);
        if (const Pane* const unfired = nextUnfired(); unfired != nullptr) {
            nextEvent_ = std::min(nextEvent_, unfired->window.maxTimestamp());
        }
    }
    [[gnu::noinline]] void readEntry(ByteReader& reader) {
        const auto number = reader.read<std::int64_t>("a window number");
        if (!grid_.holdsWindow(number)) reader.fail("this is the number of no window");
        Pane& open = pane(number);
        const bool fired = reader.read<std::uint8_t>("a flag") != 0;
        if (fired && open.silent == nullptr) {
            open.silent.reset(new Table);
            if (memory_ != nullptr) open.silent->chargeTo(*memory_);
        }
        Table& table = fired ? *open.silent : open.table;
        const Key key = decodeState<Key>(reader);
        const std::uint64_t hash = Table::hashByCall(key);
        if (table.find(key, hash) != nullptr) reader.fail("a window has a key twice");
        table.put(key, hash, decodeAccumulator<Accumulator>(aggregate_, reader));
        nextEvent_ = std::min(nextEvent_, open.window.maxTimestamp());
    }
    template <class Write>
    [[gnu::cold]] static void writeSilent(Pane& pane, Write write) {
        // those that have got an element since are in the pane's table
        Table rest;
        pane.silent->forEach([&](const Key& key, const Accumulator& acc) {
            const std::uint64_t hash = Table::hashByCall(key);
            if (pane.table.find(key, hash) == nullptr) rest.put(key, hash, Accumulator(acc));
        });
        write(rest);
    }

    WindowGrid grid_;
    Duration lateness_;
    KeySelector& keySelector_;
    Aggregate& aggregate_;
    StateMemory* memory_ = nullptr;
    OwnerList<Pane> panes_;  ///< by number
    OwnerList<Pane> spare_;
    PointerList<Table> current_;  ///< tables of the windows of the current slice
    CurrentSpan span_;
    Timestamp nextEvent_ = kMaxTimestamp;
    std::int64_t unfiredFrom_ = std::numeric_limits<std::int64_t>::min();
    Pane* firing_ = nullptr;
    std::size_t position_ = 0;  ///< in the table that is being fired
    bool firingPurges_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_PANE_WINDOWS_HPP
