#ifndef MILLRACE_STATE_KEYED_TABLE_SCAN_HPP
#define MILLRACE_STATE_KEYED_TABLE_SCAN_HPP

#include <millrace/state/keyed_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace::detail {

/// Looks the keys of a run of records up, one after the other, with prefetching where the table is too large for the
/// cache. For record i: `hit(i, value)` if its key is known, else `miss(i)` makes the value of a new entry.
/// `keyAt(i)` gives the key (by value or reference), `hashes` may be null. `at` is the record at hand, also when one of
/// the callables throws.
template <class Table, class KeyAt, class Hit, class Miss>
class KeyedTableScan {
    static constexpr std::size_t kAhead = 24;
    static constexpr std::size_t kChunk = 256;

public:
    KeyedTableScan(Table& table, KeyAt keyAt, Hit hit, Miss miss) : table_(table), keyAt_(keyAt), hit_(hit), miss_(miss) {}

    [[gnu::always_inline]] void run(std::size_t& at, std::size_t end, const std::uint32_t* hashes) {
        if constexpr (kHashIsCheap) {
            (void)hashes;
            if (table_.wantsPrefetch()) {
                prefetching(at, end);
            } else {
                plain(at, end);
            }
        } else {
            hashingAhead(at, end, hashes);
        }
    }

private:
    using Key = typename Table::KeyType;
    static constexpr bool kHashIsCheap = kIntegerKey<Key>;

    [[gnu::always_inline]] void plain(std::size_t& at, std::size_t end) {
        auto view = table_.view();
        for (std::size_t i = at; i < end; ++i) {
            at = i;
            const auto& key = keyAt_(i);
            one(view, i, key, Table::hashOf(static_cast<Key>(key)));
        }
        at = end;
    }
    [[gnu::always_inline]] void prefetching(std::size_t& at, std::size_t end) {
        auto view = table_.view();
        const std::size_t ahead = std::min(kAhead, end - at);
        for (std::size_t i = at; i < at + ahead; ++i) view.prefetch(Table::hashOf(static_cast<Key>(keyAt_(i))));
        std::size_t i = at;
        for (; i + kAhead < end; ++i) {
            at = i;
            view.prefetch(Table::hashOf(static_cast<Key>(keyAt_(i + kAhead))));
            const auto& key = keyAt_(i);
            one(view, i, key, Table::hashOf(static_cast<Key>(key)));
        }
        for (; i < end; ++i) {
            at = i;
            const auto& key = keyAt_(i);
            one(view, i, key, Table::hashOf(static_cast<Key>(key)));
        }
        at = end;
    }
    void hashingAhead(std::size_t& at, std::size_t end, const std::uint32_t* hashes) {
        std::uint64_t ahead[kChunk];
        while (at < end) {
            auto view = table_.view();
            const std::size_t from = at;
            const std::size_t count = std::min(kChunk, end - from);
            for (std::size_t i = 0; i < count; ++i) {
                at = from + i;
                ahead[i] = hashes != nullptr ? Table::Slot::hashOf(hashes[at]) : Table::hashOf(keyAt_(at));
            }
            const bool prefetches = table_.wantsPrefetch();
            for (std::size_t i = 0; prefetches && i < std::min(kAhead, count); ++i) view.prefetch(ahead[i]);
            for (std::size_t i = 0; i < count; ++i) {
                at = from + i;
                if (prefetches && i + kAhead < count) view.prefetch(ahead[i + kAhead]);
                const auto& key = keyAt_(at);
                one(view, at, key, ahead[i]);
            }
            at = from + count;
        }
    }

    template <class K>
    [[gnu::always_inline]] void one(typename Table::View& view, std::size_t i, const K& key, std::uint64_t hash) {
        bool found = false;
        typename Table::Slot* const slot = view.locate(key, hash, found);
        if (found) [[likely]] {
            hit_(i, slot->value);
        } else {
            table_.insert(view, slot, key, hash, [&] { return miss_(i); });
        }
    }

    Table& table_;
    KeyAt keyAt_;
    Hit hit_;
    Miss miss_;
};

/// Runs a `KeyedTableScan` over the records [at, end).
template <class Table, class KeyAt, class Hit, class Miss>
[[gnu::always_inline]] inline void scanKeyedTable(Table& table, std::size_t& at, std::size_t end,
                                                  const std::uint32_t* hashes, KeyAt keyAt, Hit hit, Miss miss) {
    KeyedTableScan<Table, KeyAt, Hit, Miss>(table, keyAt, hit, miss).run(at, end, hashes);
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEYED_TABLE_SCAN_HPP
