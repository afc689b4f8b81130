#ifndef MILLRACE_STATE_KEYED_STATE_STORE_HPP
#define MILLRACE_STATE_KEYED_STATE_STORE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/nearly_always.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table.hpp>
#include <millrace/state/state_cells.hpp>
#include <millrace/state/table_snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// What the entries of a state look like.
StateLayout layoutOf(const DeclaredState& state, const TypeInfo& key);

/// Throws a MillraceException: all keys are to be visited while one is current.
[[noreturn]] void throwInsideVisit();

/// The names of all states.
std::string namesOf(const StateCells& cells, std::string_view prefix);

/// All keyed states of one operator: one row per key, found once per record; handles (`ValueState`…) work on the row of
/// the current key.
/// ```
/// store.cells().declare(…); …; store.cells().seal(now, clock);      // handles do the first, by `declareState`
/// store.setCurrentKey(key, Table::hashOf(key)); … handles …; store.leaveKey();
/// store.scan(first, end, hashes, keyOf, [&](At at) { … handles … });       // the same for a run of records
/// ```
/// A key has an entry exactly while one of its states has a value; if moving keys may throw, from the first value on.
/// *Thread safety:* none. *State:* "state/<name>" by key group; another prefix where an operator has several stores.
template <class Key>
class KeyedStateStore {
    struct NotAttended {
        void operator()() const noexcept {}
    };

public:
    using Table = KeyedTable<Key, StateRow>;
    using Slot = typename Table::Slot;

    KeyedStateStore() {
        if constexpr (!Table::kErases) cells_.keepOutOfRows();
    }
    KeyedStateStore(const KeyedStateStore&) = delete;
    KeyedStateStore& operator=(const KeyedStateStore&) = delete;
    ~KeyedStateStore() {
        cells_.release(fresh_);
        if (cells_.needsRelease()) table_.forEach([&](const Key&, StateRow& row) { cells_.release(row); });
    }

    StateCells& cells() noexcept { return cells_; }
    const StateCells& cells() const noexcept { return cells_; }
    /// Before the first key: memory and keys are counted there.
    void chargeTo(StateMemory& account) noexcept {
        table_.chargeTo(account);
        cells_.chargeTo(account);
    }
    /// "state/count, state/last": for messages.
    std::string describe(const char* prefix = "state/") const { return namesOf(cells_, prefix); }
    /// Number of keys that have state.
    std::size_t size() const noexcept { return table_.size(); }
    /// Cleans up and counts the keys that have come and gone since: after some have been current one at a time.
    [[gnu::noinline]] void report() { endRun(); }

    // ---- one key at a time ----

    /// Makes `key` the current one, after leaving another. `hash` is `Table::hashOf(key)`.
    template <class K>
    void setCurrentKey(const K& key, std::uint64_t hash) {
        if (hasKey()) leaveKey();
        Slot* const slot = enter(table_.view(), Table::lookupKey(key), hash);
        if constexpr (kIntegerKey<Key>) current_ = &keptKey_;
        if (slot == nullptr) return;
        cells_.prepareToEnter();
        table_.keep(slot);
    }
    template <class K>
    void setCurrentKey(const K& key) {
        if (cells_.stateless()) {  // there is nothing to look up
            if (hasKey()) leaveKey();
            return keepKey(Table::lookupKey(key));
        }
        setCurrentKey(key, Table::hashOf(Table::lookupKey(key)));
    }
    /// No key is current any more. Keeps the row of a key that got its first state, and drops that of one that lost its
    /// last.
    void leaveKey() {
        if (cells_.attention()) leave();
        forgetKey();
    }
    /// For a key that will be current soon.
    void prefetch(const Key& key) {
        if (table_.wantsPrefetch()) table_.view().prefetchWhole(Table::hashOf(key));
    }
    bool hasKey() const noexcept { return current_ != nullptr; }
    /// Only while a key is current.
    const Key& currentKey() const noexcept { return *current_; }

