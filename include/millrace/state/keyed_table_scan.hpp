#ifndef MILLRACE_STATE_KEYED_TABLE_SCAN_HPP
#define MILLRACE_STATE_KEYED_TABLE_SCAN_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/keyed_table.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace millrace::detail {

/// A function without side effects, copied into a loop where that is free: otherwise it is read from memory anew for
/// every record, since the loop's stores might have changed it.
template <class Fn>
using LoopCopy = std::conditional_t<std::is_trivially_copyable_v<Fn> && sizeof(Fn) <= 2 * sizeof(void*), Fn, Fn&>;

/// Looks the keys of a run of records up, one after the other, with prefetching where the table is too large for the
/// cache. For record i: `hit(i, value)` if its key is known, else `miss(i)` makes the value of a new entry. A `hit` that rarely
/// calls something returns bool: false leaves the record to `hit.declined(i, value)`, outside of the loop. One with
/// `startRun(i, value)` gives what takes the records of a run of one key, from record i on.
/// `keyAt(i)` gives the key (by value or reference), `hashes` may be null. `at` is the record at hand, also when `hit` or
/// `miss` throws; keys are looked at ahead of it, so when `keyAt` throws it may be one of the next records.
template <class Table, class KeyAt, class Hit, class Miss>
class KeyedTableScan {
    // far enough for a miss of ~150 ns, in loops of a few ns; the line fill buffers bound what more would bring
    static constexpr std::size_t kAhead = 48;
    static constexpr std::size_t kChunk = 256;

    using Key = typename Table::KeyType;
    using Value = typename Table::ValueType;
    using View = typename Table::View;
    static constexpr bool kMayDecline = std::is_same_v<bool, std::invoke_result_t<Hit&, std::size_t, Value&>>;

public:
    [[gnu::always_inline]] static void scan(Table& table, std::size_t& position, std::size_t end,
                                            const std::uint32_t* hashes, KeyAt keyAt, Hit hit, Miss miss) {
        // The position goes through a register: in memory, which the caller may want it in, each record would wait until the
        // one before has stored it.
        struct WriteBack {
            std::size_t& position;
            std::size_t at;
            ~WriteBack() { position = at; }
        } writeBack{position, position};
        std::size_t& at = writeBack.at;
        if (table.needsKeeping()) [[unlikely]]
            table.keepFor(at, end, keyAt);
        if constexpr (kIntegerKey<Key>) {
            (void)hashes;
            if (table.wantsPrefetch()) {
                prefetching(table, at, end, keyAt, hit, miss);
            } else {
                plain(table, at, end, keyAt, hit, miss);
            }
        } else {
            hashingAhead(table, at, end, hashes, keyAt, hit, miss);
        }
    }

private:
    [[gnu::always_inline]] static void plain(Table& table, std::size_t& at, std::size_t end, KeyAt keyAt, Hit hit,
                                             Miss miss) {
        View view = table.view();
        if constexpr (kRuns) {
            if (startsRun(at, end, keyAt)) run(view, at, end, keyAt, hit);
        }
        const auto hashAt = [](std::size_t, const auto& key) { return Table::hashOf(Table::lookupKey(key)); };
        each(
            table, view, at, end, keyAt, hashAt, [](std::size_t) {}, hit, miss);
    }

    // One key over and over is bound by the time that a value takes through memory, from one record to the next. A run
    // of records with the same key works on a copy in registers.
    static constexpr bool kRuns = std::is_trivially_copyable_v<Value> && sizeof(Value) <= 64;
    static constexpr std::size_t kLeastRun = TableTuning<Key>::kRunFrom;

    [[gnu::always_inline]] static bool startsRun(std::size_t at, std::size_t end, KeyAt& keyAt) {
        if (end - at < kLeastRun) return false;
        const Key first = static_cast<Key>(keyAt(at));
        for (std::size_t i = at + 1; i < at + kLeastRun; ++i) {
            if (static_cast<Key>(keyAt(i)) != first) return false;
        }
        return true;
    }
    [[gnu::always_inline]] static void run(const View& view, std::size_t& at, std::size_t end, KeyAt& keyAt, Hit& hit) {
        const Key key = static_cast<Key>(keyAt(at));
        bool found = false;
        auto* const slot = view.locate(key, Table::hashOf(key), found);
        if (!found) return;
        if constexpr (requires { hit.startRun(at, slot->value); }) {
            auto inRun = hit.startRun(at, slot->value);
            for (; at < end && static_cast<Key>(keyAt(at)) == key; ++at) inRun(at);
            return;
        }
        Value value = slot->value;
        struct WriteBack {
            Value& to;
            const Value& from;
            ~WriteBack() { to = from; }
        } const writeBack{slot->value, value};
        for (; at < end && static_cast<Key>(keyAt(at)) == key && take(hit, at, value); ++at) {}
    }
    /// Whether `hit` has taken the record.
    [[gnu::always_inline]] static bool take(Hit& hit, std::size_t at, Value& value) {
        if constexpr (kMayDecline) {
            return hit(at, value);
        } else {
            hit(at, value);
            return true;
        }
    }

