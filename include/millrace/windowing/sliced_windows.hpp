#ifndef MILLRACE_WINDOWING_SLICED_WINDOWS_HPP
#define MILLRACE_WINDOWING_SLICED_WINDOWS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table_scan.hpp>
#include <millrace/windowing/current_span.hpp>
#include <millrace/windowing/slice_combiner.hpp>
#include <millrace/windowing/window_grid.hpp>
#include <millrace/windowing/window_record.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// State of overlapping windows whose aggregate can be merged: every record is added to one slice of time, and windows
/// combine their slices when they fire, column-wise over all keys. Keys have dense ids, which are given anew when half of
/// them are not in use any more.
/// Has the interface of `PaneWindows`.
template <class T, class Key, class KeySelector, class Aggregate>
class SlicedWindows {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    using Column = ColumnOf<Traits>;
    using Slices = TimeSlices<Traits>;
    using Combiner =
        std::conditional_t<Traits::kSubtracts, RunningTotal<Aggregate, Traits>, TwoStacks<Aggregate, Traits>>;
    using Ids = KeyedTable<Key, std::uint32_t>;
    using Count = typename Depending<std::uint32_t, Key>::Type;
    using Number = typename Depending<std::int64_t, Key>::Type;
    static constexpr const char* kStateName = "windows";
    static constexpr std::uint8_t kFormat = 1;
    static constexpr StateLayout kLayout{"windows in slices",
                                         {{"slice", &kTypeInfo<std::int64_t>, true},
                                          {"first unfired", &kTypeInfo<std::int64_t>, true},
                                          {"key", &kTypeInfo<Key>},
                                          {"value", &kTypeInfo<Accumulator>}}};

public:
    SlicedWindows(const WindowGrid& grid, Duration lateness, KeySelector& keySelector, Aggregate& aggregate)
        : grid_(grid), lateness_(lateness), keySelector_(keySelector), aggregate_(aggregate), combiner_(aggregate) {}

    /// Before the first record.
    void chargeTo(StateMemory& account) noexcept {
        memory_ = &account;
        ids_.chargeTo(account);
        combiner_.chargeTo(account);
    }

    bool covers(const Timestamp* times, std::size_t count) const noexcept { return current_.covers(times, count); }
    bool covers(Timestamp t) const noexcept { return current_.covers(t); }

    bool select(Timestamp t, Timestamp watermark) {
        const std::int64_t slice = grid_.sliceOf(t);
        const auto [first, last] = grid_.windowsOf(slice);
        if (last < first || grid_.window(first).maxTimestamp() <= watermark) return false;
        currentCells_ = &cellsOf(slice);
        currentCells_->ensure(keys_.size());
        current_.set(grid_.slice(slice));
        nextEvent_ = std::min(nextEvent_, grid_.window(std::max(first, unfiredFrom_)).maxTimestamp());
        return true;
    }

    template <class Record>
    void add(const Record* values, const std::uint32_t* hashes, std::size_t& at, std::size_t end) {
        Column& cells = *currentCells_;
        cells.ensure(keys_.size());
        LoopCopy<KeySelector> keyOf = keySelector_;
        scanKeyedTable(
            ids_, at, end, hashes,
            [values, &keyOf](std::size_t i) -> decltype(auto) { return WindowRecord<Record>::keyOf(keyOf, values[i]); },
            Addition<Record>{*this, cells, values},
            [this, values, &keyOf, &cells](std::size_t i) {
                const std::uint32_t id = newId(WindowRecord<Record>::keyOf(keyOf, values[i]));
                startCell(cells, id, values[i]);
                return id;
            });
    }

    template <class Record, class FireNow>
    bool addBehind(const Record& value, Timestamp t, Timestamp watermark, FireNow fireNow) {
        const std::int64_t slice = grid_.sliceOf(t);
        const auto [first, last] = grid_.windowsOf(slice);
        if (last < first || cleanupTime(last) <= watermark) return false;
        // the windows that are late for this element must not fire because of it
        unfiredFrom_ = std::max(unfiredFrom_, grid_.firstWindowAfter(watermark));

        const auto& key = WindowRecord<Record>::keyOf(keySelector_, value);
        const std::uint32_t id = ids_.findOrInsert(Ids::lookupKey(key), [&] { return newId(key); });
        ids_.report();
        Column& cells = cellsOf(slice);
        cells.ensure(id + std::size_t{1});
        const bool firstInSlice = !cells.hasUnchecked(id);
        if (firstInSlice) {
            startCell(cells, id, value);
        } else {
            WindowRecord<Record>::template add<Traits>(aggregate_, value, cells[id]);
        }
        combiner_.addBehind(slice, id, value, firstInSlice);

        for (std::int64_t k = last; k >= first && cleanupTime(k) > watermark; --k) {
            if (grid_.window(k).maxTimestamp() <= watermark) {
                fireOne(k, id, fireNow);
            } else {
                nextEvent_ = std::min(nextEvent_, grid_.window(k).maxTimestamp());
            }
        }
        nextEvent_ = std::min(nextEvent_, cleanupTime(last));
        return true;
    }