    // ---- a run of records ----

    /// `call(at)` for each record from `first` to `end`, which are indices or pointers, with its key, `keyOf(at)`, as the
    /// current one, and `attend()` behind a call that has called for attention (`cells().runEnd`). `hashes` are those of
    /// the exchange, or null.
    /// When something throws, `abandonRun` must follow. The loop itself has neither `catch` nor destructors: what lives across
    /// a call that may end there would be in memory, with g++, not in a register.
    template <class At, class KeyOf, class Call, class Attend = NotAttended>
    [[gnu::always_inline]] void scan(At first, At end, const std::uint32_t* hashes, KeyOf keyOf, Call call,
                                     Attend attend = {}) {
        const auto size = static_cast<std::size_t>(end - first);
        if (hasKey()) leaveKey();
        // with a copy of the selector: one that this, which is not inlined, had the address of would not stay in a register
        if (table_.needsKeeping()) [[unlikely]]
            table_.keepFor(0, size, [first, keyOf](std::size_t i) -> decltype(auto) { return keyOf(first + i); });
        auto view = table_.view();
        cells_.prepareToEnter();
        if constexpr (kIntegerKey<Key>) {
            current_ = &keptKey_;
            // hashing is for nothing: keys are looked at twice
            const bool prefetches = table_.wantsPrefetch();
            const auto prefetch = [&](At from, std::size_t count) __attribute__((always_inline)) {
                const At to = from + std::min(count, static_cast<std::size_t>(end - from));
                for (; from != to; ++from) {
                    view.prefetchWhole(Table::hashOf(Table::lookupKey(keyOf(from))));
                }
            };
            if (prefetches) prefetch(first, kAhead);
            const std::size_t together = prefetches ? kTogether : size;
            for (At at = first; at != end;) {
                const auto left = static_cast<std::size_t>(end - at);
                if (prefetches && left > kAhead) prefetch(at + kAhead, together);
                const At to = at + std::min(together, left);
                const auto visit = [&](At record) __attribute__((always_inline)) {
                    const Key key = Table::lookupKey(keyOf(record));
                    enter(view, key, Table::hashOf(key));
                    call(record);
                };
                visitEach(at, to, visit, view, attend);
            }
        } else {
            std::uint64_t ahead[kChunk];
            for (At from = first; from != end;) {
                const std::size_t count = std::min(kChunk, static_cast<std::size_t>(end - from));
                const auto done = static_cast<std::size_t>(from - first);
                for (std::size_t i = 0; i < count; ++i) {
                    ahead[i] = hashes != nullptr ? Slot::hashOf(hashes[done + i]) : Table::hashOf(keyOf(from + i));
                }
                const bool prefetches = table_.wantsPrefetch();
                for (std::size_t i = 0; prefetches && i < std::min(kAhead, count); ++i) view.prefetchWhole(ahead[i]);
                const auto visit = [&](std::size_t i) __attribute__((always_inline)) {
                    if (prefetches && i + kAhead < count) view.prefetchWhole(ahead[i + kAhead]);
                    enter(view, keyOf(from + i), ahead[i]);
                    call(from + i);
                    endCall();
                };
                std::size_t i = 0;
                visitEach(i, count, visit, view, attend);
                from += count;
            }
        }
        leaveRun();
        cells_.recordsCame(size);
        endRun();
    }

    /// The same where no state has been declared.
    template <class At, class KeyOf, class Call>
    [[gnu::always_inline]] void scanStateless(At first, At end, KeyOf keyOf, Call call) {
        if (hasKey()) leaveKey();
        for (At at = first; at != end; ++at) {
            keepKey(Table::lookupKey(keyOf(at)));
            call(at);
            endCall();
        }
        leaveRun();
    }

