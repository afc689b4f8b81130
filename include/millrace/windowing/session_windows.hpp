#ifndef MILLRACE_WINDOWING_SESSION_WINDOWS_HPP
#define MILLRACE_WINDOWING_SESSION_WINDOWS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/record/block.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table_scan.hpp>
#include <millrace/state/table_snapshot.hpp>
#include <millrace/windowing/key_sessions.hpp>
#include <millrace/windowing/merging_window_set.hpp>
#include <millrace/windowing/triggers/trigger.hpp>
#include <millrace/windowing/window_alarms.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_cell_codec.hpp>
#include <millrace/windowing/window_contents.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// Sessions whose windows end in the order in which they begin.
template <class Assigner>
concept OneGap = requires(const Assigner& assigner) {
    { assigner.gap() } -> std::same_as<Duration>;
};

/// The sessions of all keys, in a table by key, and a queue of the keys that have to be looked at.
///
/// A record that prolongs the open session of its key, or falls into it, costs two comparisons. All else is off that path.
///
/// When a session ends is found out in one of two ways, which of them is only a matter of time:
/// - Its key waits in the queue, with an alarm, for the end that it had when the alarm was set; the queue finds out that
///   it has grown since, and it waits again.
/// - *Eager*, where sessions are of few records that come in order: every record leaves a wake at the end of a run,
///   and that of the last one finds the session at its end. Nothing needs to be sorted.
/// Every session that has not fired has an alarm that is not later than its end, or a wake in the run at its end.
template <class T, class Key, class KeySelector, class Assigner, class Aggregate>
class SessionWindows {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    using Cell = WindowCell<TimeWindow, Accumulator, NoTriggerState, NoTriggerTimers>;
    using Entry = KeySessions<Cell>;
    using Table = KeyedTable<Key, Entry>;
    using Slot = typename Table::Slot;
    static constexpr std::uint8_t kFormat = 1;
    static constexpr const char* kStateName = "keyed windows";  // the general operator reads and writes the same

public:
    SessionWindows(const Assigner& assigner, Duration lateness, KeySelector& keySelector, Aggregate& aggregate)
        : assigner_(assigner), lateness_(lateness), keySelector_(keySelector), aggregate_(aggregate) {}
    SessionWindows(const SessionWindows&) = delete;
    SessionWindows& operator=(const SessionWindows&) = delete;

    /// Before the first record.
    void chargeTo(StateMemory& account) noexcept {
        table_.chargeTo(account);
        cells_.chargeTo(account);
    }

    /// Adds the records of a block; `at` is the one at hand when something throws. Calls `missed(i)` for those that are
    /// late, and `fireNow(window, key, accumulator)` for sessions that have ended but are not late yet.
    template <class FireNow, class Missed>
    void add(const Block<T>& block, std::size_t& at, Timestamp watermark, FireNow fireNow, Missed missed) {
        LoopCopy<KeySelector> keyOf = keySelector_;
        const T* const values = block.values;
        const Timestamp* const times = block.timestamps;
        const auto keyAt = [values, &keyOf](std::size_t i) -> decltype(auto) {
            return detail::invoke(keyOf, values[i]);
        };
        records_ += block.size;
        isExact_ = kEager && eager_ && isInOrder(times, block.size);
        const bool exact = isExact_;
        const bool mayLackAlarms = !exact && !run_.empty();
        // out of the loop, with arguments that fit into registers
        const auto outside = [ this, watermark, &fireNow, &missed ](Entry & entry, const T& value, std::size_t i,
                                                                    TimeWindow window) __attribute__((noinline)) {
            const auto& key = detail::invoke(keySelector_, value);
            const bool added = entry.empty() ? addFirst(entry, value, key, window, watermark, fireNow)
                                             : addToOthers(entry, value, key, window, watermark, fireNow);
            if (!added) [[unlikely]]
                missed(i);
        };
        scanKeyedTable(
            table_, at, block.size, block.hashes, keyAt,
            [ this, values, times, exact, mayLackAlarms, watermark, &outside ](std::size_t i, Entry & entry)
                __attribute__((always_inline)) {
                    const TimeWindow window = windowOf(values[i], times[i]);
                    if (entry.prolong(window)) {
                        Traits::add(aggregate_, values[i], entry.contents);
                        if (mayLackAlarms) [[unlikely]]
                            armOpen(entry, values[i]);
                    } else if (exact && entry.empty() && window.maxTimestamp() > watermark) {
                        entry.open(window);
                        entry.contents = Traits::firstAccumulator(aggregate_, values[i]);
                        ++live_;
                    } else {
                        outside(entry, values[i], i, window);
                    }
                },
            [this, values, times, &outside](std::size_t i) {
                Entry entry;
                outside(entry, values[i], i, windowOf(values[i], times[i]));
                return entry;
            });
        if (exact) leaveWakes(block);
    }

