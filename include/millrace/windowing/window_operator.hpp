#ifndef MILLRACE_WINDOWING_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_WINDOW_OPERATOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/overdue_timers.hpp>
#include <millrace/state/table_snapshot.hpp>
#include <millrace/windowing/cell_merger.hpp>
#include <millrace/windowing/late_records.hpp>
#include <millrace/windowing/merging_window_set.hpp>
#include <millrace/windowing/wake_queue.hpp>
#include <millrace/windowing/window_alarms.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_cell_codec.hpp>
#include <millrace/windowing/window_cells.hpp>
#include <millrace/windowing/window_contents.hpp>
#include <millrace/windowing/window_emitter.hpp>
#include <millrace/windowing/window_failures.hpp>
#include <millrace/windowing/window_schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace millrace::detail {

struct FinalTrigger;

/// Windows of a keyed stream with any assigner, trigger and evictor.
///
/// Key-major: each key has its windows, each window its contents, trigger state and timers. Instead of a timer per window
/// a key asks to be looked at when the first of its windows has something to do; where that has moved on meanwhile (a
/// session that has grown) it asks again. Timers fire in ascending order, and their results precede the watermark.
/// *State:* "keyed windows": windows with contents, trigger state and timers by key; see `OverdueTimers`. A restored operator
/// has no watermark.
template <class T, class KeySelector, class Assigner, class Trigger, class Evictor, class Aggregate,
          class WindowFn = NoWindowFunction, class Out = typename AggregateTraits<Aggregate, T>::Result>
struct WindowOperator {
    using Input = T;
    using Output = Out;
    KeySelector keySelector;
    Assigner assigner;
    Trigger trigger;
    Evictor evictor;
    Aggregate aggregate;
    WindowFn windowFunction{};
    Duration allowedLateness{};
    std::string lateKey{};  ///< of the side output for late records; empty: they are dropped

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Assigner, class Trigger, class Evictor, class Aggregate, class WindowFn,
          class Out>
template <class Next>
class WindowOperator<T, KeySelector, Assigner, Trigger, Evictor, Aggregate, WindowFn, Out>::Node
    : public ForwardingNode<Next> {
    using Key = KeyOf<KeySelector, T>;
    using Window = typename Assigner::Window;
    using Schedule = WindowSchedule<Assigner, Trigger>;
    using Contents = WindowContents<T, Aggregate, Evictor>;
    static constexpr std::uint8_t kFormat = 1;
    static constexpr const char* kStateName = "keyed windows";
    static constexpr bool kEventTime = Assigner::kEventTime;
    static constexpr bool kUsual = Schedule::kUsual;
    static constexpr std::size_t kDomains = Schedule::kDomains;
    static constexpr std::size_t kEvents = Schedule::kEvents;
    static constexpr std::size_t kClock = Schedule::kClock;
    static constexpr std::size_t kCleanUp = Schedule::kCleanUp;
    static constexpr bool kHasEvents = Schedule::kHasEvents;
    static constexpr bool kHasClock = Schedule::kHasClock;
    static constexpr bool kIsFinal = std::is_same_v<Trigger, FinalTrigger>;
    /// A trigger may set timers behind the watermark.
    static constexpr bool kTimersMayWait = kHasEvents && !kUsual;

    using Timers = std::conditional_t<kUsual, NoTriggerTimers, TriggerTimers>;
    using Cell = WindowCell<Window, typename Contents::Type, TriggerStateOf<Trigger, T>, Timers>;
    using Entry = KeyWindows<Cell, kDomains>;
    using Table = KeyedTable<Key, Entry>;
    using Slot = typename Table::Slot;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : ForwardingNode<Next>(refs.rest), keySelector_(refs.op.keySelector), assigner_(refs.op.assigner),
          trigger_(refs.op.trigger), evictor_(refs.op.evictor), aggregate_(refs.op.aggregate),
          emitter_(refs.op.windowFunction, aggregate_), schedule_{refs.op.allowedLateness},
          late_(refs.op.allowedLateness, refs.op.lateKey) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        late_.open(context);
        const OperatorId& id = context.takeOperator();
        aggregate_.open(context, id);
        emitter_.open(context, id, Assigner::kMerging);
        context.account(memory_, id, "windows");
        table_.chargeTo(memory_);
        cells_.chargeTo(memory_);
        chargeTo(memory_, aggregate_.get());
        this->next_.open(context);
    }
    void close() {
        closeBoth([this] { emitter_.close(); },
                  [this] { closeBoth([this] { aggregate_.close(); }, [this] { eventTarget(this->next_).close(); }); });
    }