    /// What is thrown from here on is of a call for this record; null: it is not of a call. A run says the latter itself where
    /// it does something that may throw between two calls, and before `attend`; key selectors must.
    void beginCall(const void* record) noexcept { calledFor_ = record; }
    /// Behind a run in which something was thrown: no key is current, and whatever the call did to its state is no longer of
    /// interest, as the task fails. The record of the call that threw; null if it was not a call, or has not said what for.
    const void* abandonRun() noexcept {
        forgetKey();
        return std::exchange(calledFor_, nullptr);
    }

    /// Ends all states of the current key.
    void clearCurrentKey() noexcept {
        for (std::size_t i = 0; i < cells_.stateCount(); ++i) cells_.clear(cells_.state(i));
    }
    bool contains(const Key& key) {
        const StateRow* const row = table_.find(key);
        return row != nullptr && cells_.hasAny(*row);
    }

    // ---- all keys ----

    /// Drops all keys with their states.
    void clear() {
        if (hasKey()) leaveKey();
        table_.thaw();
        // cells that are plain, too: their rows are used again
        if (!cells_.keepsRowsInline() && !table_.empty()) {
            table_.forEach([&](const Key&, StateRow& row) { cells_.release(row); });
        }
        table_.clear();
    }

    /// `fn(const Key&)` for each key that has a value of `state`, with that key current; `fn` may read and write the
    /// current key's states. *Failure:* MillraceException inside of another visit; whatever `fn` throws: what it has done to
    /// states by then stays.
    template <class Fn>
    void forEachKey(const DeclaredState& state, Fn fn) {
        if (hasKey()) throwInsideVisit();
        table_.thaw();
        std::vector<Key> emptied;  // dropped afterwards: entries behind a dropped one move
        try {
            table_.forEach([&](const Key& key, StateRow& row) {
                if (!cells_.has(row, state)) return;
                cells_.enter(row);
                current_ = &key;
                try {
                    fn(key);
                } catch (...) {
                    if (cells_.isEmpty()) emptied.push_back(key);
                    throw;
                }
                if (cells_.isEmpty()) emptied.push_back(key);
            });
        } catch (...) {
            endVisit(emptied);
            throw;
        }
        endVisit(emptied);
    }
    /// Keys that have any state.
    template <class Fn>
    void forEachKey(Fn fn) {
        table_.forEach([&](const Key& key, StateRow& row) {
            if (cells_.hasAny(row)) fn(key);
        });
    }

    void snapshot(SnapshotSink& sink, std::string_view uid, int maxParallelism, const char* prefix = "state/") {
        for (std::size_t i = 0; i < cells_.stateCount(); ++i) {
            const DeclaredState& state = cells_.state(i);
            const std::string piece = prefix + state.name;
            // what has expired by now is not written, also if that happens later
            const Timestamp now = state.ttl.isEnabled() ? cells_.now() : kMinTimestamp;
            // a cell in the row itself can be written later, without the cells
            const bool inRow = cells_.keepsRowsInline();
            writeTable(sink, table_, inRow, {std::string(uid), piece, maxParallelism, kFormat},
                       layoutOf(state, kTypeInfo<Key>),
                       [cell = state.cell, cells = inRow ? nullptr : &cells_, &state, now](
                           ByteWriter& group, const Key& key, const StateRow& row) {
                           if (cells != nullptr && !cells->isAlive(row, state, now)) return;
                           Codec<Key>::encode(key, group);
                           if (cells == nullptr) {
                               StateCells::encodeInline(row, *cell, group);
                           } else {
                               cells->encode(row, state, now, group);
                           }
                       });
        }
    }
    /// After `seal`. *Failure:* CodecException for a state of a type that this one cannot be read from, or damaged bytes.
    void restore(const SnapshotSource& source, std::string_view uid, const char* prefix = "state/") {
        for (std::size_t i = 0; i < cells_.stateCount(); ++i) {
            const DeclaredState& state = cells_.state(i);
            const StateLayout layout = layoutOf(state, kTypeInfo<Key>);
            readIntoTable(table_, source, uid, prefix + state.name, layout, kFormat, [&](ByteReader& reader) {
                const Key key = decodeState<Key>(reader);
                StateRow& row = table_.findOrInsert(key, [] { return StateRow{}; });
                cells_.decode(row, state, reader);
                if (!state.ttl.isEnabled() || !cells_.dropExpired(row, state, cells_.now())) return;
                if (!cells_.hasAny(row)) dropEntry(key);
            });
        }
        nextExpiry_ = nextOfPass_ = kMinTimestamp;  // what has been restored may be older
        table_.report();
    }

private:
    // far enough for a miss of ~150 ns, in loops of a few ns
    static constexpr std::size_t kAhead = 48;
    static constexpr std::size_t kTogether = 4;  // few: fill buffers that are taken make the next record wait
    static constexpr std::size_t kChunk = 256;
    static constexpr std::uint8_t kFormat = 1;

