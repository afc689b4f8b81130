#ifndef MILLRACE_STATE_STATE_CELLS_HPP
#define MILLRACE_STATE_STATE_CELLS_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/nearly_always.hpp>
#include <millrace/state/state_ttl_config.hpp>
#include <millrace/state/table_memory.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millrace {

/// What all descriptors of keyed state have: a name, unique within the operator, and perhaps a time to live. @public
class StateDescriptor {
public:
    explicit StateDescriptor(std::string name) : name_(std::move(name)) {}
    StateDescriptor(std::string name, StateTtlConfig ttl) : name_(std::move(name)), ttl_(ttl) {}

    void enableTimeToLive(StateTtlConfig ttl) noexcept { ttl_ = ttl; }
    const std::string& name() const noexcept { return name_; }
    /// Not enabled: for ever.
    const StateTtlConfig& ttl() const noexcept { return ttl_; }

private:
    std::string name_;
    StateTtlConfig ttl_;
};

namespace detail {

struct TypeInfo;

/// All states of one key. If one small value is all that an operator keeps it lies in the row itself: a row is kept exactly
/// while it has a value. In all other operators, and of a key that has no value, the row points to the cells; before them stands
/// which of the states have a value (bit i: the i-th state of the operator).
struct StateRow {
    union {
        std::byte* data = nullptr;
        alignas(8) std::byte inlined[8];
    };
};

/// Whether rows of such cells alone can be kept inline; where a state stands beside others they are not.
template <class Cell>
inline constexpr bool kMayLieInRow = std::is_trivially_copyable_v<Cell> && sizeof(Cell) <= sizeof(StateRow);

/// Gives stamps and the time to the cells of a state with a time to live.
struct CellTime {
    bool stamped = false;           ///< the state has a time to live
    Timestamp* stamp = nullptr;     ///< of the whole cell; null for cells that stamp their elements, or not stamped
    Timestamp now = kMinTimestamp;  ///< stamp of what was saved without one
    Timestamp expiredUpTo = kMinTimestamp;  ///< parts with such stamps are not written
    StateMemory* memory = nullptr;          ///< where a cell that is made counts what it owns; null: nowhere
};

/// Of a cell of parts that have a stamp each: how many there are, how many of them have expired, and the oldest stamp.
struct CellParts {
    std::size_t all = 0;
    std::size_t expired = 0;
    Timestamp oldest = kMaxTimestamp;
};

/// The operations on a cell that do not happen per record.
struct CellType {
    std::uint32_t size;
    std::uint32_t align;
    bool plain;           ///< trivially copyable: nothing to end
    bool stampsElements;  ///< a cell of several parts that have a stamp each
    void (*destroy)(void* cell) noexcept;
    void (*encode)(const void* cell, const CellTime& time, ByteWriter& writer);
    void (*decode)(void* raw, const CellTime& time, ByteReader& reader);  ///< makes the cell
    const TypeInfo* contents;  ///< what is written, without the stamp of the whole cell
    // of cells that stamp their elements; parts with stamps up to `expiredUpTo` have expired
    CellParts (*countParts)(const void* cell, Timestamp expiredUpTo) noexcept = nullptr;
    void (*dropExpired)(void* cell, Timestamp expiredUpTo) = nullptr;
};

/// A state that an operator has declared.
struct DeclaredState {
    std::string name;
    std::string type;  ///< kind and codec names: value<i64>
    const CellType* cell;
    std::uint64_t bit;
    std::uint32_t offset;
    std::uint32_t stampOffset;  ///< of the stamp of the whole cell; only with `ttl`
    StateTtlConfig ttl;
    std::int64_t cleanupPerAccess = 0;  ///< see `StateCells::cleanupDue`

