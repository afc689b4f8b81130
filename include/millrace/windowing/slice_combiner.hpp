#ifndef MILLRACE_WINDOWING_SLICE_COMBINER_HPP
#define MILLRACE_WINDOWING_SLICE_COMBINER_HPP

#include <millrace/core/depending.hpp>
#include <millrace/windowing/accumulator_column.hpp>
#include <millrace/windowing/aggregate_function.hpp>
#include <millrace/windowing/window_record.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace millrace::detail {

template <class Traits>
using ColumnOf = AccumulatorColumn<typename Traits::Accumulator>;

/// Slices by number. Only those that contain something.
template <class Traits>
struct TimeSlice {
    ColumnOf<Traits> cells;
};
template <class Traits>
using TimeSlices = std::map<std::int64_t, TimeSlice<Traits>>;

/// into[id] += from[id] for all ids; elements of `into` come before those of `from`.
template <class Traits, class Aggregate>
void mergeColumn(Aggregate& aggregate, ColumnOf<Traits>& into, const ColumnOf<Traits>& from) {
    into.ensure(from.size());
    for (std::size_t id = 0; id < from.size(); ++id) {
        if (!from.hasUnchecked(id)) continue;
        if (into.hasUnchecked(id)) {
            Traits::merge(aggregate, into[id], from[id]);
        } else {
            into.start(id, [&] { return from[id]; });
        }
    }
}

/// The combination of the slices of consecutive windows by two stacks, column-wise over all keys: one to three merges per
/// slice and key, however many slices a window has.
/// `front` holds suffix combinations of older slices (from each of them to `frontEnd_`), `back` all newer ones.
template <class Aggregate, class Traits>
class TwoStacks {
    using Column = ColumnOf<Traits>;
    using Count = typename Depending<std::uint32_t, Traits>::Type;
    using Accumulator = typename Traits::Accumulator;

public:
    explicit TwoStacks(Aggregate& aggregate) : aggregate_(aggregate) {}

    /// Before the first window: memory is counted there.
    void chargeTo(StateMemory& account) noexcept {
        memory_ = &account;
        back_.chargeTo(memory_);
    }

    /// Moves on to the window of the slices [first, end). Windows come in order.
    void moveTo(const TimeSlices<Traits>& slices, std::int64_t first, std::int64_t end) {
        if (first > frontEnd_ || stale_) {
            flip(slices, first, end);
        } else {
            for (auto at = slices.lower_bound(foldedEnd_); at != slices.end() && at->first < end; ++at) {
                mergeColumn<Traits>(aggregate_, back_, at->second.cells);
            }
            while (!front_.empty() && front_.back().slice < first) recycle();
        }
        foldedFirst_ = first;
        foldedEnd_ = end;
    }

    /// Calls `use(accumulator)` with the combination for an id, if there is one.
    template <class Use>
    void combined(std::size_t id, Use&& use) {
        const Column* const front = front_.empty() ? nullptr : &front_.back().suffix;
        if (front != nullptr && front->has(id)) {
            if (back_.has(id)) {
                Accumulator acc((*front)[id]);
                Traits::merge(aggregate_, acc, back_[id]);
                use(std::as_const(acc));
            } else {
                use((*front)[id]);
            }
        } else if (back_.has(id)) {
            use(std::as_const(back_)[id]);
        }
    }

    /// An element has been added to a slice that is already part of the combinations.
    template <class Record>
    void addBehind(std::int64_t slice, std::size_t id, const Record& value, bool) {
        if (slice < foldedFirst_ || slice >= foldedEnd_) return;
        if (slice >= frontEnd_) {
            addTo(back_, id, value);
            return;
        }
        bool known = false;
        for (const auto& entry : front_) known = known || entry.slice == slice;
        if (!known) {
            stale_ = true;  // this slice was empty before: it has no suffix of its own
            return;
        }
        for (auto& entry : front_) {
            if (entry.slice <= slice) addTo(entry.suffix, id, value);
        }
    }
    void beforeDrop(std::int64_t, const Column&) {}

    void remap(const std::vector<Count>& newIds, std::size_t count) {
        back_.remap(newIds, count);
        for (auto& entry : front_) entry.suffix.remap(newIds, count);
        spare_.clear();
    }
    void startOver() noexcept {
        while (!front_.empty()) recycle();
        back_.clear();
        frontEnd_ = foldedFirst_ = foldedEnd_ = std::numeric_limits<std::int64_t>::min();
        stale_ = false;
    }

private:
    struct Entry {
        std::int64_t slice;
        Column suffix;
    };

