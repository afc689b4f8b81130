#ifndef MILLRACE_WINDOWING_KEY_SESSIONS_HPP
#define MILLRACE_WINDOWING_KEY_SESSIONS_HPP

#include <millrace/time/timestamp.hpp>
#include <millrace/windowing/time_window.hpp>
#include <millrace/windowing/window_alarms.hpp>
#include <millrace/windowing/window_cells.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// The sessions of one key; no two of them intersect. One of those that have not fired is in place, the *open* one.
/// Aligned so that under an integer key it shares its cache line with no other key, where the accumulator is small.
template <class Cell>
struct alignas(16) KeySessions {
    using Contents = decltype(Cell::contents);

    Alarm alarm;
    Timestamp start{};  ///< of the open session
    std::uint64_t reach =
        0;  ///< its length + 1: a window that begins so far behind its start does not touch it; 0: none
    Cell* others = nullptr;
    Contents contents{};  ///< of the open session

    bool empty() const noexcept { return reach == 0 && others == nullptr; }
    bool isOpen() const noexcept { return reach != 0; }
    TimeWindow open() const noexcept {
        // unsigned, and so without overflow: a session may be longer than the largest duration
        const auto end = static_cast<std::uint64_t>(start.time_since_epoch().count()) + (reach - 1);
        return {start, Timestamp{Duration{static_cast<std::int64_t>(end)}}};
    }
    /// `open().maxTimestamp()`: no session is empty.
    Timestamp lastOfOpen() const noexcept {
        const auto last = static_cast<std::uint64_t>(start.time_since_epoch().count()) + (reach - 2);
        return Timestamp{Duration{static_cast<std::int64_t>(last)}};
    }
    void open(const TimeWindow& window) noexcept {
        start = window.start;
        reach = distance(window.end) + 1;
    }
    /// Makes the open session reach over a window that begins within it or where it ends; false if that does not hold, or
    /// if another session might be touched.
    bool prolong(const TimeWindow& window) noexcept {
        if (distance(window.start) >= reach) return false;
        const std::uint64_t further = distance(window.end) + 1;
        if (further > reach) {
            if (others != nullptr) return false;
            reach = further;
        }
        return true;
    }

    /// Adds a session that intersects none of those that are there.
    void add(CellPool<Cell>& pool, const TimeWindow& window, Contents&& of, bool pending) {
        if (pending) {
            if (isOpen()) putAside(pool, true);
            open(window);
            contents = std::move(of);
        } else {
            addOther(pool, window, std::move(of), pending);
        }
    }
    /// Puts the open session with the others.
    void putAside(CellPool<Cell>& pool, bool pending) {
        addOther(pool, open(), std::move(contents), pending);
        close();
    }
    void close() noexcept {
        if constexpr (!std::is_trivially_destructible_v<Contents>) contents = Contents{};
        reach = 0;
    }
    /// Ends the sessions for which `fn(window, contents, pending)` is true.
    template <class Fn>
    void removeIf(CellPool<Cell>& pool, Fn fn) {
        if (isOpen() && fn(open(), contents, true)) close();
        for (Cell** at = &others; *at != nullptr;) {
            Cell* const cell = *at;
            if (!fn(std::as_const(cell->window), cell->contents, cell->pending)) {
                at = &cell->next;
                continue;
            }
            removeOther(pool, at);
        }
    }
    /// Ends the session that `at`, `others` or the `next` of another one, points to.
    void removeOther(CellPool<Cell>& pool, Cell** at) {
        Cell* const cell = std::exchange(*at, (*at)->next);
        *cell = Cell{};
        pool.give(cell);
    }
    template <class Fn>
    void forEach(Fn fn) const {
        if (isOpen()) fn(open(), contents, true);
        for (const Cell* cell = others; cell != nullptr; cell = cell->next)
            fn(cell->window, cell->contents, cell->pending);
    }

private:
    std::uint64_t distance(Timestamp time) const noexcept {
        return static_cast<std::uint64_t>(time.time_since_epoch().count()) -
               static_cast<std::uint64_t>(start.time_since_epoch().count());
    }
    void addOther(CellPool<Cell>& pool, const TimeWindow& window, Contents&& of, bool pending) {
        Cell* const cell = pool.take();
        cell->window = window;
        cell->contents = std::move(of);
        cell->live = cell->hasContents = true;
        cell->pending = pending;
        cell->next = std::exchange(others, cell);
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_KEY_SESSIONS_HPP