    /// Nothing fires or ends before the watermark has reached this.
    Timestamp nextEvent() noexcept {
        const Timestamp next = queue_.nextTime();
        return run_.empty() ? next : std::min(next, run_.first()->time);
    }

    /// Goes on with firing: emits as many results as there is room for. Returns false when all is done.
    template <class Emitter>
    bool fireSome(Timestamp watermark, Emitter& emitter) {
        if (due_.empty() && !findDue(watermark)) {
            clearDeadEntries(table_, live_);
            if (kEager && records_ >= kEnough) chooseWay();
            return false;
        }
        while (!due_.empty() && emitter.hasRoom()) {
            const auto [slot, time] = due_.take();
            fireKey(slot, time, emitter);
            ++fired_;
        }
        return true;
    }

    void snapshot(SnapshotSink& sink, std::string_view uid, int maxParallelism) {
        writeTable(sink, table_, false, {std::string(uid), kStateName, maxParallelism, kFormat}, kCellLayout<Key, Cell>,
                   [](ByteWriter& group, const Key& key, const Entry& entry) {
                       entry.forEach([&](const TimeWindow& window, const Accumulator& contents, bool pending) {
                           Codec<Key>::encode(key, group);
                           writeWindow(window, true, pending, group);
                           Codec<Accumulator>::encode(contents, group);
                       });
                   });
    }
    void restore(const SnapshotSource& source, std::string_view uid) {
        readKeyGroups(source, uid, kStateName, kCellLayout<Key, Cell>, kFormat, [&](ByteReader& reader) {
            const Key key = decodeState<Key>(reader);
            Cell cell;
            WindowContents<T, Aggregate, NoEvictor>::start(aggregate_, cell.contents, nullptr);
            readCell(reader, cell);
            if (!cell.hasContents || cell.window.end <= cell.window.start) reader.fail("this is not a session");
            Entry& entry = table_.findOrInsert(key, [] { return Entry{}; });
            if (entry.empty()) ++live_;
            entry.add(cells_, cell.window, std::move(cell.contents), cell.pending);
            arm(entry, Table::hashOf(key), cell.window, cell.pending);
        });
        table_.report();
    }

    /// Forgets what a key has left that is finished.
    void startOver() {
        table_.thaw();
        table_.forEach(
            [this](const Key&, Entry& entry) { entry.removeIf(cells_, [](const auto&...) { return true; }); });
        table_.clear();
        live_ = 0;
        queue_.startOver();
        run_.clear();
    }

    /// Keys with sessions, and those whose entries wait to be used again or cleared away.
    std::size_t liveKeys() const noexcept { return live_; }
    std::size_t keptKeys() const noexcept { return table_.size(); }
    /// Whether the last records have left wakes in the run.
    bool isEager() const noexcept { return isExact_; }

private:
    TimeWindow windowOf(const T& value, Timestamp time) const {
        return assigner_.assignWindow(value, time, AssignerContext(kMinTimestamp));
    }

    // ---- records ----