    Timestamp nextEvent() const noexcept { return nextEvent_; }

    template <class Emitter>
    bool fireSome(Timestamp watermark, Emitter& emitter) {
        if (!firing_) {
            const auto next = nextUnfired();
            if (!next.has_value() || grid_.window(*next).maxTimestamp() > watermark) {
                purge(watermark);
                return false;
            }
            unfiredFrom_ = *next;
            const auto [first, end] = grid_.slicesOf(unfiredFrom_);
            combiner_.moveTo(slices_, first, end);
            firing_ = true;
            position_ = 0;
            current_.reset();
        }
        emitter.begin(grid_.window(unfiredFrom_));
        const std::size_t ids = keys_.size();
        // a bounded number of keys a call, also where the window function emits nothing or only to side outputs
        for (int rounds = 0; rounds < kRoundsPerCall && position_ < ids; ++rounds) {
            std::size_t room = emitter.room();
            if (room == 0) break;
            for (; position_ < ids && room > 0; ++position_) {
                combiner_.combined(position_, [&](const Accumulator& acc) {
                    if (firedBeforeRestore(position_)) return;
                    emitter.emit(keys_[position_], acc);
                    --room;
                });
            }
        }
        emitter.end();
        if (position_ == ids) {
            firing_ = false;
            ++unfiredFrom_;
        }
        return true;
    }

    /// Slices are shared with who writes them, and copied before a record is added to one: after most snapshots only the
    /// newest.
    void snapshot(SnapshotSink& sink, std::string_view uid, int maxParallelism) {
        sink.describe(uid, kStateName, kLayout);
        if (slices_.empty()) return;
        if constexpr (Column::kCanShare && std::is_trivially_copyable_v<Key>) {
            if (canShare()) {
                Owner<SharedSlices> shared(new SharedSlices(uid, maxParallelism, keys_, firstUnfiredOfKey_));
                shared->unfiredFrom = unfiredFrom_;
                shared->slices.reserve(slices_.size());
                for (auto& [number, slice] : slices_) shared->slices.push_back({number, slice.cells.share()});
                current_.reset();
                sink.writeLater(std::move(shared));
                return;
            }
        }
        KeyGroupWriter groups(maxParallelism, kFormat);
        for (const auto& [number, slice] : slices_) {
            for (std::size_t id = 0; id < std::min(slice.cells.size(), keys_.size()); ++id) {
                if (!slice.cells.hasUnchecked(id)) continue;
                writeCell(groups, number, firstUnfiredOf(id, unfiredFrom_, firstUnfiredOfKey_), keys_[id],
                          slice.cells[id]);
            }
        }
        groups.writePieces(sink, uid, kStateName);
    }
    void restore(const SnapshotSource& source, std::string_view uid) {
        readKeyGroups(source, uid, kStateName, kLayout, kFormat, [&](ByteReader& reader) {
            const auto slice = reader.read<std::int64_t>("a slice number");
            if (!grid_.holdsSlice(slice)) reader.fail("this is the number of no slice");
            const auto firstUnfired = reader.read<std::int64_t>("a window number");
            const Key key = decodeState<Key>(reader);
            const std::uint32_t id = ids_.findOrInsert(key, [&] { return newId(key); });
            Column& cells = cellsOf(slice);
            cells.ensure(id + std::size_t{1});
            if (cells.hasUnchecked(id)) reader.fail("a slice has a key twice");
            cells.start(id, [&] { return decodeState<Accumulator>(reader); });
            countUse(id);
            firstUnfiredOfKey_.resize(keys_.size(), kNever);
            firstUnfiredOfKey_[id] = firstUnfired;
            lastFiredBeforeRestore_ = std::max(lastFiredBeforeRestore_, firstUnfired);
            nextEvent_ = std::min(nextEvent_, grid_.window(grid_.windowsOf(slice).first).maxTimestamp());
        });
        ids_.report();
    }

    /// Forgets which windows have fired, and the keys. All windows must have ended.
    void startOver() noexcept {
        ids_.clear();
        keys_.clear();
        uses_.clear();
        firstUnfiredOfKey_.clear();
        unused_ = 0;
        combiner_.startOver();
        current_.reset();
        nextEvent_ = kMaxTimestamp;
        unfiredFrom_ = kNever;
        lastFiredBeforeRestore_ = kNever;
    }