    /// What has such a stamp or an earlier one has expired at `now`; with `kSpentStamp` it has in any case.
    Timestamp expiredUpTo(Timestamp now) const noexcept { return saturatingSubtract(now, ttl.ttl()); }
    bool expired(Timestamp stamp, Timestamp now) const noexcept { return saturatingAdd(stamp, ttl.ttl()) <= now; }
    bool stampsOnRead() const noexcept { return ttl.updateType() == StateTtlConfig::UpdateType::OnReadAndWrite; }
    bool returnsExpired() const noexcept {
        return ttl.stateVisibility() == StateTtlConfig::StateVisibility::ReturnExpiredIfNotCleanedUp;
    }
};

/// A stamp of what has been returned once after it had expired, and goes with the next read.
inline constexpr Timestamp kSpentStamp = kMinTimestamp;

/// The row of the current key, for the handles of states; the layout and the memory of all rows.
/// Handles find a cell in the row if that has its value (`valueInRow`), or else among the cells that the row points to, if its
/// bit is among what is present there: no search, no indirect call.
/// *Thread safety:* none.
class StateCells {
public:
    using Now = Timestamp (*)(const void* clock);

    StateCells() = default;
    StateCells(const StateCells&) = delete;
    StateCells& operator=(const StateCells&) = delete;
    MILLRACE_INLINE_COLD ~StateCells();

    // ---- per record ----
    StateRow* row = noRow();  ///< of the current key; while there is none, one that has no state
    bool valueInRow = false;  ///< rows are kept inline and the current key has a value

    bool hasKey() const noexcept { return row != &kNoRow; }
    /// A row of a key that has a state.
    void enter(StateRow& current) noexcept {
        prepareToEnter();
        enterNext(current);
    }
    /// The same for one of a run of rows: `prepareToEnter` comes before the first, and behind a key that called for attention.
    void enterNext(StateRow& current) noexcept { row = &current; }
    void prepareToEnter() noexcept { valueInRow = inlined_; }
    /// The row of a key that has none; it must stay until the key is left.
    void enterEmpty(StateRow& empty) noexcept {
        row = &empty;
        becomeEmpty();
    }
    /// Whether the current key has no state. Only where states are declared and a key is current.
    bool isEmpty() const noexcept { return !currentHas(~std::uint64_t{0}); }
    /// Whether the current key has one of the states with these bits; of a row that is kept inline, whether it has its value.
    bool currentHas(std::uint64_t bits) const noexcept { return valueInRow || isPresent(bits); }
    /// The same if there is no `valueInRow`: only then does the row point to anything.
    bool isPresent(std::uint64_t bits) const noexcept { return (*presentOf(row->data) & bits) != 0; }
    /// Where the run of records at hand ends, as an index or an address; 0 once there is something to do before the next
    /// record: the key had no state when it was entered, or one was cleared. So one comparison tells both. While a run lasts it may
    /// only become 0. Others may make it that, too, and are told by `KeyedStateStore::scan` only: leaving a key resets it.
    std::size_t runEnd = kNoRun;
    static constexpr std::size_t kNoRun = SIZE_MAX;
    bool attention() const noexcept { return runEnd == 0; }
    void callForAttention() noexcept { runEnd = 0; }
    void leave() noexcept {
        row = noRow();
        valueInRow = false;
    }
    Timestamp now() const { return now_(clock_); }

    // ---- for handles, when a cell comes or goes ----
    /// Room for the cell of a state that the current key does not have. The caller makes the cell and calls `made`.
    /// *Failure:* MillraceException if no key is current.
    void* room(const DeclaredState& state) {
        if (!hasKey()) failWithoutKey(&state);
        if (inlined_) return row->inlined;
        if (!hasCells(*row)) [[unlikely]]
            allocateRow();
        return row->data + state.offset;
    }
    void made(const DeclaredState& state) noexcept {
        if (inlined_) {
            valueInRow = true;
        } else {
            *presentOf(row->data) |= state.bit;
        }
    }
    /// Ends the cell of the current key, if it has one.
    void clear(const DeclaredState& state) noexcept {
        if (!currentHas(state.bit)) return;
        if (valueInRow) return becomeEmpty();  // what lies in a row is plain
        if (!state.cell->plain) state.cell->destroy(row->data + state.offset);
        *presentOf(row->data) &= ~state.bit;
        callForAttention();
    }
    Timestamp& stampOf(const DeclaredState& state) const noexcept {
        return *reinterpret_cast<Timestamp*>(row->data + state.stampOffset);
    }
    /// Whether a read of the current key's cell, which has a stamp, may see it. Removes what has expired; with
    /// `ReturnExpiredIfNotCleanedUp` not before it has been seen once.
    MILLRACE_INLINE bool seen(const DeclaredState& state);
    /// Whether a write builds on the current key's cell, which has a stamp; removes it if it has expired. Stamps it.
    MILLRACE_INLINE bool builtOn(const DeclaredState& state);
    void stampWrite(const DeclaredState& state) {
        stampOf(state) = now();
        accessed(state);
    }
    /// Each access to a state with a time to live pays for looking at a few entries for what has expired.
    void accessed(const DeclaredState& state) noexcept { cleanupDue += state.cleanupPerAccess; }
    /// For reads that find nothing: an error if that is because no key is current.
    void checkKey(const DeclaredState* state) const {
        if (!hasKey()) [[unlikely]]
            failWithoutKey(state);
    }

