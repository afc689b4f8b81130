#ifndef MILLRACE_STATE_KEYED_TABLE_HPP
#define MILLRACE_STATE_KEYED_TABLE_HPP

#include <millrace/state/frozen_memory.hpp>
#include <millrace/state/table_keepers.hpp>
#include <millrace/state/table_memory.hpp>
#include <millrace/state/table_slot.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// How tables with such keys are gone through. It decides what that costs, never what comes out: tests that compare the two
/// specialise it for key types of their own.
template <class Key>
struct TableTuning {
    static constexpr std::size_t kPrefetchFrom = 512 * 1024;  ///< more bytes are not in the cache: half of a usual L2
    static constexpr std::size_t kRunFrom = 16;               ///< so many records with one key are taken in registers
};

/// Keyed state in memory: a flat table with open addressing and linear probing.
///
/// The hot path works on a `View`, a copy of what a probe needs that lives in registers:
/// ```
/// auto view = table.view();
/// bool found;
/// auto* slot = view.locate(key, hash, found);
/// if (!found) slot = table.insert(view, slot, key, hash, [&] { return Value{…}; });   // may grow: refreshes the view
/// ```
/// Entries found by `locate` may only be changed after `keep`, where a snapshot of the table may be open: see `freeze`.
/// Small tables stay nearly empty so that probes end at once; large ones are dense so that more of them is in cache.
/// *Thread safety:* none. *Failure:* if making a value or growing throws, the table has the entries that it had; it may have grown.
template <class Key, class Value>
class KeyedTable {
public:
    using KeyType = Key;
    using ValueType = Value;
    using Slot = TableSlot<Key, Value>;
    static constexpr bool kPlain = std::is_trivially_destructible_v<Value> && std::is_trivially_destructible_v<Key>;
    /// Whether entries are no more than their bytes, so that a copy of the memory is a copy of the table.
    static constexpr bool kFreezes = kPlain && std::is_trivially_copyable_v<Value> && std::is_trivially_copyable_v<Key>;

    /// Where a key is, or would be put.
    struct View {
        Slot* slots;
        std::size_t mask;
        int shift;
        Slot* side;  ///< the entry of the key that looks like a free one

        /// `key` may be of any type that compares and hashes like the key: a view, a tuple of references…
        template <class K>
        [[gnu::always_inline]] Slot* locate(const K& key, std::uint64_t hash, bool& found) const {
            if constexpr (kIntegerKey<Key>) {
                if (static_cast<typename Slot::Unsigned>(hash) == 0) [[unlikely]] {
                    found = side->occupied();
                    return side;
                }
            }
            Slot* slot = slots + (hash >> shift);
            for (;;) {
                if (slot->holds(key, hash)) [[likely]] {
                    found = true;
                    return slot;
                }
                if (!slot->occupied()) {
                    found = false;
                    return slot;
                }
                slot = behind(slot);
            }
        }
        /// The slot to try next.
        Slot* behind(Slot* slot) const noexcept { return slots + (static_cast<std::size_t>(slot + 1 - slots) & mask); }
        // always_inline: g++ takes a call of a function that only prefetches for one without effect, and drops it
        [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept {
            __builtin_prefetch(slots + (hash >> shift), 1);
        }
        /// The same for entries that are touched to their end, which may lie in the next cache line.
        [[gnu::always_inline]] void prefetchWhole(std::uint64_t hash) const noexcept {
            prefetch(hash);
            if constexpr (64 % sizeof(Slot) != 0) {
                __builtin_prefetch(reinterpret_cast<const char*>(slots + (hash >> shift) + 1) - 1, 1);
            }
        }
    };

    KeyedTable() = default;
    KeyedTable(const KeyedTable&) = delete;
    KeyedTable& operator=(const KeyedTable&) = delete;
    [[gnu::cold]] ~KeyedTable() {
        freezer_.thaw();  // its reader may still want it; who keeps entries belongs to the same task, and goes with it
        destroyAll();
        if (account_ != nullptr) account_->countEntries(0, reported_);
    }