    [[gnu::always_inline]] static void prefetching(Table& table, std::size_t& at, std::size_t end, KeyAt keyAt, Hit hit,
                                                   Miss miss) {
        View view = table.view();
        const auto hashAt = [](std::size_t, const auto& key) { return Table::hashOf(Table::lookupKey(key)); };
        // always_inline: see `View::prefetch`
        const auto prefetch = [&](std::size_t i) __attribute__((always_inline)) {
            view.prefetchWhole(hashAt(i, keyAt(i)));
        };
        const std::size_t first = std::min(end, at + kAhead);
        for (std::size_t i = at; i < first; ++i) prefetch(i);
        const std::size_t last = end - at > kAhead ? end - kAhead : at;
        each(
            table, view, at, last, keyAt,
            hashAt, [&](std::size_t i) __attribute__((always_inline)) { prefetch(i + kAhead); }, hit, miss);
        each(
            table, view, at, end, keyAt, hashAt, [](std::size_t) {}, hit, miss);
    }
    /// Hashes of strings and the like are taken from the exchange or computed once, chunk by chunk.
    [[gnu::always_inline]] static void hashingAhead(Table& table, std::size_t& at, std::size_t end,
                                                    const std::uint32_t* hashes, KeyAt keyAt, Hit hit, Miss miss) {
        std::uint64_t ahead[kChunk];
        View view = table.view();
        while (at < end) {
            const std::size_t from = at;
            const std::size_t count = std::min(kChunk, end - from);
            for (; at < from + count; ++at) {
                ahead[at - from] = hashes != nullptr ? Table::Slot::hashOf(hashes[at]) : Table::hashOf(keyAt(at));
            }
            const bool prefetches = table.wantsPrefetch();
            for (std::size_t i = 0; prefetches && i < std::min(kAhead, count); ++i) view.prefetchWhole(ahead[i]);
            at = from;
            each(
                table, view, at, from + count, keyAt, [&](std::size_t i, const auto&) { return ahead[i - from]; },
                [&](std::size_t i) __attribute__((always_inline)) {
                    if (prefetches && i - from + kAhead < count) view.prefetchWhole(ahead[i - from + kAhead]);
                },
                hit, miss);
        }
    }

    /// The records up to `end`. Those whose keys are known are a loop of their own, and the others are handled outside of it:
    /// as long as nothing in a loop is a call, all that it needs stays in registers.
    template <class HashAt, class Before>
    [[gnu::always_inline]] static void each(Table& table, View& view, std::size_t& at, std::size_t end, KeyAt& keyAt,
                                            HashAt hashAt, Before before, Hit& hit, Miss& miss) {
        for (; at < end; ++at) {
            bool found = false;
            typename Table::Slot* slot = nullptr;
            for (; at < end; ++at) {
                before(at);
                const auto& key = keyAt(at);
                slot = view.locate(key, hashAt(at, key), found);
                if (!found || !take(hit, at, slot->value)) [[unlikely]]
                    break;
            }
            if (at == end) return;
            if (found) {
                if constexpr (kMayDecline) hit.declined(at, slot->value);
            } else {
                const auto& key = keyAt(at);
                table.insert(view, slot, key, hashAt(at, key), [&]() -> decltype(auto) { return miss(at); });
            }
        }
    }
};

/// Runs a `KeyedTableScan` over the records [at, end).
template <class Table, class KeyAt, class Hit, class Miss>
[[gnu::always_inline]] inline void scanKeyedTable(Table& table, std::size_t& at, std::size_t end,
                                                  const std::uint32_t* hashes, KeyAt keyAt, Hit hit, Miss miss) {
    KeyedTableScan<Table, KeyAt, Hit, Miss>::scan(table, at, end, hashes, keyAt, hit, miss);
    table.report();
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEYED_TABLE_SCAN_HPP