    // ---- before the first key ----
    /// After `seal` it only finds what was declared. *Failure:* ConfigurationException for a name that is taken, an empty
    /// one, and after `seal` one that is not known or of another type.
    MILLRACE_INLINE_COLD const DeclaredState& declare(const StateDescriptor& descriptor, std::string type,
                                                      const CellType& cell);
    /// The state of that name, null if there is none. *Failure:* ConfigurationException if it is of another type.
    MILLRACE_INLINE_COLD const DeclaredState* find(std::string_view name, std::string_view type) const;
    /// Rows must always point to their cells: for stores that cannot drop the row of a key that has lost its last state.
    void keepOutOfRows() noexcept { maybeInlined_ = false; }
    /// Fixes the layout: no more states. `clock` must live as long as the cells.
    MILLRACE_INLINE_COLD void seal(Now readClock, const void* clock) noexcept;
    /// Before the first row: memory is counted there.
    void chargeTo(StateMemory& account) noexcept { account_ = &account; }
    /// Null: nobody counts.
    StateMemory* account() const noexcept { return account_; }

    // ---- for the store of all rows ----
    bool stateless() const noexcept { return states_.empty(); }
    std::size_t stateCount() const noexcept { return states_.size(); }
    const DeclaredState& state(std::size_t i) const noexcept { return *states_[i]; }
    /// Whether rows are all there is: `StateRow::inlined` is the only cell of the only state.
    bool keepsRowsInline() const noexcept { return inlined_; }
    /// Whether rows need `release` in the end: otherwise they go with the memory of all.
    bool needsRelease() const noexcept { return needsRelease_; }
    /// Whether a row that is kept has a value of this state.
    bool has(const StateRow& which, const DeclaredState& state) const noexcept {
        return inlined_ || (*presentOf(which.data) & state.bit) != 0;
    }
    /// Whether it has a value of any.
    bool hasAny(const StateRow& which) const noexcept { return inlined_ || *presentOf(which.data) != 0; }
    /// Ends all cells of a row and gives its memory back; it is then an empty row.
    MILLRACE_INLINE_COLD void release(StateRow& which) noexcept;
    /// The same for a row that has no cells.
    void releaseEmpty(StateRow& which) noexcept {
        if (inlined_) return;
        if (hasCells(which)) freeRow(which.data);
        which.data = nullptr;
    }
    /// Without what has expired at `time`, if it is a state with a time to live; only if it `isAlive` then.
    MILLRACE_INLINE_COLD void encode(const StateRow& which, const DeclaredState& state, Timestamp time,
                                     ByteWriter& writer) const;
    /// The same for the only cell of a row that is kept inline.
    static void encodeInline(const StateRow& which, const CellType& cell, ByteWriter& writer) {
        writer.write(std::uint8_t{0});
        cell.encode(which.inlined, CellTime{}, writer);
    }
    /// Adds a cell to a row, empty or not; one that is there already is replaced. No key is current.
    MILLRACE_INLINE_COLD void decode(StateRow& which, const DeclaredState& state, ByteReader& reader);

