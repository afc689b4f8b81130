#ifndef MILLRACE_WINDOWING_WINDOW_CONTENTS_HPP
#define MILLRACE_WINDOWING_WINDOW_CONTENTS_HPP

#include <millrace/windowing/aggregate_function.hpp>
#include <millrace/windowing/evictors/evictor.hpp>

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace millrace::detail {

template <class Aggregate>
inline constexpr bool kKeepsElements = false;
template <class T>
inline constexpr bool kKeepsElements<ListAggregate<T>> = true;

/// Puts what `from` has into `into`, behind or beside what is there. Only for aggregates that merge or keep elements.
template <class T, class Aggregate>
void mergeAccumulators(Aggregate& fn, typename AggregateTraits<Aggregate, T>::Accumulator& into,
                       typename AggregateTraits<Aggregate, T>::Accumulator& from) {
    if constexpr (kKeepsElements<Aggregate>) {
        into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    } else if constexpr (AggregateTraits<Aggregate, T>::kMerges) {
        AggregateTraits<Aggregate, T>::merge(fn, into, from);
    }
}

/// What the cell of a window holds: an accumulator or, where there is an evictor, every element.
template <class T, class Aggregate, class Evictor>
struct WindowContents {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    static constexpr bool kEvicts = !std::is_same_v<Evictor, NoEvictor>;
    using Type = std::conditional_t<kEvicts, WindowElements<T>, Accumulator>;

    /// Before contents are read from a snapshot: where they count their memory.
    static void start(Aggregate& fn, Type& contents, StateMemory* account) {
        if constexpr (kEvicts) {
            contents.chargeTo(account);
        } else if constexpr (kKeepsElements<Aggregate>) {
            contents = fn.createAccumulator();
        }
        (void)fn;
        (void)contents;
        (void)account;
    }
    template <class Cell>
    static void append(Aggregate& fn, Cell& cell, const T& value, Timestamp time, StateMemory& account) {
        (void)account;
        if constexpr (kEvicts) {
            if (!cell.hasContents) cell.contents.chargeTo(&account);
            cell.contents.add(value, time);
        } else if (cell.hasContents) [[likely]] {
            Traits::add(fn, value, cell.contents);
        } else {
            cell.contents = Traits::firstAccumulator(fn, value);
        }
        cell.hasContents = true;
    }
    template <class Cell>
    static void merge(Aggregate& fn, Cell& into, Cell& from) {
        if (!from.hasContents) return;
        if (!into.hasContents) {
            into.contents = std::move(from.contents);
            into.hasContents = true;
        } else if constexpr (kEvicts) {
            into.contents.takeAll(from.contents);
        } else {
            mergeAccumulators<T>(fn, into.contents, from.contents);
        }
    }
    template <class Cell>
    static void clear(Cell& cell) {
        cell.contents = Type{};
        cell.hasContents = false;
    }
    /// Calls `emit(accumulator)` for what is in the window; the evictor works before and after.
    template <class Cell, class Emit>
    static void emit(Aggregate& fn, const Evictor& evictor, Cell& cell, const EvictorContext& context, Emit emit) {
        if constexpr (kEvicts) {
            using Window = decltype(cell.window);
            if constexpr (EvictsBefore<Evictor, T, Window>) evictor.evictBefore(cell.contents, cell.window, context);
            if constexpr (kKeepsElements<Aggregate>) {
                emit(cell.contents.list());
            } else if (const auto elements = cell.contents.values(); !elements.empty()) {
                Accumulator acc = Traits::firstAccumulator(fn, elements.front());
                for (const T& value : elements.subspan(1)) Traits::add(fn, value, acc);
                emit(acc);
            } else if constexpr (!Traits::kStartsWithFirst) {
                emit(fn.createAccumulator());
            }
            if constexpr (EvictsAfter<Evictor, T, Window>) evictor.evictAfter(cell.contents, cell.window, context);
            cell.hasContents = !cell.contents.empty();
        } else {
            (void)fn;
            (void)evictor;
            (void)context;
            emit(cell.contents);
        }
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_CONTENTS_HPP