    /// Before the first entry: memory and entries are counted there.
    void chargeTo(StateMemory& account) noexcept { account_ = &account; }
    /// Counts the entries that have come since: after a run of records.
    [[gnu::always_inline]] void report() noexcept {
        if (account_ != nullptr && size() != reported_) [[unlikely]]
            account_->countEntries(size(), std::exchange(reported_, size()));
    }

    [[gnu::always_inline]] View view() {
        if (capacity_ == 0) [[unlikely]]
            allocate(kMinCapacity);
        return {slots_, capacity_ - 1, shift_, side_.get()};
    }

    template <class K>
    static std::uint64_t hashOf(const K& key) {
        return Slot::hashOf(key);
    }

    /// The same by a call: see `keyHashByCall`.
    template <class K>
    static std::uint64_t hashByCall(const K& key) {
        if constexpr (kIntegerKey<Key>) {
            return Slot::hashOf(key);
        } else {
            return Slot::hashByCall(key);
        }
    }

    /// What to look a selector's result up by: integers as the key type, anything else as it is.
    template <class K>
    static decltype(auto) lookupKey(const K& key) noexcept {
        if constexpr (kIntegerKey<Key>) {
            return static_cast<Key>(key);
        } else {
            return (key);
        }
    }

    template <class K>
    Value* find(const K& key) {
        return find(key, hashOf(key));
    }
    template <class K>
    [[gnu::noinline]] Value* find(const K& key, std::uint64_t hash) {
        if (size() == 0) return nullptr;
        bool found = false;
        Slot* const slot = view().locate(key, hash, found);
        if (!found) return nullptr;
        keep(slot);
        return &slot->value;
    }

    /// The value of the key; `make()` gives the first one.
    template <class K, class Make>
    Value& findOrInsert(const K& key, Make&& make) {
        return findOrInsert(key, hashOf(key), std::forward<Make>(make));
    }
    template <class K, class Make>
    Value& findOrInsert(const K& key, std::uint64_t hash, Make&& make) {
        View where = view();
        bool found = false;
        Slot* slot = where.locate(key, hash, found);
        if (found) {
            keep(slot);
        } else {
            slot = insert(where, slot, key, hash, std::forward<Make>(make));
        }
        return slot->value;
    }

    /// A value for a key that has none; for what is seldom done, since it is one function for all who do it.
    template <class K>
    [[gnu::cold, gnu::noinline]] Value& put(const K& key, std::uint64_t hash, Value&& value) {
        return findOrInsert(key, hash, [&] { return std::move(value); });
    }

    /// Puts a new entry where `locate` found none.
    template <class K, class Make>
    [[gnu::always_inline]] Slot* insert(View& where, Slot* slot, const K& key, std::uint64_t hash, Make&& make) {
        if constexpr (kIntegerKey<Key>) {
            if (slot == side_.get()) [[unlikely]] {
                ::new (static_cast<void*>(std::addressof(slot->value))) Value(make());
                slot->lowHash = 1;  // anything but free
                return slot;
            }
        }
        if (size_ >= limit_) [[unlikely]] {
            growTo(2 * capacity_);
            where = view();
            slot = placeFor(where, key, hash);
        }
        if constexpr (kIntegerKey<Key>) {
            occupy(slot, key, hash, std::forward<Make>(make));
        } else {
            insertByCall(slot, key, hash, Value(make()));
        }
        return slot;
    }

    /// Whether single entries can be taken out: those behind them have to move.
    static constexpr bool kErases =
        std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_constructible_v<Value>;
    /// Ends an entry. Entries behind it may move: slots and values found before are no longer good.
    void erase(Slot* slot) noexcept
        requires kErases
    {
        keep(slot);
        slot->release();
        if (slot == side_.get()) return;
        --size_;
        const std::size_t mask = capacity_ - 1;
        std::size_t hole = static_cast<std::size_t>(slot - slots_);
        for (std::size_t at = (hole + 1) & mask; slots_[at].occupied(); at = (at + 1) & mask) {
            if (((at - (slots_[at].storedHash() >> shift_)) & mask) < ((at - hole) & mask)) continue;
            keep(slots_ + at);  // the hole has been kept
            slots_[hole].moveFrom(slots_[at]);
            slots_[at].release();
            hole = at;
        }
    }

