#ifndef MILLRACE_WINDOWING_WINDOW_CELLS_HPP
#define MILLRACE_WINDOWING_WINDOW_CELLS_HPP

#include <millrace/state/state_memory.hpp>
#include <millrace/time/timestamp.hpp>
#include <millrace/windowing/window_alarms.hpp>
#include <millrace/windowing/window_timers.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::detail {

/// The timers that a trigger has registered for a window, by domain.
struct TriggerTimers {
    WindowTimers event;
    WindowTimers processing;
};
/// In place of them where the trigger's only timer is the window's last timestamp.
struct NoTriggerTimers {};

/// One window of one key.
template <class Window, class Contents, class TriggerState, class Timers>
struct WindowCell {
    Window window{};
    Contents contents{};
    [[no_unique_address]] TriggerState trigger{};
    [[no_unique_address]] Timers timers{};
    WindowCell* next = nullptr;  ///< of the same key
    bool live = false;
    bool hasContents = false;
    bool pending = false;  ///< will fire at its last timestamp (default triggers only)
};

/// Memory of the cells that do not fit into the entries of their keys; used again and again.
template <class Cell>
class CellPool {
    static constexpr std::size_t kAtOnce = 16;
    struct Chunk {
        Chunk* next;
        Cell cells[kAtOnce];
    };

public:
    CellPool() = default;
    CellPool(const CellPool&) = delete;
    CellPool& operator=(const CellPool&) = delete;
    ~CellPool() {
        while (chunks_ != nullptr) {
            delete std::exchange(chunks_, chunks_->next);
            if (account_ != nullptr) account_->giveOwned(sizeof(Chunk));
        }
    }
    /// Before the first cell: memory is counted there.
    void chargeTo(StateMemory& account) noexcept { account_ = &account; }

    Cell* take() {
        if (free_ == nullptr) grow();
        return std::exchange(free_, std::exchange(free_->next, nullptr));
    }
    /// `cell` must be as good as new.
    void give(Cell* cell) noexcept {
        cell->next = free_;
        free_ = cell;
    }

private:
    [[gnu::noinline]] void grow() {
        if (account_ != nullptr) account_->takeOwned(sizeof(Chunk));
        try {
            chunks_ = new Chunk{chunks_, {}};
        } catch (...) {
            if (account_ != nullptr) account_->giveOwned(sizeof(Chunk));
            throw;
        }
        for (Cell& cell : chunks_->cells) give(&cell);
    }
    Chunk* chunks_ = nullptr;
    Cell* free_ = nullptr;
    StateMemory* account_ = nullptr;
};

/// The windows of one key: the first one in place, so that a key with one window is one entry of the table. If there are
/// any, `first` is one of them.
template <class Cell, std::size_t kDomains>
struct KeyWindows {
    Alarm alarms[kDomains];
    Cell first;

    bool empty() const noexcept { return !first.live; }

    /// A new cell, live.
    Cell& add(CellPool<Cell>& pool) {
        Cell* cell = &first;
        if (first.live) {
            cell = pool.take();
            cell->next = first.next;
            first.next = cell;
        }
        cell->live = true;
        return *cell;
    }
    /// Ends a cell; `before` is the one in front of it, null for the first. Returns the cell to go on with.
    Cell* remove(CellPool<Cell>& pool, Cell* cell, Cell* before) {
        Cell* const next = cell->next;
        if (before != nullptr) {
            before->next = next;
            *cell = Cell{};
            pool.give(cell);
            return next;
        }
        if (next == nullptr) {
            *cell = Cell{};
            return nullptr;
        }
        *cell = std::move(*next);
        *next = Cell{};
        pool.give(next);
        return cell;
    }
};

/// Clears entries of keys without windows away, once they are the greater part of a table that is worth it.
template <class Table>
void clearDeadEntries(Table& table, std::size_t live) {
    if constexpr (Table::kErases) {
        constexpr std::size_t kFew = 1024;
        const std::size_t kept = table.size();
        if (kept < kFew || live * 2 > kept) return;
        for (std::size_t at = 0; at < table.endPosition(); ++at) {
            auto* const slot = &table.slotAt(at);
            while (slot->occupied() && slot->value.empty()) table.erase(slot);
        }
        table.report();
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_CELLS_HPP