    // ---- what has expired, in rows that are not current ----
    /// Work that accesses have paid for: a step for a free slot or a part of a cell, `kStepsPerEntry` for a row.
    std::int64_t cleanupDue = 0;
    static constexpr std::int64_t kStepsPerEntry = 8;
    void recordsCame(std::size_t records) noexcept {
        cleanupDue += static_cast<std::int64_t>(records) * cleanupPerRecord_;
    }
    /// Whether a row that is kept has a value of this state, which has not expired at `time`.
    bool isAlive(const StateRow& which, const DeclaredState& state, Timestamp time) const {
        return has(which, state) && (!state.ttl.isEnabled() || expiredIn(which, state, time) != Expired::All);
    }
    /// The row is looked at soon.
    static void prefetch(const StateRow& which) noexcept { __builtin_prefetch(which.data - sizeof(std::uint64_t)); }
    /// The shortest time to live of those that are cleaned up in the background.
    Duration shortestTtl() const noexcept { return shortestTtl_; }
    /// Whether something has expired that is cleaned up in the background; lowers `next` to when the first of
    /// what is left will have. Takes from `cleanupDue` what looking costs.
    MILLRACE_INLINE bool hasExpired(const StateRow& which, Timestamp time, Timestamp& next) noexcept;
    /// Ends it.
    MILLRACE_INLINE void dropExpired(StateRow& which, Timestamp time);
    /// Ends what has expired of one state; false if nothing has.
    MILLRACE_INLINE bool dropExpired(StateRow& which, const DeclaredState& state, Timestamp time);

private:
    enum class Expired : std::uint8_t { None, Some, All };
    struct FreeRow {
        FreeRow* next;
    };
    static constexpr std::size_t kChunkBytes = 64 * 1024;

    /// What rows without a state point to, and the row while no key is current. Shared by all and in memory that cannot be written.
    struct NoCells {
        std::uint64_t present;
        alignas(8) std::byte cells[8];
    };
    static constexpr NoCells kNoCells{};
    static inline const StateRow kNoRow{{const_cast<std::byte*>(kNoCells.cells)}};
    static StateRow* noRow() noexcept { return const_cast<StateRow*>(&kNoRow); }
    /// Of the current key.
    void becomeEmpty() noexcept {
        row->data = const_cast<std::byte*>(kNoCells.cells);
        valueInRow = false;
        callForAttention();
    }
    static bool hasCells(const StateRow& which) noexcept {
        return which.data != nullptr && which.data != kNoCells.cells;
    }

    /// Of a state with a time to live that the row has.
    MILLRACE_INLINE CellParts partsOf(const StateRow& which, const DeclaredState& state, Timestamp time) const noexcept;
    Expired expiredIn(const StateRow& which, const DeclaredState& state, Timestamp time) const noexcept {
        const CellParts parts = partsOf(which, state, time);
        if (parts.expired == parts.all) return Expired::All;
        return parts.expired > 0 ? Expired::Some : Expired::None;
    }
    static std::uint64_t* presentOf(std::byte* cells) noexcept { return reinterpret_cast<std::uint64_t*>(cells) - 1; }
    [[noreturn]] MILLRACE_INLINE_COLD void failWithoutKey(const DeclaredState* state) const;
    MILLRACE_INLINE void allocateRow();
    MILLRACE_INLINE std::byte* takeRow();
    void freeRow(std::byte* cells) noexcept {
        auto* const free = reinterpret_cast<FreeRow*>(cells);
        free->next = freeRows_;
        freeRows_ = free;
    }

    bool inlined_ = false;
    bool maybeInlined_ = true;
    bool needsRelease_ = false;
    bool sealed_ = false;
    std::uint32_t rowBytes_ = 0;  ///< without what is present
    std::uint32_t rowAlign_ = 8;
    std::uint64_t cleanedUp_ = 0;  ///< bits of the states that are cleaned up in the background
    std::int64_t cleanupPerRecord_ = 0;
    Duration shortestTtl_ = Duration::max();
    Now now_ = nullptr;
    const void* clock_ = nullptr;
    FreeRow* freeRows_ = nullptr;
    std::byte* chunkAt_ = nullptr;
    std::byte* chunkEnd_ = nullptr;
    StateMemory* account_ = nullptr;
    List<TableMemory> chunks_;
    List<DeclaredState*> states_;  ///< owned; their addresses stay
};

/// The cells of handles that have not been opened: every use of them finds no key.
inline StateCells& unopenedCells() {
    static StateCells cells;
    return cells;
}

/// What the handles of all kinds of state have. Copies of a handle are handles of the same state.
class StateHandle {
public:
    StateHandle() = default;
    StateHandle(StateCells& cells, const DeclaredState& state) noexcept
        : cells_(&cells), plainBit_(state.ttl.isEnabled() ? 0 : state.bit), bit_(state.bit), offset_(state.offset),
          hasTtl_(state.ttl.isEnabled()), state_(&state) {}