    /// Makes room for so many entries, so that the table does not grow on the way there. *Failure:* as when it grows.
    void reserve(std::size_t entries) {
        std::size_t capacity = kMinCapacity;
        while (limitOf(capacity) < entries) capacity *= 2;
        if (capacity <= capacity_) return;
        if (capacity_ == 0) {
            allocate(capacity);
        } else {
            growTo(capacity);
        }
    }

    std::size_t size() const noexcept { return size_ + (side_->occupied() ? 1 : 0); }
    bool empty() const noexcept { return size() == 0; }
    std::size_t memoryBytes() const noexcept { return memory_.bytes(); }
    /// Whether looking up in random order mostly misses the cache. (In a table that fits, prefetching costs 12-18 %.)
    bool wantsPrefetch() const noexcept { return memory_.bytes() > TableTuning<Key>::kPrefetchFrom; }

    // ---- going over all entries, in pieces if need be ----
    // Positions run from 0 to endPosition(); the table must not grow in between.

    std::size_t endPosition() const noexcept { return capacity_ + 1; }
    /// The entry, occupied or free, at a position.
    Slot& slotAt(std::size_t position) const noexcept { return position < capacity_ ? slots_[position] : *side_; }

    /// Writes up to `room` occupied entries from `position` on to `found`, moves `position` and returns how many.
    std::size_t gather(std::size_t& position, Slot** found, std::size_t room) noexcept {
        thaw();  // who gathers goes over all of them
        std::size_t count = 0;
        Slot* at = slots_ + position;
        // without a branch on what is occupied: in a large table no predictor gets that right
        for (Slot* const end = slots_ + capacity_; at < end && count < room; ++at) {
            found[count] = at;
            count += at->occupied() ? 1 : 0;
        }
        if (position <= capacity_) position = static_cast<std::size_t>(at - slots_);
        if (position == capacity_ && count < room) {
            if (side_->occupied()) found[count++] = side_.get();
            ++position;
        }
        return count;
    }
    decltype(auto) keyOf(const Slot& slot) const noexcept {
        if constexpr (kIntegerKey<Key>) {
            return &slot == side_.get() ? static_cast<Key>(Slot::kSideKey) : slot.key();
        } else {
            return (slot.storedKey);
        }
    }
    std::size_t capacity() const noexcept { return capacity_; }
    const Slot* slots() const noexcept { return slots_; }
    const Slot& sideSlot() const noexcept { return *side_; }
    /// `fn(const Key&, const Value&)` for each entry in slots of a table, or in a copy of them.
    template <class Fn>
    static void forEachOf(const Slot* slots, std::size_t count, Fn&& fn) {
        for (std::size_t i = 0; i < count; ++i) {
            if (!slots[i].occupied()) continue;
            if constexpr (kIntegerKey<Key>) {
                fn(slots[i].key(), slots[i].value);
            } else {
                fn(slots[i].storedKey, slots[i].value);
            }
        }
    }
    /// The same for the entry beside them.
    template <class Fn>
    static void forSide(const Slot& side, Fn&& fn) {
        if constexpr (kIntegerKey<Key>) {
            if (side.occupied()) fn(static_cast<Key>(Slot::kSideKey), side.value);
        }
    }
    /// `fn(const Key&, Value&)` for each entry, in no particular order.
    template <class Fn>
    void forEach(Fn&& fn) {
        for (std::size_t i = 0; i < capacity_; ++i) {
            if (slots_[i].occupied()) fn(keyOf(slots_[i]), slots_[i].value);
        }
        if (side_->occupied()) fn(keyOf(*side_), side_->value);
    }

    // ---- snapshots that are written while the table changes ----

    static constexpr std::size_t kSlotsFrozenTogether = std::bit_floor(std::max<std::size_t>(1, 4096 / sizeof(Slot)));