    void flip(const TimeSlices<Traits>& slices, std::int64_t first, std::int64_t end) {
        while (!front_.empty()) recycle();
        back_.clear();
        for (auto at = slices.lower_bound(end); at != slices.begin();) {
            --at;
            if (at->first < first) break;
            Column suffix = takeSpare();
            mergeColumn<Traits>(aggregate_, suffix, at->second.cells);
            if (!front_.empty()) mergeColumn<Traits>(aggregate_, suffix, front_.back().suffix);
            front_.push_back({at->first, std::move(suffix)});
        }
        frontEnd_ = end;
        stale_ = false;
    }
    template <class Record>
    void addTo(Column& column, std::size_t id, const Record& value) {
        column.ensure(id + 1);
        if (column.hasUnchecked(id)) {
            WindowRecord<Record>::template add<Traits>(aggregate_, value, column[id]);
        } else {
            column.start(id, [&] { return WindowRecord<Record>::template first<Traits>(aggregate_, value); });
        }
    }
    Column takeSpare() {
        if (spare_.empty()) {
            Column column;
            column.chargeTo(memory_);
            return column;
        }
        Column column = std::move(spare_.back());
        spare_.pop_back();
        return column;
    }
    void recycle() {
        front_.back().suffix.clear();
        spare_.push_back(std::move(front_.back().suffix));
        front_.pop_back();
    }

    Aggregate& aggregate_;
    StateMemory* memory_ = nullptr;
    std::vector<Entry> front_;  ///< oldest slice last
    std::vector<Column> spare_;
    Column back_;
    std::int64_t frontEnd_ = std::numeric_limits<std::int64_t>::min();
    std::int64_t foldedFirst_ = std::numeric_limits<std::int64_t>::min();
    std::int64_t foldedEnd_ = std::numeric_limits<std::int64_t>::min();
    bool stale_ = false;
};

/// The same by a running total, for aggregates that can be subtracted: one merge and one subtraction per slice and key.
template <class Aggregate, class Traits>
class RunningTotal {
    using Column = ColumnOf<Traits>;
    using Count = typename Depending<std::uint32_t, Traits>::Type;
    using Accumulator = typename Traits::Accumulator;

public:
    explicit RunningTotal(Aggregate& aggregate) : aggregate_(aggregate) {}

    /// Before the first window: memory is counted there.
    void chargeTo(StateMemory& account) noexcept { total_.chargeTo(&account); }

    void moveTo(const TimeSlices<Traits>& slices, std::int64_t first, std::int64_t end) {
        // slices that are gone have been taken out by beforeDrop
        for (auto at = slices.lower_bound(foldedFirst_); at != slices.end() && at->first < std::min(first, foldedEnd_);
             ++at) {
            takeOut(at->second.cells);
        }
        foldedFirst_ = first;
        for (auto at = slices.lower_bound(std::max(first, foldedEnd_)); at != slices.end() && at->first < end; ++at) {
            takeIn(at->second.cells);
        }
        foldedEnd_ = end;
    }
    template <class Use>
    void combined(std::size_t id, Use&& use) {
        if (total_.has(id)) use(std::as_const(total_)[id]);
    }
    template <class Record>
    void addBehind(std::int64_t slice, std::size_t id, const Record& value, bool firstInSlice) {
        if (slice < foldedFirst_ || slice >= foldedEnd_) return;
        room(id + 1);
        if (total_.hasUnchecked(id)) {
            WindowRecord<Record>::template add<Traits>(aggregate_, value, total_[id]);
        } else {
            total_.start(id, [&] { return WindowRecord<Record>::template first<Traits>(aggregate_, value); });
        }
        if (firstInSlice) ++slicesWith_[id];
    }
    void beforeDrop(std::int64_t slice, const Column& cells) {
        if (foldedFirst_ <= slice && slice < foldedEnd_) takeOut(cells);
    }
    void remap(const std::vector<Count>& newIds, std::size_t count) {
        total_.remap(newIds, count);
        std::vector<Count> counts(total_.size());
        for (std::size_t id = 0; id < std::min(newIds.size(), slicesWith_.size()); ++id) {
            if (newIds[id] != Column::kGone) counts[newIds[id]] = slicesWith_[id];
        }
        slicesWith_ = std::move(counts);
    }
    void startOver() noexcept {
        total_.clear();
        slicesWith_.clear();
        foldedFirst_ = foldedEnd_ = std::numeric_limits<std::int64_t>::min();
    }

private:
    void room(std::size_t count) {
        total_.ensure(count);
        if (slicesWith_.size() < total_.size()) slicesWith_.resize(total_.size());
    }
    void takeIn(const Column& cells) {
        room(cells.size());
        mergeColumn<Traits>(aggregate_, total_, cells);
        for (std::size_t id = 0; id < cells.size(); ++id) slicesWith_[id] += cells.hasUnchecked(id) ? 1u : 0u;
    }
    void takeOut(const Column& cells) {
        for (std::size_t id = 0; id < cells.size(); ++id) {
            if (!cells.hasUnchecked(id)) continue;
            if (--slicesWith_[id] == 0) {
                total_.end(id);  // and no rest of rounding stays behind
            } else {
                Traits::subtract(aggregate_, total_[id], cells[id]);
            }
        }
    }

    Aggregate& aggregate_;
    Column total_;
    std::vector<Count> slicesWith_;  ///< by id: in how many of the slices it is
    std::int64_t foldedFirst_ = std::numeric_limits<std::int64_t>::min();
    std::int64_t foldedEnd_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_SLICE_COMBINER_HPP
