#ifndef MILLRACE_WINDOWING_LOCAL_SLICES_HPP
#define MILLRACE_WINDOWING_LOCAL_SLICES_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/state/keyed_table_scan.hpp>
#include <millrace/windowing/aggregate_function.hpp>
#include <millrace/windowing/current_span.hpp>
#include <millrace/windowing/window_grid.hpp>
#include <millrace/windowing/window_record.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::detail {

/// What the elements of one subtask add up to, by slice of time and key, until it goes over the exchange. No window is known
/// here, and nothing is part of a snapshot.
template <class T, class Key, class KeySelector, class Aggregate>
class LocalSlices {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    using Table = KeyedTable<Key, Accumulator>;

public:
    LocalSlices(const WindowGrid& grid, KeySelector& keySelector, Aggregate& aggregate)
        : grid_(grid), keySelector_(keySelector), aggregate_(aggregate) {}

    /// Before the first element.
    void chargeTo(StateMemory& account) noexcept { memory_ = &account; }

    bool covers(const Timestamp* times, std::size_t count) const noexcept { return span_.covers(times, count); }
    bool covers(Timestamp t) const noexcept { return span_.covers(t); }

    /// Makes the slice around `t` the current one; false where it belongs to no window, or if the watermark is behind it.
    bool select(Timestamp t, Timestamp watermark) {
        const std::int64_t number = grid_.sliceOf(t);
        const auto windows = grid_.windowsOf(number);
        const TimeWindow span = grid_.slice(number);
        if (windows.last < windows.first || span.maxTimestamp() <= watermark) return false;
        if (span.maxTimestamp() < span.start)
            return false;  // begins at the end of time: there is no stamp for its sums
        current_ = &sliceOf(number, span.maxTimestamp());
        span_.set(span);
        return true;
    }

    /// Adds elements [at, end), all of the current slice; returns how many keys are new in it. `at` is the element at hand
    /// when something throws.
    std::size_t add(const T* values, const std::uint32_t* hashes, std::size_t& at, std::size_t end) {
        Table& table = current_->table;
        const std::size_t before = table.size();
        LoopCopy<KeySelector> keyOf = keySelector_;
        scanKeyedTable(
            table, at, end, hashes,
            [values, &keyOf](std::size_t i) -> decltype(auto) { return WindowRecord<T>::keyOf(keyOf, values[i]); },
            [values, &fn = aggregate_](std::size_t i, Accumulator& acc) { Traits::add(fn, values[i], acc); },
            [values, &fn = aggregate_](std::size_t i) { return Traits::firstAccumulator(fn, values[i]); });
        return table.size() - before;
    }

    bool empty() const noexcept { return slices_.empty(); }
    /// The last timestamp of the first slice. Only if there is one.
    Timestamp firstEnd() const noexcept { return slices_.front().last; }

    /// Calls `emit(key, accumulator, last timestamp of the slice)` for some of what is in the first slice, and forgets that.
    template <class Emit>
    void drainSome(Emit emit) {
        Slice& slice = slices_.front();
        if (&slice == current_) {
            current_ = nullptr;
            span_.reset();
        }
        typename Table::Slot* slots[kGather];
        const std::size_t count = slice.table.gather(position_, slots, kGather);
        for (std::size_t i = 0; i < count; ++i) {
            emit(Key(slice.table.keyOf(*slots[i])), std::move(slots[i]->value), slice.last);
            Table::release(*slots[i]);
        }
        if (position_ != slice.table.endPosition()) return;
        slice.table.drained();
        position_ = 0;
        spare_.add(slices_.release(0));
        if (spare_.size() > kMostSpare) delete spare_.release(0);
    }

private:
    static constexpr std::size_t kGather = 256;
    static constexpr std::size_t kMostSpare = 4;

    struct Slice {
        std::int64_t number = 0;
        Timestamp last;
        Table table;
    };

    Slice& sliceOf(std::int64_t number, Timestamp last) {
        std::size_t at = slices_.size();
        while (at > 0 && slices_[at - 1].number >= number) --at;
        if (at < slices_.size() && slices_[at].number == number) return slices_[at];
        Slice& added = slices_.addAt(at, spare_.empty() ? new Slice : spare_.release(spare_.size() - 1));
        if (memory_ != nullptr) added.table.chargeTo(*memory_);
        added.number = number;
        added.last = last;
        return added;
    }

    WindowGrid grid_;
    KeySelector& keySelector_;
    Aggregate& aggregate_;
    StateMemory* memory_ = nullptr;
    OwnerList<Slice> slices_;  ///< by number
    OwnerList<Slice> spare_;
    Slice* current_ = nullptr;
    CurrentSpan span_;
    std::size_t position_ = 0;  ///< in the first slice, when that is being drained
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_LOCAL_SLICES_HPP