    /// The memory of the table as it is now, or null where it is so small that it is better written at once. While the
    /// reader has it, `keep` comes before every change of an entry that the table does not make itself.
    FrozenMemory* freeze()
        requires kFreezes
    {
        if (memory_.bytes() < kWorthFreezing) return nullptr;
        return &freezer_.freeze({reinterpret_cast<const std::byte*>(slots_), capacity_ * sizeof(Slot),
                                 kSlotsFrozenTogether * sizeof(Slot), &copyOccupied});
    }
    [[gnu::always_inline]] void keep(const Slot* slot) noexcept {
        if (slot == side_.get()) return;  // copied at once
        const auto at = static_cast<std::size_t>(slot - slots_);
        if constexpr (kFreezes) freezer_.keep(at / kSlotsFrozenTogether);
        if (!keepers_.empty()) [[unlikely]]
            keepers_.keep(at);
    }
    /// Whether entries have to be kept before a run of records changes them: then `keepFor` is called.
    [[gnu::always_inline]] bool needsKeeping() noexcept {
        bool needs = !keepers_.empty();
        if constexpr (kFreezes) needs = freezer_.needsKeeping() || needs;
        return needs;
    }
    /// Keeps the entries of the keys `keyAt(at)`, `keyAt(at + 1)`… before `end`.
    template <class KeyAt>
    [[gnu::noinline]] void keepFor(std::size_t at, std::size_t end, KeyAt keyAt) {
        constexpr std::size_t kAhead = 32;
        const View where = view();
        for (; at < end; ++at) {
            if (at + kAhead < end) where.prefetch(hashByCall(lookupKey(keyAt(at + kAhead))));
            const auto& key = keyAt(at);
            bool found = false;
            Slot* const slot = where.locate(lookupKey(key), hashByCall(lookupKey(key)), found);
            if (found) keep(slot);
        }
    }
    /// Entries may be changed without further ado.
    void thaw() noexcept {
        freezer_.thaw();
        if (!keepers_.empty()) [[unlikely]]
            keepers_.keepAll();
    }
    /// Those who have to see entries before they change: `keep` tells them. All but the entry beside the slots.
    TableKeepers& keepers() noexcept { return keepers_; }

    /// Frees an entry while draining; `drained()` must follow once all entries have been freed.
    static void release(Slot& slot) noexcept { slot.release(); }
    void drained() noexcept { finishClear(size_); }

    /// Ends all entries. Keeps the memory, unless it was far too large for what was in it.
    [[gnu::noinline]] void clear() noexcept {
        if (empty()) return;
        thaw();
        for (std::size_t i = 0; i < capacity_; ++i) {
            if (slots_[i].occupied()) slots_[i].release();
        }
        if (side_->occupied()) side_->release();
        finishClear(size_);
    }

private:
    /// Where a key goes that is not there.
    template <class K>
    [[gnu::noinline]] static Slot* placeFor(View where, const K& key, std::uint64_t hash) {
        bool found = false;
        return where.locate(key, hash, found);
    }
    template <class K, class Make>
    [[gnu::always_inline]] void occupy(Slot* slot, const K& key, std::uint64_t hash, Make&& make) {
        keep(slot);
        ::new (static_cast<void*>(std::addressof(slot->value))) Value(make());
        if constexpr (std::is_nothrow_constructible_v<Key, const K&>) {
            slot->occupy(key, hash);
        } else {
            try {
                slot->occupy(key, hash);
            } catch (...) {
                std::destroy_at(std::addressof(slot->value));
                throw;
            }
        }
        ++size_;
    }
    /// One function for all who put entries in: keys that are more than numbers take long enough to copy.
    template <class K>
    [[gnu::noinline]] void insertByCall(Slot* slot, const K& key, std::uint64_t hash, Value&& value) {
        occupy(slot, key, hash, [&]() -> Value&& { return std::move(value); });
    }

    static constexpr std::size_t kMinCapacity = 16;
    static constexpr std::size_t kSmallBytes = 64 * 1024;
    static constexpr std::size_t kWorthFreezing = 128 * 1024;