    std::size_t memoryBytes() const noexcept {
        std::size_t bytes = ids_.memoryBytes();
        for (const auto& [number, slice] : slices_) bytes += slice.cells.memoryBytes();
        return bytes;
    }

private:
    /// Adds records to the cells of one slice; declines the first one of a key.
    template <class Record>
    struct Addition {
        SlicedWindows& windows;
        Column& cells;
        const Record* values;

        [[gnu::always_inline]] bool operator()(std::size_t i, std::uint32_t id) const {
            if (!cells.hasUnchecked(id)) [[unlikely]]
                return false;
            WindowRecord<Record>::template add<Traits>(windows.aggregate_, values[i], cells[id]);
            return true;
        }
        void declined(std::size_t i, std::uint32_t id) const { windows.startCell(cells, id, values[i]); }
    };

    static constexpr int kRoundsPerCall = 16;

    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

    static std::int64_t firstUnfiredOf(std::size_t id, std::int64_t ofAll, const std::vector<Number>& ofKey) {
        return std::max(ofAll, id < ofKey.size() ? ofKey[id] : kNever);
    }
    static void writeCell(KeyGroupWriter& groups, std::int64_t slice, std::int64_t firstUnfired, const Key& key,
                          const Accumulator& value) {
        ByteWriter& group = groups.of(key);
        group.write(slice);
        group.write(firstUnfired);
        Codec<Key>::encode(key, group);
        Codec<Accumulator>::encode(value, group);
    }

    /// All slices as they were.
    class SharedSlices final : public DeferredState {
    public:
        SharedSlices(std::string_view uid, int maxParallelism, const std::vector<Key>& keys,
                     const std::vector<Number>& firstUnfiredOfKey)
            : uid_(uid), maxParallelism_(maxParallelism), keys_(keys), firstUnfiredOfKey_(firstUnfiredOfKey) {}

        void writeTo(SnapshotSink& sink) override {
            KeyGroupWriter groups(maxParallelism_, kFormat);
            groups.streamTo(sink, uid_, kStateName);
            for (const auto& [number, cells] : slices) {
                cells.forEach([&, slice = number](std::size_t id, const Accumulator& value) {
                    writeCell(groups, slice, firstUnfiredOf(id, unfiredFrom, firstUnfiredOfKey_), keys_[id], value);
                });
            }
            groups.writePieces(sink, uid_, kStateName);
        }

        std::vector<std::pair<std::int64_t, typename Column::Shared>> slices;
        std::int64_t unfiredFrom = kNever;

    private:
        std::string uid_;
        int maxParallelism_;
        std::vector<Key> keys_;
        std::vector<Number> firstUnfiredOfKey_;
    };
    bool canShare() const noexcept {
        bool can = true;
        for (const auto& [number, slice] : slices_) can = can && slice.cells.canShare();
        return can;
    }

    Timestamp cleanupTime(std::int64_t window) const noexcept {
        return saturatingAdd(grid_.window(window).maxTimestamp(), lateness_);
    }

    template <class K>
    [[gnu::noinline]] std::uint32_t newId(const K& key) {
        const std::size_t id = keys_.size();
        if (id >= Column::kGone) throw std::length_error("millrace: more than 2^32 - 1 keys in sliding windows");
        keys_.push_back(Key(key));
        uses_.push_back(0);
        ++unused_;
        return static_cast<std::uint32_t>(id);
    }
    template <class Record>
    [[gnu::noinline]] void startCell(Column& cells, std::uint32_t id, const Record& value) {
        cells.ensure(id + std::size_t{1});
        cells.start(id, [&] { return WindowRecord<Record>::template first<Traits>(aggregate_, value); });
        countUse(id);
    }
    void countUse(std::size_t id) {
        if (uses_[id]++ == 0) --unused_;
    }

    Column& cellsOf(std::int64_t number) {
        const auto found = slices_.lower_bound(number);
        if (found != slices_.end() && found->first == number) {
            found->second.cells.unshare();
            return found->second.cells;
        }
        if (spare_.empty()) {
            Column& cells = slices_.try_emplace(found, number)->second.cells;
            cells.chargeTo(memory_);
            return cells;
        }
        spare_.back().key() = number;
        const auto added = slices_.insert(found, std::move(spare_.back()));
        spare_.pop_back();
        return added->second.cells;
    }

    /// The first window that has not fired and contains something.
    std::optional<Number> nextUnfired() const {
        const auto slice =
            unfiredFrom_ == kNever ? slices_.begin() : slices_.lower_bound(grid_.slicesOf(unfiredFrom_).first);
        if (slice == slices_.end()) return std::nullopt;
        return std::max(unfiredFrom_, grid_.windowsOf(slice->first).first);
    }