    /// A key's first session; false if the record is late.
    template <class K, class FireNow>
    [[gnu::always_inline]] bool addFirst(Entry& entry, const T& value, const K& key, const TimeWindow& window,
                                         Timestamp watermark, FireNow& fireNow) {
        const Timestamp last = window.maxTimestamp();
        if (last > watermark) [[likely]] {
            entry.open(window);
            entry.contents = Traits::firstAccumulator(aggregate_, value);
            if (!isExact_ && entry.alarm.isLaterThan(last)) setAlarm(entry, Table::hashOf(Table::lookupKey(key)), last);
        } else {
            if (cleanUpTime(window) <= watermark) return false;
            put(entry, key, window, Traits::firstAccumulator(aggregate_, value), watermark, fireNow);
        }
        ++live_;
        return true;
    }
    /// Adds a record that is not for the open session alone; false if it is late.
    template <class K, class FireNow>
    [[gnu::noinline]] bool addToOthers(Entry& entry, const T& value, const K& key, TimeWindow window,
                                       Timestamp watermark, FireNow& fireNow) {
        if (entry.others == nullptr && entry.open().intersects(window)) {  // reaches the open session from before
            entry.open(entry.open().cover(window));
            Traits::add(aggregate_, value, entry.contents);
            return true;
        }
        WindowMerge<TimeWindow> merge(window);
        entry.forEach([&](const TimeWindow& other, const auto&...) { merge.look(other); });
        if (merge.count() > 0) {
            Accumulator contents = takeIntersecting(entry, window);
            Traits::add(aggregate_, value, contents);
            put(entry, key, merge.result(), std::move(contents), watermark, fireNow);
            return true;
        }
        if (cleanUpTime(window) <= watermark) return false;
        put(entry, key, window, Traits::firstAccumulator(aggregate_, value), watermark, fireNow);
        return true;
    }
    /// What the sessions that a window makes one have; they are gone then.
    Accumulator takeIntersecting(Entry& entry, const TimeWindow& window) {
        Accumulator all{};
        bool any = false;
        entry.removeIf(cells_, [&](const TimeWindow& other, Accumulator& contents, bool) {
            if (!other.intersects(window)) return false;
            if (std::exchange(any, true)) {
                mergeAccumulators<T>(aggregate_, all, contents);
            } else {
                all = std::move(contents);
            }
            return true;
        });
        return all;
    }
    template <class K, class FireNow>
    [[gnu::noinline]] void put(Entry& entry, const K& key, const TimeWindow& window, Accumulator&& contents,
                               Timestamp watermark, FireNow& fireNow) {
        const bool pending = window.maxTimestamp() > watermark;
        if (!pending) [[unlikely]]
            fireNow(window, Key(key), contents);
        entry.add(cells_, window, std::move(contents), pending);
        arm(entry, Table::hashOf(Table::lookupKey(key)), window, pending);
    }
    /// Sees to it that the entry is looked at when one of its sessions has something to do.
    void arm(Entry& entry, std::uint64_t hash, const TimeWindow& window, bool pending) {
        const Timestamp next = pending ? window.maxTimestamp() : cleanUpTime(window);
        if (next != kMaxTimestamp && entry.alarm.isLaterThan(next)) setAlarm(entry, hash, next);
    }
    /// An open session that has grown, where it may have been left to the run.
    [[gnu::noinline]] void armOpen(Entry& entry, const T& value) {
        const Timestamp last = entry.lastOfOpen();
        if (!entry.alarm.isLaterThan(last)) return;
        setAlarm(entry, Table::hashOf(Table::lookupKey(detail::invoke(keySelector_, value))), last);
    }
    void setAlarm(Entry& entry, std::uint64_t hash, Timestamp time) {
        entry.alarm.set(time);
        queue_.push(time, hash);
    }

    // ---- the run ----

    /// Whether records of this block can leave wakes behind those that are there.
    bool isInOrder(const Timestamp* times, std::size_t count) noexcept {
        if constexpr (kEager) {
            if (!run_.empty() && run_.last().time > lastOf(times[0])) eager_ = false;
            if (run_.size() > 1024 + 8 * live_) eager_ = false;  // the watermark stands still
            bool descends = false;                               // one loop without exit, so that it is vectorised
            for (std::size_t i = 1; i < count; ++i) descends |= times[i] < times[i - 1];
            if (descends) eager_ = false;
        }
        return eager_;
    }
    /// The last timestamp of a session whose last record has this one.
    Timestamp lastOf(Timestamp time) const noexcept {
        return TimeWindow{time, saturatingAdd(time, assigner_.gap())}.maxTimestamp();
    }
    void leaveWakes(const Block<T>& block) {
        if constexpr (kEager) {
            LoopCopy<KeySelector> keyOf = keySelector_;
            Wake* const wakes = run_.append(block.size);
            for (std::size_t i = 0; i < block.size; ++i) {
                const auto& key = detail::invoke(keyOf, block.values[i]);
                wakes[i] = {lastOf(block.timestamps[i]), Table::hashOf(Table::lookupKey(key))};
            }
        }
    }
    /// A wake of the run costs half of what one costs that has to be sorted in, and many a session waits twice.
    void chooseWay() noexcept {
        const std::uint64_t looked = due_.looked() - std::exchange(lookedBefore_, due_.looked());
        eager_ = eager_ ? fired_ > records_ / 5 : looked > records_ / 2;
        records_ = fired_ = 0;
    }