    /// Copies those of the slots that are occupied, of so many as are frozen together. Without a branch: which they are cannot
    /// be foreseen.
    static std::size_t copyOccupied(const std::byte* from, std::byte* to) noexcept {
        std::byte* const begin = to;
        for (std::size_t i = 0; i < kSlotsFrozenTogether; ++i, from += sizeof(Slot)) {
            std::memcpy(to, from, sizeof(Slot));
            to += sizeof(Slot) * static_cast<std::size_t>(reinterpret_cast<const Slot*>(from)->occupied());
        }
        return static_cast<std::size_t>(to - begin);
    }

    static std::size_t limitOf(std::size_t capacity) noexcept {
        // where an entry fills cache lines of its own, the next one is another miss, which nothing has been prefetched for
        const bool sparse = sizeof(Slot) >= 64 || 2 * capacity * sizeof(Slot) <= kSmallBytes;
        return sparse ? capacity / 2 : capacity / 5 * 4;
    }

    [[gnu::noinline]] void allocate(std::size_t capacity) {
        TableMemory memory(capacity * sizeof(Slot), account_);
        adopt(std::move(memory), capacity);
    }
    void adopt(TableMemory memory, std::size_t capacity) noexcept {
        memory_ = std::move(memory);
        slots_ = static_cast<Slot*>(memory_.data());
        capacity_ = capacity;
        shift_ = 64 - std::countr_zero(capacity);
        limit_ = limitOf(capacity);
    }

    /// A sequential pass over old and new memory: entries keep their order, since the high bits place them.
    [[gnu::noinline]] void growTo(std::size_t capacity) {
        thaw();
        report();
        const std::size_t mask = capacity - 1;
        const int shift = 64 - std::countr_zero(capacity);
        TableMemory memory(capacity * sizeof(Slot), account_);
        auto* const slots = static_cast<Slot*>(memory.data());
        try {
            for (std::size_t i = 0; i < capacity_; ++i) {
                if (!slots_[i].occupied()) continue;
                std::size_t at = slots_[i].storedHash() >> shift;
                while (slots[at].occupied()) at = (at + 1) & mask;
                slots[at].moveFrom(slots_[i]);
            }
        } catch (...) {
            for (std::size_t i = 0; i < capacity; ++i) {
                if (slots[i].occupied()) slots[i].release();
            }
            throw;
        }
        if constexpr (!kPlain) {
            for (std::size_t i = 0; i < capacity_; ++i) {
                if (slots_[i].occupied()) slots_[i].release();
            }
        }
        adopt(std::move(memory), capacity);
    }

    [[gnu::noinline]] void finishClear(std::size_t used) noexcept {
        size_ = 0;
        report();
        if (memory_.bytes() > kSmallBytes && used < capacity_ / 16) {
            memory_ = TableMemory();
            slots_ = nullptr;
            capacity_ = 0;
            limit_ = 0;
        }
    }

    void destroyAll() noexcept {
        if constexpr (!kPlain) {
            for (std::size_t i = 0; i < capacity_; ++i) {
                if (slots_[i].occupied()) slots_[i].release();
            }
            if (side_->occupied()) side_->release();
        }
    }

    /// The entry of the key that looks like a free one, as raw memory: its value only lives while it is occupied.
    class SideSlot {
    public:
        Slot* get() const noexcept { return const_cast<Slot*>(reinterpret_cast<const Slot*>(bytes_)); }
        Slot* operator->() const noexcept { return get(); }
        Slot& operator*() const noexcept { return *get(); }

    private:
        alignas(Slot) std::byte bytes_[sizeof(Slot)] = {};
    };

    Slot* slots_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;   // without the side entry
    std::size_t limit_ = 0;  // grows beyond
    int shift_ = 64;
    std::size_t reported_ = 0;        // entries
    StateMemory* account_ = nullptr;  // null: nobody counts
    TableMemory memory_;
    SideSlot side_;
    Freezer freezer_;
    TableKeepers keepers_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEYED_TABLE_HPP
