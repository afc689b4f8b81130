#ifndef MILLRACE_STATE_STATE_CELLS_IPP
#define MILLRACE_STATE_STATE_CELLS_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/state_cells.hpp>

#include <millrace/core/errors.hpp>

#include <bit>

namespace millrace::detail {

MILLRACE_INLINE_COLD StateCells::~StateCells() {
    for (DeclaredState* const state : states_) delete state;
}

MILLRACE_INLINE_COLD const DeclaredState& StateCells::declare(const StateDescriptor& descriptor, std::string type,
                                                              const CellType& cell) {
    const std::string& name = descriptor.name();
    if (sealed_) {
        if (const DeclaredState* const known = find(name, type)) return *known;
        throw ConfigurationException(
            "state '" + name +
            "' is not known: a state is declared in open(), once and for all keys; get it there "
            "first, by a descriptor of this name");
    }
    if (name.empty()) throw ConfigurationException("a state needs a name that is not empty");
    for (const DeclaredState* const other : states_) {
        if (other->name != name) continue;
        throw ConfigurationException(
            "state '" + name + "' is declared twice in one operator" +
            (other->type == type ? "; keep one handle, copies of it are the same state"
                                 : ", as " + other->type + " and as " + type + "; give one of them another name"));
    }
    constexpr std::size_t kMostStates = 64;
    if (states_.size() == kMostStates) {
        throw ConfigurationException("state '" + name +
                                     "': an operator can have 64 states; join some of them in a struct");
    }
    const auto place = [this](std::uint32_t size, std::uint32_t align) {
        const std::uint32_t offset = (rowBytes_ + align - 1) / align * align;
        rowBytes_ = offset + size;
        rowAlign_ = std::max(rowAlign_, align);
        return offset;
    };
    auto* const state = new DeclaredState{
        name, std::move(type), &cell, std::uint64_t{1} << states_.size(), place(cell.size, cell.align),
        0,    descriptor.ttl()};
    try {
        states_.push_back(state);
    } catch (...) {
        delete state;
        throw;
    }
    if (state->ttl.isEnabled() && !cell.stampsElements) {
        state->stampOffset = place(sizeof(Timestamp), alignof(Timestamp));
    }
    needsRelease_ = needsRelease_ || !cell.plain;
    if (state->ttl.isEnabled() && state->ttl.cleanupEntries() > 0) {
        cleanedUp_ |= state->bit;
        shortestTtl_ = std::min(shortestTtl_, state->ttl.ttl());
        state->cleanupPerAccess = kStepsPerEntry * state->ttl.cleanupEntries();
        if (state->ttl.cleansForEveryRecord()) cleanupPerRecord_ += state->cleanupPerAccess;
    }
    return *state;
}

MILLRACE_INLINE_COLD const DeclaredState* StateCells::find(std::string_view name, std::string_view type) const {
    for (const DeclaredState* const state : states_) {
        if (state->name != name) continue;
        if (state->type == type) return state;
        throw ConfigurationException("state '" + state->name + "' is a " + state->type + ", but is asked for as a " +
                                     std::string(type));
    }
    return nullptr;
}

MILLRACE_INLINE_COLD void StateCells::seal(Now readClock, const void* clock) noexcept {
    now_ = readClock;
    clock_ = clock;
    sealed_ = true;
    inlined_ = maybeInlined_ && states_.size() == 1 && states_[0]->cell->plain &&
               rowBytes_ <= sizeof(StateRow::inlined) && rowAlign_ <= alignof(StateRow);
    rowBytes_ = std::max<std::uint32_t>(rowBytes_, sizeof(FreeRow));
    // each row has room for what is present before its first cell
    rowBytes_ = (rowBytes_ + std::uint32_t{sizeof(std::uint64_t)} + rowAlign_ - 1) / rowAlign_ * rowAlign_;
}

MILLRACE_INLINE bool StateCells::seen(const DeclaredState& state) {
    accessed(state);
    Timestamp& stamp = stampOf(state);
    const Timestamp time = now();
    if (stamp == kSpentStamp || state.expired(stamp, time)) {
        if (stamp != kSpentStamp && state.returnsExpired()) {
            stamp = kSpentStamp;
            return true;
        }
        clear(state);
        return false;
    }
    if (state.stampsOnRead()) stamp = time;
    return true;
}

MILLRACE_INLINE bool StateCells::builtOn(const DeclaredState& state) {
    Timestamp& stamp = stampOf(state);
    const Timestamp time = now();
    if (stamp == kSpentStamp || state.expired(stamp, time)) {
        clear(state);
        return false;
    }
    stamp = time;
    accessed(state);
    return true;
}

MILLRACE_INLINE void StateCells::allocateRow() {
    std::byte* const cells = takeRow();
    *presentOf(cells) = 0;
    row->data = cells;
}

MILLRACE_INLINE std::byte* StateCells::takeRow() {
    if (FreeRow* const free = freeRows_; free != nullptr) {
        freeRows_ = free->next;
        return reinterpret_cast<std::byte*>(free);
    }
    if (static_cast<std::size_t>(chunkEnd_ - chunkAt_) < rowBytes_) {
        const std::size_t bytes = std::max<std::size_t>(kChunkBytes / rowBytes_, 1) * rowBytes_ + rowAlign_;
        const std::size_t slack = rowAlign_ > 64 ? rowAlign_ : 0;
        chunks_.push_back(TableMemory(bytes + slack, account_));
        auto* chunk = static_cast<std::byte*>(chunks_.back().data());
        if (slack > 0) chunk += (rowAlign_ - reinterpret_cast<std::size_t>(chunk) % rowAlign_) % rowAlign_;
        chunkAt_ = chunk + rowAlign_;  // what is present in the first row stands at the end of that
        chunkEnd_ = chunk + bytes;
    }
    return std::exchange(chunkAt_, chunkAt_ + rowBytes_);
}

MILLRACE_INLINE_COLD void StateCells::release(StateRow& which) noexcept {
    if (inlined_ || which.data == nullptr) return;  // what lies in a row is plain
    for (const DeclaredState* const state : states_) {
        if (has(which, *state) && !state->cell->plain) state->cell->destroy(which.data + state->offset);
    }
    releaseEmpty(which);
}

MILLRACE_INLINE_COLD void StateCells::encode(const StateRow& which, const DeclaredState& state, Timestamp now,
                                             ByteWriter& writer) const {
    const std::byte* const cells = inlined_ ? which.inlined : which.data;
    CellTime time;
    time.stamped = state.ttl.isEnabled();
    if (time.stamped) time.expiredUpTo = state.expiredUpTo(now);
    Timestamp stamp{};
    if (time.stamped && !state.cell->stampsElements) {
        stamp = *reinterpret_cast<const Timestamp*>(cells + state.stampOffset);
        time.stamp = &stamp;
    }
    writer.write(static_cast<std::uint8_t>(time.stamped ? 1 : 0));
    if (time.stamp != nullptr) writer.write(stamp.time_since_epoch().count());
    state.cell->encode(cells + state.offset, time, writer);
}

MILLRACE_INLINE_COLD void StateCells::decode(StateRow& which, const DeclaredState& state, ByteReader& reader) {
    if (!inlined_ && which.data == nullptr) {
        enterEmpty(which);
    } else {
        enter(which);
    }
    struct Leave {
        StateCells& cells;
        ~Leave() { cells.leave(); }
    } const leaveAtEnd{*this};

    const auto stamps = reader.read<std::uint8_t>("a flag for stamps");
    if (stamps > 1) reader.fail("a flag for stamps (0 or 1) expected, found " + std::to_string(stamps));
    CellTime time;
    time.stamped = stamps == 1;
    time.now = now();
    time.memory = account_;
    Timestamp stamp = time.now;
    if (!state.cell->stampsElements) {
        if (time.stamped) stamp = Timestamp(Duration(reader.read<std::int64_t>("a stamp")));
        time.stamp = &stamp;
    }
    // cells that stamp their elements learn from the flag what was saved, and from `stamp` whether to keep it
    if (state.cell->stampsElements && state.ttl.isEnabled()) time.stamp = &stamp;
    clear(state);
    state.cell->decode(room(state), time, reader);
    made(state);
    if (state.ttl.isEnabled() && !state.cell->stampsElements) stampOf(state) = stamp;
}

MILLRACE_INLINE CellParts StateCells::partsOf(const StateRow& which, const DeclaredState& state,
                                              Timestamp time) const noexcept {
    const Timestamp expiredUpTo = state.expiredUpTo(time);
    if (state.cell->stampsElements) return state.cell->countParts(which.data + state.offset, expiredUpTo);
    const Timestamp stamp = *reinterpret_cast<const Timestamp*>(which.data + state.stampOffset);
    return {1, stamp <= expiredUpTo ? std::size_t{1} : 0, stamp};
}

MILLRACE_INLINE bool StateCells::hasExpired(const StateRow& which, Timestamp time, Timestamp& next) noexcept {
    bool found = false;
    std::size_t parts = 0;
    for (std::uint64_t left = *presentOf(which.data) & cleanedUp_; left != 0; left &= left - 1) {
        const DeclaredState& state = *states_[static_cast<std::size_t>(std::countr_zero(left))];
        const CellParts cell = partsOf(which, state, time);
        parts += cell.all;
        found = found || cell.expired > 0 || cell.all == 0;
        if (cell.expired < cell.all) next = std::min(next, saturatingAdd(cell.oldest, state.ttl.ttl()));
    }
    cleanupDue -= kStepsPerEntry + static_cast<std::int64_t>(parts);
    return found;
}

MILLRACE_INLINE void StateCells::dropExpired(StateRow& which, Timestamp time) {
    for (std::uint64_t left = *presentOf(which.data) & cleanedUp_; left != 0; left &= left - 1) {
        dropExpired(which, *states_[static_cast<std::size_t>(std::countr_zero(left))], time);
    }
}

MILLRACE_INLINE bool StateCells::dropExpired(StateRow& which, const DeclaredState& state, Timestamp time) {
    const Expired expired = expiredIn(which, state, time);
    void* const cell = which.data + state.offset;
    if (expired == Expired::Some) state.cell->dropExpired(cell, state.expiredUpTo(time));
    if (expired != Expired::All) return expired != Expired::None;
    if (!state.cell->plain) state.cell->destroy(cell);
    *presentOf(which.data) &= ~state.bit;
    return true;
}

MILLRACE_INLINE_COLD void StateCells::failWithoutKey(const DeclaredState* state) const {
    if (this == &unopenedCells() || state == nullptr) {
        throw MillraceException(
            "a handle of keyed state is used before it was opened; get it in open(KeyedRuntimeContext& context), "
            "for example count = context.getState(ValueStateDescriptor<long>{\"count\"})");
    }
    throw MillraceException("state '" + state->name +
                            "' is used while no key is current; keyed state can be used in processElement and onTimer, "
                            "not in open, close or from elsewhere");
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_STATE_CELLS_IPP