    void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        if constexpr (kEventTime) {
            if (block.timestamps == nullptr) failWithoutTimestamp();
            const Timestamp* const end = block.timestamps + block.size;
            if (std::find<const Timestamp*>(block.timestamps, end, kMinTimestamp) != end) failWithoutTimestamp();
        }
        now_ = stage_->currentProcessingTime();
        if constexpr (requires { assigner_.beginStagger(now_, stage_->seed); }) {
            if (!std::exchange(staggered_, true)) assigner_.beginStagger(now_, stage_->seed);
        }
        addRecords(block);
        sendLostRecords(aggregate_.get(), block, *outputs_);
        emitResults();
        askForClock();
        clearDeadEntries(table_, liveKeys_);
    }
    void push(T&& value, Timestamp timestamp) {
        pushBlock({&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1});
    }

    Progress onWatermark(Timestamp watermark) {
        if (watermark > watermark_) watermark_ = watermark;
        emitter_.setWatermark(watermark_);
        if constexpr (kHasEvents) {
            if (queues_[kEvents].isDue(watermark_) && !overdue_.comesAgain(watermark_)) {
                now_ = stage_->currentProcessingTime();
                return startFiring(Firing::Events);
            }
        }
        return passOn(watermark);
    }
    Progress onProcessingTime(Timestamp now) {
        if constexpr (kHasClock) {
            now_ = now;
            if (now >= askedFor_) askedFor_ = kMaxTimestamp;
            if (queues_[kClock].isDue(now)) return startFiring(Firing::Clock);
            askForClock();
        }
        return eventTarget(this->next_).onProcessingTime(now);
    }
    Progress resume() { return firing_ != Firing::Nothing ? goOnFiring() : eventTarget(this->next_).resume(); }

    /// The key at hand gets no more records: its event time ends, then its processing time.
    Progress endKey() {
        endingKey_ = true;
        watermark_ = kMaxTimestamp;
        emitter_.setWatermark(watermark_);
        now_ = stage_->currentProcessingTime();
        return startFiring(kHasEvents ? Firing::Events : Firing::Clock);
    }

    void snapshot(SnapshotSink& sink) {
        writeTable(sink, table_, false, {aggregate_.id().uid, kStateName, stage_->maxParallelism, kFormat},
                   kCellLayout<Key, Cell>, [](ByteWriter& group, const Key& key, const Entry& entry) {
                       for (const Cell* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
                           Codec<Key>::encode(key, group);
                           writeCell(*cell, group);
                       }
                   });
        snapshotOverdue(sink);
        emitter_.snapshot(sink);
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        restoreState(source);
        eventTarget(this->next_).restore(source);
    }

    /// Keys with windows, and those whose entries wait to be used again or cleared away.
    std::size_t liveKeys() const noexcept { return liveKeys_; }
    std::size_t keptKeys() const noexcept { return table_.size(); }

