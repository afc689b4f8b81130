#ifndef MILLRACE_WINDOWING_CELL_MERGER_HPP
#define MILLRACE_WINDOWING_CELL_MERGER_HPP

#include <millrace/windowing/triggers/trigger.hpp>
#include <millrace/windowing/window_cells.hpp>

#include <cstddef>
#include <utility>

namespace millrace::detail {

/// Makes one window of several of a key: contents, trigger state and timers of those that end go over to the one that
/// stays.
template <class Schedule, class Contents, class Aggregate, class Trigger, class Cell>
struct CellMerger {
    using Window = typename Schedule::Window;
    using State = decltype(Cell::trigger);
    using Timers = decltype(Cell::timers);

    Aggregate& aggregate;
    const Trigger& trigger;
    CellPool<Cell>& cells;
    Timestamp watermark;
    Timestamp now;

    /// `into` becomes the window `result`, and takes over the others of the `count` that intersect the added one. It is the
    /// first of them in its entry.
    template <class Entry>
    void merge(Entry& entry, const Window& added, const Window& result, std::size_t count, Cell* into) {
        if constexpr (Schedule::kUsual) {
            if (count == 1) [[likely]] {
                into->window = result;
                return;  // whether it is pending is said when it takes its element
            }
        }
        State state{};
        Timers timers{};
        takeOver(*into, result, state, timers);
        if (count > 1) [[unlikely]] {
            // `into` comes first: cells behind it may go
            for (Cell *before = into, *cell = into->next; cell != nullptr;) {
                if (!cell->window.intersects(added)) {
                    before = std::exchange(cell, cell->next);
                    continue;
                }
                takeOver(*cell, result, state, timers);
                Contents::merge(aggregate, *into, *cell);
                cell = entry.remove(cells, cell, before);
            }
        }
        into->window = result;
        into->pending = Schedule::kUsual && (!Schedule::kEventTime || result.maxTimestamp() > watermark);
        if constexpr (!Schedule::kUsual) {
            into->trigger = std::move(state);
            into->timers = std::move(timers);
        }
    }

private:
    void takeOver(Cell& from, const Window& result, State& state, Timers& timers) {
        if constexpr (!Schedule::kUsual && MergingTrigger<Trigger, State, Window>) {
            TriggerContext context(watermark, now, timers.event, timers.processing);
            trigger.onMerge(result, state, std::as_const(from.trigger), context);
            TriggerContext old(watermark, now, from.timers.event, from.timers.processing);
            clearTrigger(trigger, from.window, from.trigger, old);
        } else {
            (void)from;
            (void)result;
            (void)state;
            (void)timers;
        }
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_CELL_MERGER_HPP