    /// After a restore: whether the current window had fired for this key before.
    bool firedBeforeRestore(std::size_t id) const noexcept {
        return unfiredFrom_ < lastFiredBeforeRestore_ && id < firstUnfiredOfKey_.size() &&
               unfiredFrom_ < firstUnfiredOfKey_[id];
    }

    template <class FireNow>
    void fireOne(std::int64_t k, std::uint32_t id, FireNow& fireNow) {
        const auto [first, end] = grid_.slicesOf(k);
        std::optional<Accumulator> acc;
        for (auto at = slices_.lower_bound(first); at != slices_.end() && at->first < end; ++at) {
            if (!at->second.cells.has(id)) continue;
            if (acc.has_value()) {
                Traits::merge(aggregate_, *acc, at->second.cells[id]);
            } else {
                acc.emplace(at->second.cells[id]);
            }
        }
        fireNow(grid_.window(k), keys_[id], *acc);
    }

    /// Drops the slices all of whose windows are late, and finds out when the next thing happens.
    void purge(Timestamp watermark) {
        unfiredFrom_ = std::max(unfiredFrom_, grid_.firstWindowAfter(watermark));
        while (!slices_.empty() && cleanupTime(grid_.windowsOf(slices_.begin()->first).last) <= watermark) {
            auto node = slices_.extract(slices_.begin());
            Column& cells = node.mapped().cells;
            if (&cells == currentCells_) current_.reset();
            combiner_.beforeDrop(node.key(), cells);
            for (std::size_t id = 0; id < std::min(cells.size(), keys_.size()); ++id) {
                if (cells.hasUnchecked(id) && --uses_[id] == 0) ++unused_;
            }
            cells.clear();
            if (spare_.size() < 2 || (spare_.size() < 64 && cells.memoryBytes() < kSmall))
                spare_.push_back(std::move(node));
        }
        if (unused_ > 1024 && unused_ > keys_.size() / 2) renumber();
        nextEvent_ = kMaxTimestamp;
        if (slices_.empty()) return;
        nextEvent_ = cleanupTime(grid_.windowsOf(slices_.begin()->first).last);
        if (const auto next = nextUnfired()) nextEvent_ = std::min(nextEvent_, grid_.window(*next).maxTimestamp());
    }

    /// Gives the keys that are in some slice new dense ids and forgets the others.
    void renumber() {
        std::vector<Count> newIds(keys_.size(), Column::kGone);
        std::vector<Key> keys;
        std::vector<Count> uses;
        std::vector<Number> firstUnfired;
        for (std::size_t id = 0; id < keys_.size(); ++id) {
            if (uses_[id] == 0) continue;
            newIds[id] = static_cast<std::uint32_t>(keys.size());
            keys.push_back(std::move(keys_[id]));
            uses.push_back(uses_[id]);
            if (id < firstUnfiredOfKey_.size()) firstUnfired.push_back(firstUnfiredOfKey_[id]);
        }
        keys_ = std::move(keys);
        uses_ = std::move(uses);
        firstUnfiredOfKey_ = std::move(firstUnfired);
        unused_ = 0;
        ids_.clear();
        for (std::size_t id = 0; id < keys_.size(); ++id) {
            ids_.findOrInsert(keys_[id], [&] { return static_cast<std::uint32_t>(id); });
        }
        ids_.report();
        for (auto& [number, slice] : slices_) slice.cells.remap(newIds, keys_.size());
        combiner_.remap(newIds, keys_.size());
        spare_.clear();
    }

    static constexpr std::size_t kSmall = 64 * 1024;

    WindowGrid grid_;
    Duration lateness_;
    KeySelector& keySelector_;
    Aggregate& aggregate_;

    StateMemory* memory_ = nullptr;
    Ids ids_;
    std::vector<Key> keys_;    ///< by id
    std::vector<Count> uses_;  ///< by id: number of slices it is in
    std::size_t unused_ = 0;   ///< ids that are in no slice

    Slices slices_;
    std::vector<typename Slices::node_type> spare_;
    Combiner combiner_;
    CurrentSpan current_;
    Column* currentCells_ = nullptr;  ///< valid while `current_` covers something
    Timestamp nextEvent_ = kMaxTimestamp;
    std::int64_t unfiredFrom_ = kNever;  ///< windows before have fired
    bool firing_ = false;                ///< the window `unfiredFrom_`, from id `position_` on
    std::size_t position_ = 0;

    std::vector<Number> firstUnfiredOfKey_;  ///< by id, for keys restored from a snapshot
    std::int64_t lastFiredBeforeRestore_ = kNever;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_SLICED_WINDOWS_HPP