private:
    enum class Firing : std::uint8_t { Nothing, Events, Clock };

    // ---- records ----

    void addRecords(Block<T> block) {
        std::size_t at = 0;
        try {
            LoopCopy<KeySelector> keyOf = keySelector_;
            T* const values = block.values;
            const auto keyAt = [values, &keyOf](std::size_t i) -> decltype(auto) {
                return detail::invoke(keyOf, std::as_const(values[i]));
            };
            const Timestamp* const times = block.timestamps;
            scanKeyedTable(
                table_, at, block.size, block.hashes, keyAt,
                [this, values, times, &keyAt](std::size_t i, Entry& entry) {
                    addRecord(entry, values[i], times != nullptr ? times[i] : kMinTimestamp, keyAt, i);
                },
                [this, values, times, &keyAt](std::size_t i) {
                    return entryWith(values[i], times != nullptr ? times[i] : kMinTimestamp, keyAt, i);
                });
        } catch (...) {
            fail(block.values[at], block.timestampOf(at));
        }
    }

    template <class KeyAt>
    [[gnu::noinline]] Entry entryWith(T& value, Timestamp time, const KeyAt& keyAt, std::size_t i) {
        Entry entry;
        addRecord(entry, value, time, keyAt, i);
        return entry;
    }
    template <class KeyAt>
    [[gnu::always_inline]] void addRecord(Entry& entry, T& value, Timestamp time, const KeyAt& keyAt, std::size_t i) {
        bool taken = false;
        const AssignerContext context(now_);
        if constexpr (AssignsOneWindow<Assigner, T>) {
            taken = addTo(entry, assigner_.assignWindow(std::as_const(value), time, context), value, time, keyAt, i);
        } else {
            windows_.clear();
            assigner_.assignWindows(std::as_const(value), time, context, windows_);
            for (const Window& window : windows_) taken = addTo(entry, window, value, time, keyAt, i) || taken;
        }
        if constexpr (kEventTime) {
            if (!taken) [[unlikely]]
                late_.missed(&value, time, watermark_);
        }
    }

    /// False if the window is late.
    template <class KeyAt>
    bool addTo(Entry& entry, const Window& window, const T& value, Timestamp time, const KeyAt& keyAt, std::size_t i) {
        Cell* const cell = Assigner::kMerging ? mergedCell(entry, window) : cellOf(entry, window);
        if (cell == nullptr) return false;
        Contents::append(aggregate_.get(), *cell, value, time, memory_);
        const TriggerResult result = ask(*cell, value, time);
        if (result != TriggerResult::Continue) [[unlikely]] {
            const Key key(keyAt(i));
            act(result, key, *cell);
            if (isAtRest(key, *cell)) {
                removeCell(key, entry, cell, cellBefore(entry, cell));
                return true;
            }
        }
        for (std::size_t domain = 0; domain < kDomains; ++domain) {
            Timestamp next;
            if (!schedule_.nextOfCell(*cell, domain, next) || !entry.alarms[domain].isLaterThan(next)) continue;
            entry.alarms[domain].set(next);
            queues_[domain].push(next, Table::hashOf(Table::lookupKey(keyAt(i))));
        }
        return true;
    }

    /// The cell of a window, made if need be; null if the window is late.
    Cell* cellOf(Entry& entry, const Window& window) {
        if (isLate(window)) return nullptr;
        for (Cell* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
            if (cell->window == window) return cell;
        }
        return newCell(entry, window);
    }
    /// The same for windows that merge with those that they intersect.
    [[gnu::always_inline]] Cell* mergedCell(Entry& entry, const Window& window) {
        if constexpr (Assigner::kMerging) {
            if (Cell& first = entry.first; first.next == nullptr) [[likely]] {  // the usual key has one window, or none
                if (!first.live || !first.window.intersects(window)) {
                    return isLate(window) ? nullptr : newCell(entry, window);
                }
                const Window result = first.window.cover(window);
                if (!(result == first.window)) mergeCells(entry, window, result, 1, &first);
                return &first;
            }
            return mergedWithSeveral(entry, window);
        } else {
            (void)entry;
            (void)window;
            return nullptr;
        }
    }
    [[gnu::noinline]] Cell* mergedWithSeveral(Entry& entry, const Window& window) {
        WindowMerge<Window> merge(window);
        Cell* into = nullptr;
        for (Cell* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
            if (merge.look(cell->window) && into == nullptr) into = cell;
        }
        if (into == nullptr) return isLate(window) ? nullptr : newCell(entry, window);
        if (!merge.absorbed()) mergeCells(entry, window, merge.result(), merge.count(), into);
        return into;
    }
    void mergeCells(Entry& entry, const Window& added, const Window& result, std::size_t count, Cell* into) {
        if (isLate(result)) [[unlikely]]
            throwMergedTooEarly(aggregate_.id(), aggregate_.subtask());
        using Merger = CellMerger<Schedule, Contents, Aggregate, Trigger, Cell>;
        Merger{aggregate_.get(), trigger_, cells_, watermark_, now_}.merge(entry, added, result, count, into);
    }
    Cell* newCell(Entry& entry, const Window& window) {
        if (entry.empty()) ++liveKeys_;
        Cell& cell = entry.add(cells_);
        cell.window = window;
        return &cell;
    }
    TriggerResult ask(Cell& cell, const T& value, Timestamp time) {
        if constexpr (kUsual) {
            if (kEventTime && cell.window.maxTimestamp() <= watermark_) {
                cell.pending = false;
                return TriggerResult::Fire;
            }
            cell.pending = true;
            return TriggerResult::Continue;
        } else {
            TriggerContext context(watermark_, now_, cell.timers.event, cell.timers.processing);
            const TriggerResult result = trigger_.onElement(value, time, cell.window, cell.trigger, context);
            if (const Timestamp end = schedule_.cleanUpTime(cell.window); end != kMaxTimestamp) {
                (kEventTime ? cell.timers.event : cell.timers.processing).add(end);
            }
            return result;
        }
    }

    bool isLate(const Window& window) const noexcept { return schedule_.isLate(window, watermark_); }

    // ---- firing ----

    Progress startFiring(Firing what) {
        firing_ = what;
        return goOnFiring();
    }
    Progress goOnFiring() {
        for (;;) {
            if (stage_->outputBlocked && stage_->maySuspend) {
                this->next_.flush();
                return Progress::Suspended;
            }
            if (!fireSome()) {
                if (!endingKey_ || !kHasClock || firing_ == Firing::Clock) break;
                firing_ = Firing::Clock;
            }
            outputs_->flushSide();
            if (!emitter_.hasRoom()) emitResults();
        }
        emitResults();
        this->next_.flush();
        outputs_->flushSide();
        const Firing fired = std::exchange(firing_, Firing::Nothing);
        if (std::exchange(endingKey_, false)) {
            startOver();
            return Progress::Done;
        }
        clearDeadEntries(table_, liveKeys_);
        askForClock();
        return fired == Firing::Events ? passOn(watermark_) : eventTarget(this->next_).onProcessingTime(now_);
    }
    /// A watermark that all has fired for.
    Progress passOn(Timestamp watermark) {
        if constexpr (kIsFinal) {
            watermark = trigger_.heldBack(watermark);
            if (watermark == kMinTimestamp) return Progress::Done;  // event time has not begun there
        }
        return eventTarget(this->next_).onWatermark(watermark);
    }
    std::size_t domain() const noexcept { return firing_ == Firing::Events ? kEvents : kClock; }
    Timestamp firingUntil() const noexcept {
        return endingKey_ ? kMaxTimestamp : firing_ == Firing::Events ? watermark_ : now_;
    }

    /// Goes on with what is due, at most until the room for results is used up; false if there is nothing left.
    bool fireSome() {
        const std::size_t what = domain();
        if (due_.empty() &&
            !due_.refill(
                table_, queues_[what], firingUntil(), [what](Entry& entry) -> Alarm& { return entry.alarms[what]; },
                [&](const Entry& entry, Timestamp& next) { return schedule_.nextOf(entry, what, next); })) {
            return false;
        }
        while (!due_.empty() && emitter_.hasRoom()) {
            const auto [slot, time] = due_.take();
            fireKey(slot, time);
        }
        return true;
    }

    void fireKey(Slot& slot, Timestamp time) {
        table_.keep(&slot);
        Entry& entry = slot.value;
        Alarm& alarm = entry.alarms[domain()];
        const Key& key = table_.keyOf(slot);
        try {
            fireWindows(key, entry, time);
        } catch (const UserFunctionException&) {
            throw;  // from the window function: says where it happened
        } catch (...) {
            throwFunctionErrorFor(aggregate_.id(), aggregate_.subtask(), time, "a window of key " + describeValue(key),
                                  "the trigger, evictor or function of the window");
        }
        Timestamp next;
        for (std::size_t other = 0; other < kDomains; ++other) {  // a trigger may have set timers of the other kind
            if (other == domain() || !schedule_.nextOf(entry, other, next) || !entry.alarms[other].isLaterThan(next))
                continue;
            entry.alarms[other].set(next);
            queues_[other].push(next, Table::hashOf(key));
        }
        if (!schedule_.nextOf(entry, domain(), next)) return;
        if (next <= due_.until()) {
            due_.again(slot, next);
        } else {
            alarm.set(next);
            queues_[domain()].push(next, Table::hashOf(key));
        }
    }
    /// What the windows of a key have to do at a time.
    void fireWindows(const Key& key, Entry& entry, Timestamp time) {
        Cell* before = nullptr;
        for (Cell* cell = &entry.first; cell != nullptr && cell->live;) {
            if (!fireWindow(key, *cell, time)) {
                before = std::exchange(cell, cell->next);
            } else {
                cell = removeCell(key, entry, cell, before);
            }
        }
    }
    /// Returns whether the window is gone then.
    bool fireWindow(const Key& key, Cell& cell, Timestamp time) {
        const Timestamp end = schedule_.cleanUpTime(cell.window);
        if constexpr (kUsual) {
            if (cell.pending && cell.window.maxTimestamp() <= time) {
                cell.pending = false;
                act(TriggerResult::Fire, key, cell);
            }
        } else {
            WindowTimers& timers = domain() == kEvents ? cell.timers.event : cell.timers.processing;
            TriggerContext context(watermark_, now_, cell.timers.event, cell.timers.processing, endingKey_);
            const auto ring = [&](Timestamp due) {
                act(domain() == kEvents ? trigger_.onEventTime(due, cell.window, cell.trigger, context)
                                        : trigger_.onProcessingTime(due, cell.window, cell.trigger, context),
                    key, cell);
            };
            while (!timers.empty() && timers.first() <= time) {
                const Timestamp due = timers.first();
                timers.remove(due);
                ring(due);
                if (domain() == kCleanUp && due == end && end != kMaxTimestamp) return true;
            }
            if constexpr (kIsFinal) {
                // no timer for the end: the allowed lateness was another one when the restored window took its elements
                if (domain() == kEvents && end <= time && end != kMaxTimestamp) ring(end);
            }
        }
        return (domain() == kCleanUp && end != kMaxTimestamp && end <= time) || isAtRest(key, cell);
    }
    Cell* removeCell(const Key& key, Entry& entry, Cell* cell, Cell* before) {
        if constexpr (!kUsual) {
            TriggerContext context(watermark_, now_, cell->timers.event, cell->timers.processing);
            clearTrigger(trigger_, cell->window, cell->trigger, context);
        }
        emitter_.clear(key, cell->window);
        Cell* const next = entry.remove(cells_, cell, before);
        if (entry.empty()) --liveKeys_;
        return next;
    }
    static Cell* cellBefore(Entry& entry, Cell* cell) noexcept {
        if (cell == &entry.first) return nullptr;
        Cell* before = &entry.first;
        while (before->next != cell) before = before->next;
        return before;
    }
    /// A window that need not be kept: the schedule says so, and its function keeps nothing about it.
    bool isAtRest(const Key& key, const Cell& cell) {
        return schedule_.isAtRest(cell) && !emitter_.keeps(key, cell.window);
    }
    void act(TriggerResult result, const Key& key, Cell& cell) {
        if (fires(result) && cell.hasContents) emit(key, cell);
        if (purges(result)) Contents::clear(cell);
    }
    void emit(const Key& key, Cell& cell) {
        emitter_.begin(cell.window);
        Contents::emit(aggregate_.get(), evictor_, cell, EvictorContext(watermark_, now_),
                       [&](const auto& contents) { emitter_.emit(key, contents); });
        emitter_.end();
    }
    void emitResults() {
        Collector<Out>& out = emitter_.out();
        if (out.size() == 0) return;
        this->next_.pushBlock(out.block(true));
        out.clear();
    }

    // ---- the rest ----

    void askForClock() {
        if constexpr (kHasClock) {
            if (stage_->isBatch) return;  // the clock's timers fire at the end of their key
            const Timestamp next = queues_[kClock].nextTime();
            if (next >= askedFor_) return;
            askedFor_ = next;
            stage_->registerProcessingTimer(next);
        }
    }
    void startOver() {
        table_.thaw();
        table_.forEach([this](const Key&, Entry& entry) {
            while (!entry.empty()) entry.remove(cells_, &entry.first, nullptr);
        });
        table_.clear();
        emitter_.forgetKeys();
        liveKeys_ = 0;
        for (WakeQueue& queue : queues_) queue.startOver();
        watermark_ = kMinTimestamp;
        emitter_.setWatermark(watermark_);
        askedFor_ = kMaxTimestamp;
    }

    void restoreState(const SnapshotSource& source) {
        readKeyGroups(source, aggregate_.id().uid, kStateName, kCellLayout<Key, Cell>, kFormat,
                      [&](ByteReader& reader) {
                          const Key key = decodeState<Key>(reader);
                          Entry& entry = table_.findOrInsert(key, [] { return Entry{}; });
                          if (entry.empty()) ++liveKeys_;
                          Cell& cell = entry.add(cells_);
                          Contents::start(aggregate_.get(), cell.contents, &memory_);
                          readCell(reader, cell);
                          for (std::size_t domain = 0; domain < kDomains; ++domain) {
                              Timestamp next;
                              if (!schedule_.nextOfCell(cell, domain, next) || !entry.alarms[domain].isLaterThan(next))
                                  continue;
                              entry.alarms[domain].set(next);
                              queues_[domain].push(next, Table::hashOf(key));
                          }
                      });
        table_.report();
        if constexpr (kTimersMayWait) overdue_.restore(source, aggregate_.id().uid);
        emitter_.restore(source);
        askForClock();
    }
    void snapshotOverdue(SnapshotSink& sink) {
        if constexpr (kTimersMayWait) {
            const Timestamp reached = overdue_.reached(watermark_);
            if (!queues_[kEvents].isDue(reached)) return;
            overdue_.snapshot(sink, aggregate_.id().uid, stage_->maxParallelism, reached, [&](auto mark) {
                table_.forEach([&](const Key& key, const Entry& entry) {
                    for (const Cell* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
                        if (!cell->timers.event.empty() && cell->timers.event.first() <= reached) mark(key);
                    }
                });
            });
        }
    }

    [[noreturn, gnu::cold, gnu::noinline]] void fail(const T& record, Timestamp timestamp) const {
        rethrowOfWindow(aggregate_.id(), aggregate_.subtask(), record, timestamp,
                        "the key selector, window assigner, trigger, evictor or function of the window");
    }
    [[noreturn, gnu::cold, gnu::noinline]] void failWithoutTimestamp() const {
        throwWithoutTimestamp(aggregate_.id(), aggregate_.subtask());
    }

    KeySelector keySelector_;
    Assigner assigner_;
    bool staggered_ = false;  ///< the assigner has been told when the first record came
    Trigger trigger_;
    Evictor evictor_;
    UserFunction<Aggregate> aggregate_;
    WindowEmitter<T, Key, Aggregate, WindowFn, Out, Window> emitter_;
    Schedule schedule_;
    LateRecords<T> late_;

    StateMemory memory_;
    Table table_;
    CellPool<Cell> cells_;
    WakeQueue queues_[kDomains];
    OverdueTimers overdue_;
    WindowList<Window> windows_;  ///< of the record at hand
    std::size_t liveKeys_ = 0;
    Timestamp watermark_ = kMinTimestamp;
    Timestamp now_ = kMinTimestamp;
    Timestamp askedFor_ = kMaxTimestamp;  ///< the earliest call of onProcessingTime that the host has been asked for

    Firing firing_ = Firing::Nothing;
    bool endingKey_ = false;
    DueEntries<Table> due_;  ///< what is firing

    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_OPERATOR_HPP