    /// Removes the state of the current key.
    void clear() {
        if (present()) {
            cells_->clear(*state_);
        } else {
            cells_->checkKey(state_);
        }
    }

    // ---- for operators ----
    /// Null before `open`.
    const DeclaredState* declared() const noexcept { return state_; }

protected:
    bool present() const noexcept { return cells_->currentHas(bit_); }
    /// Of a state that is present and does not lie in the row.
    template <class Cell>
    Cell& cell() const noexcept {
        return *reinterpret_cast<Cell*>(cells_->row->data + offset_);
    }
    /// The cell if there is one and no time to live to look after, which is what most calls find; else null.
    template <class Cell>
    Cell* readyCell() const noexcept {
        if constexpr (kMayLieInRow<Cell>) {
            if (cells_->valueInRow) [[likely]] {
                StateRow* const row = cells_->row;
                if (row == nullptr) __builtin_unreachable();  // who asks whether there is a cell need not do so twice
                return reinterpret_cast<Cell*>(row->inlined);
            }
        }
        return cells_->isPresent(plainBit_) ? &cell<Cell>() : nullptr;
    }
    /// The cell that a read sees, else null. *Failure:* MillraceException if no key is current.
    template <class Cell>
    Cell* seenCell() const {
        Cell* const found = readyCell<Cell>();
        if (nearlyAlways(found != nullptr)) return found;
        return findCell<Cell>(cells_, state_);
    }
    /// The cell to build on, null if one must be made; stamps it.
    template <class Cell>
    Cell* cellToBuildOn() {
        if (Cell* const found = readyCell<Cell>(); found != nullptr) return found;
        return present() && cells_->builtOn(*state_) ? &cell<Cell>() : nullptr;
    }

    /// The cell of a state of several parts, which count their memory; an empty one if there was none.
    template <class Cell>
    Cell& reach() {
        if (!present()) makeCell<Cell>(cells_, state_, [this] { return Cell(cells_->account()); });
        return cell<Cell>();
    }

    // Rare ways of calls do without `this`: its address would take a register from the loop around them.

    static bool isPresent(const StateCells* cells, const DeclaredState* state) noexcept {
        return state != nullptr && cells->currentHas(state->bit);
    }
    template <class Cell>
    static Cell* cellOf(const StateCells* cells, const DeclaredState* state) noexcept {
        StateRow& row = *cells->row;
        return reinterpret_cast<Cell*>(cells->valueInRow ? row.inlined : row.data + state->offset);
    }
    /// The cell of a state that is not present, with the value that `make()` gives. *Failure:* MillraceException if no key is current,
    /// or the handle has not been opened; whatever `make` throws: then there is none.
    template <class Cell, class Make>
    [[gnu::always_inline]] static void makeCell(StateCells* cells, const DeclaredState* state, Make make) {
        if (state == nullptr) [[unlikely]]
            cells->checkKey(nullptr);
        if constexpr (kMayLieInRow<Cell>) {
            const Cell made = make();  // apart: until it has a value the row is a pointer
            ::new (cells->room(*state)) Cell(made);
        } else {
            ::new (cells->room(*state)) Cell(make());
        }
        cells->made(*state);
    }
    template <class Cell>
    [[gnu::noinline]] static Cell* findCell(StateCells* cells, const DeclaredState* state) {
        if (!isPresent(cells, state)) {
            cells->checkKey(state);
            return nullptr;
        }
        return cells->seen(*state) ? cellOf<Cell>(cells, state) : nullptr;
    }

    StateCells* cells_ = &unopenedCells();
    std::uint64_t plainBit_ = 0;  ///< 0 for states with a time to live
    std::uint64_t bit_ = 0;
    std::uint32_t offset_ = 0;
    bool hasTtl_ = false;
    const DeclaredState* state_ = nullptr;  ///< null before `open`
};

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/state_cells.ipp>
#endif

#endif  // MILLRACE_STATE_STATE_CELLS_HPP