    /// Makes `key` the current one; gives its slot, or null if it has none yet. For integers `current_` is set by the caller.
    template <class K>
    [[gnu::always_inline]] Slot* enter(const typename Table::View& view, const K& key, std::uint64_t hash) {
        bool found = false;
        Slot* const slot = view.locate(key, hash, found);
        if (!nearlyAlways(found)) {
            enterFresh(key, hash);
            return nullptr;
        }
        cells_.enterNext(slot->value);
        if constexpr (kIntegerKey<Key>) {
            keptKey_ = key;
        } else {
            current_ = &slot->storedKey;
        }
        return slot;
    }
    /// `visit(at)`, which makes its key the current one, for each record up to `end`, of which there is one at least.
    template <class At, class Visit, class Attend>
    [[gnu::always_inline]] void visitEach(At& at, At end, Visit visit, typename Table::View& view, Attend& attend) {
        do {
            cells_.runEnd = asNumber(end);
            do {
                visit(at);
                ++at;
            } while (asNumber(at) < cells_.runEnd);
            if (cells_.attention()) {
                calledFor_ = nullptr;
                leave();
                cells_.leave();
                view = table_.view();
                attend();
                cells_.prepareToEnter();
            }
        } while (at != end);
    }
    static std::size_t asNumber(std::size_t index) noexcept { return index; }
    static std::size_t asNumber(const void* address) noexcept { return reinterpret_cast<std::uintptr_t>(address); }
    /// Keeps the row of a key that got its first state, and drops that of one that lost its last.
    [[gnu::noinline]] void leave() {
        cells_.runEnd = StateCells::kNoRun;
        if (std::exchange(hasNoEntry_, false)) {
            leaveFresh();
        } else if (!cells_.stateless() && cells_.isEmpty()) {
            dropEntry(*current_);
        }
    }
    /// As the current one, beside the table.
    template <class K>
    void keepKey(const K& key) {
        if constexpr (std::is_assignable_v<Key&, const K&>) {
            keptKey_ = key;  // strings keep their memory
        } else {
            keptKey_ = Key(key);
        }
        current_ = &keptKey_;
    }
    template <class K>
    [[gnu::noinline]] void enterFresh(const K& key, std::uint64_t hash) {
        calledFor_ = nullptr;
        keepKey(key);
        if (cells_.stateless()) return;  // only timers, say: there is nothing to keep
        freshHash_ = hash;
        if (fresh_.data != nullptr) cells_.release(fresh_);  // a call that threw has left something
        cells_.enterEmpty(fresh_);
        hasNoEntry_ = true;
    }
    void leaveFresh() {
        if (cells_.isEmpty()) {
            cells_.releaseEmpty(fresh_);
            return;
        }
        table_.findOrInsert(keptKey_, freshHash_, [this]() -> const StateRow& { return fresh_; });
        fresh_ = StateRow{};
    }
    void endVisit(const std::vector<Key>& emptied) {
        forgetKey();
        for (const Key& key : emptied) dropEntry(key);
        table_.report();
    }
    void dropEntry([[maybe_unused]] const Key& key) {
        if constexpr (Table::kErases) {
            bool found = false;
            Slot* const slot = table_.view().locate(key, Table::hashOf(key), found);
            if (found) dropSlot(slot);
        }
    }
    [[gnu::always_inline]] void endRun() {
        if (cells_.cleanupDue > 0) [[unlikely]]
            cleanUp();
        table_.report();
    }
    /// Goes on over the entries, as far as accesses have paid for, and ends what has expired.
    [[gnu::noinline]] void cleanUp() {
        forgetKey();
        const Timestamp now = cells_.now();
        // once over all of them is enough
        for (std::size_t left = table_.endPosition(); left > 0 && cells_.cleanupDue > 0; --left) {
            if (cleaned_ >= table_.endPosition()) {
                nextExpiry_ = std::exchange(nextOfPass_, saturatingAdd(now, cells_.shortestTtl()));
                cleaned_ = 0;
            }
            if (now < nextExpiry_) break;
            if (cleaned_ + kAhead < table_.capacity()) {
                if (const Slot& ahead = table_.slotAt(cleaned_ + kAhead); ahead.occupied())
                    cells_.prefetch(ahead.value);
            }
            Slot& slot = table_.slotAt(cleaned_);
            if (!slot.occupied()) {
                --cells_.cleanupDue;
            } else if (cells_.hasExpired(slot.value, now, nextOfPass_)) {
                table_.keep(&slot);
                cells_.dropExpired(slot.value, now);
                if constexpr (Table::kErases) {
                    if (!cells_.hasAny(slot.value)) {
                        dropSlot(&slot);
                        continue;  // another entry may have come there
                    }
                }
            }
            ++cleaned_;
        }
        cells_.cleanupDue = std::min<std::int64_t>(cells_.cleanupDue, 0);
    }
    void dropSlot(Slot* slot) noexcept {
        cells_.releaseEmpty(slot->value);
        table_.erase(slot);
    }
    /// Between two calls nothing is thrown where keys are integers.
    [[gnu::always_inline]] void endCall() noexcept {
        if constexpr (!kIntegerKey<Key>) calledFor_ = nullptr;
    }
    void leaveRun() noexcept {
        calledFor_ = nullptr;
        forgetKey();
    }
    void forgetKey() noexcept {
        current_ = nullptr;
        cells_.leave();
        cells_.runEnd = StateCells::kNoRun;
        hasNoEntry_ = false;
    }