    // ---- times ----

    /// When a session is gone; kMaxTimestamp: never.
    Timestamp cleanUpTime(const TimeWindow& window) const noexcept {
        return saturatingAdd(window.maxTimestamp(), lateness_);
    }
    bool isGone(const TimeWindow& window, Timestamp time) const noexcept {
        const Timestamp end = cleanUpTime(window);
        return end <= time && end != kMaxTimestamp;
    }
    /// The first of what the sessions of a key have to do; false: nothing.
    bool nextOf(const Entry& entry, Timestamp& next) const noexcept {
        next = entry.isOpen() ? entry.lastOfOpen() : kMaxTimestamp;
        for (const Cell* cell = entry.others; cell != nullptr; cell = cell->next) {
            next = std::min(next, cell->pending ? cell->window.maxTimestamp() : cleanUpTime(cell->window));
        }
        return next != kMaxTimestamp;
    }

    // ---- firing ----

    bool findDue(Timestamp watermark) {
        const auto alarmOf = [](Entry& entry) -> Alarm& { return entry.alarm; };
        const auto nextOf = [this](const Entry& entry, Timestamp& next) { return this->nextOf(entry, next); };
        if constexpr (kEager) {
            if (!run_.empty()) return due_.refill(table_, queue_, run_, watermark, alarmOf, nextOf);
        }
        return due_.refill(table_, queue_, watermark, alarmOf, nextOf);
    }
    template <class Emitter>
    void fireKey(Slot& slot, Timestamp time, Emitter& emitter) {
        Entry& entry = slot.value;
        if (entry.empty()) return;  // has come twice
        table_.keep(&slot);
        const Key& key = table_.keyOf(slot);
        if (entry.others != nullptr) [[unlikely]]
            fireOthers(entry, key, time, emitter);
        if (entry.isOpen() && entry.lastOfOpen() <= time) {
            const TimeWindow window = entry.open();
            emit(window, key, entry.contents, emitter);
            if (isGone(window, time)) {
                entry.close();
            } else {
                entry.putAside(cells_, false);
            }
        }
        if (entry.empty()) --live_;
        Timestamp next;
        if (!nextOf(entry, next)) return;
        if (next <= due_.until()) {
            due_.again(slot, next);
        } else if (entry.alarm.isLaterThan(next)) {
            setAlarm(entry, Table::hashOf(key), next);
        }
    }
    template <class Emitter>
    [[gnu::noinline]] void fireOthers(Entry& entry, const Key& key, Timestamp time, Emitter& emitter) {
        for (Cell** at = &entry.others; *at != nullptr;) {
            Cell* const cell = *at;
            if (cell->pending && cell->window.maxTimestamp() <= time) {
                cell->pending = false;
                emit(cell->window, key, cell->contents, emitter);
            }
            if (isGone(cell->window, time)) {
                entry.removeOther(cells_, at);
            } else {
                at = &cell->next;
            }
        }
    }
    template <class Emitter>
    static void emit(const TimeWindow& window, const Key& key, const Accumulator& contents, Emitter& emitter) {
        emitter.begin(window);
        emitter.emit(key, contents);
        emitter.end();
    }

    Assigner assigner_;
    Duration lateness_;
    KeySelector& keySelector_;
    Aggregate& aggregate_;
    Table table_;
    CellPool<Cell> cells_;
    WakeQueue queue_;
    DueEntries<Table> due_;  ///< what is firing
    std::size_t live_ = 0;

    /// Not where wakes would have to be put in order, keys to be hashed once more, or several keys share a hash.
    static constexpr bool kEager = kIntegerKey<Key> && OneGap<Assigner>;
    static constexpr std::uint64_t kEnough = 64;  ///< records to choose by
    WakeRun run_;
    bool eager_ = false;
    bool isExact_ = false;  ///< the records at hand leave wakes
    // since the way was chosen:
    std::uint64_t records_ = 0;
    std::uint64_t fired_ = 0;  ///< keys
    std::uint64_t lookedBefore_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_SESSION_WINDOWS_HPP