    StateCells cells_;
    Table table_;
    const Key* current_ = nullptr;
    const void* calledFor_ = nullptr;
    bool hasNoEntry_ = false;  ///< the current key has none yet
    Key keptKey_{};            ///< integers are not stored as they are; and a key that has no entry yet
    std::uint64_t freshHash_ = 0;
    StateRow fresh_;  ///< of a key that has no entry yet
    // Cleanup: where it goes on, in passes over all entries. What comes while a pass is under way expires after its shortest
    // time to live at the earliest, what is there already is seen: so after a pass it is known how long there is nothing to do.
    // (An entry that moves back behind the position is looked at one pass later.)
    Timestamp nextExpiry_ = kMinTimestamp;
    Timestamp nextOfPass_ = kMinTimestamp;
    std::size_t cleaned_ = SIZE_MAX;  ///< position of the entry that is looked at next for what has expired
};

/// Declares the state of a descriptor, or finds it where that is over, and gives its handle:
/// `declareState<ValueState<int>>(cells, descriptor)`.
template <class Handle, class Descriptor>
Handle declareState(StateCells& cells, const Descriptor& descriptor) {
    const DeclaredState& state = cells.declare(descriptor, Handle::typeName(), Handle::cellType());
    if constexpr (requires { descriptor.function(); }) {
        return Handle(cells, state, descriptor.function());
    } else {
        return Handle(cells, state);
    }
}

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/keyed_state_store.ipp>
#endif

#endif  // MILLRACE_STATE_KEYED_STATE_STORE_HPP
