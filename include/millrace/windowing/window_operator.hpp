#ifndef MILLRACE_WINDOWING_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_WINDOW_OPERATOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/windowing/evictors/evictor.hpp>
#include <millrace/windowing/merging_window_set.hpp>
#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/wake_queue.hpp>
#include <millrace/windowing/window_assigner.hpp>
#include <millrace/windowing/window_cells.hpp>
#include <millrace/windowing/window_emitter.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// Windows of a keyed stream with any assigner, trigger and evictor.
///
/// Key-major: each key has its windows, each window its contents, trigger state and timers. Instead of a timer per window
/// a key asks to be looked at when the first of its windows has something to do; where that has moved on meanwhile (a
/// session that has grown) it asks again. Timers fire in ascending order, and their results precede the watermark.
/// *State:* "keyed windows": windows with contents, trigger state and timers by key. A restored operator has no watermark.
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
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    using State = TriggerStateOf<Trigger, T>;
    static constexpr std::uint8_t kFormat = 1;
    static constexpr const char* kStateName = "keyed windows";
    static constexpr bool kEvicts = !std::is_same_v<Evictor, NoEvictor>;
    static constexpr bool kEventTime = Assigner::kEventTime;
    /// The trigger is the assigner's usual one: a window fires at its last timestamp, which needs no timer of its own.
    static constexpr bool kUsual =
        std::is_same_v<Trigger, std::conditional_t<kEventTime, EventTimeTrigger, ProcessingTimeTrigger>>;

    // What the alarms of a key are about. With the usual trigger there is only one.
    static constexpr std::size_t kDomains = kUsual ? 1 : 2;
    static constexpr std::size_t kEvents = 0;
    static constexpr std::size_t kClock = kDomains - 1;
    static constexpr std::size_t kCleanUp = kEventTime ? kEvents : kClock;
    static constexpr bool kHasEvents = !kUsual || kEventTime;
    static constexpr bool kHasClock = !kUsual || !kEventTime;

    using Contents = std::conditional_t<kEvicts, WindowElements<T>, Accumulator>;
    using Timers = std::conditional_t<kUsual, NoTriggerTimers, TriggerTimers>;
    using Cell = WindowCell<Window, Contents, State, Timers>;
    using Entry = KeyWindows<Cell, kDomains>;
    using Table = KeyedTable<Key, Entry>;
    using Slot = typename Table::Slot;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : ForwardingNode<Next>(refs.rest), keySelector_(refs.op.keySelector), assigner_(refs.op.assigner),
          trigger_(refs.op.trigger), evictor_(refs.op.evictor), aggregate_(refs.op.aggregate),
          emitter_(refs.op.windowFunction, aggregate_), lateness_(refs.op.allowedLateness), lateKey_(refs.op.lateKey) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        metrics_ = &context.metrics;
        const OperatorId& id = context.takeOperator();
        aggregate_.open(context, id);
        emitter_.open(context, id);
        this->next_.open(context);
        if (const auto* source = std::exchange(restoreFrom_, nullptr)) restoreState(*source);
    }
    void close() {
        closeBoth([this] { emitter_.close(); },
                  [this] { closeBoth([this] { aggregate_.close(); }, [this] { this->next_.close(); }); });
    }

    void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        if constexpr (kEventTime) {
            if (block.timestamps == nullptr) failWithoutTimestamp();
            const Timestamp* const end = block.timestamps + block.size;
            if (std::find<const Timestamp*>(block.timestamps, end, kMinTimestamp) != end) failWithoutTimestamp();
        }
        now_ = stage_->currentProcessingTime();
        addRecords(block);
        emitResults();
        askForClock();
        tidy();
    }
    void push(T&& value, Timestamp timestamp) {
        pushBlock({&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1});
    }

    Progress onWatermark(Timestamp watermark) {
        if (watermark > watermark_) watermark_ = watermark;
        emitter_.setWatermark(watermark_);
        if constexpr (kHasEvents) {
            if (queues_[kEvents].isDue(watermark_)) {
                now_ = stage_->currentProcessingTime();
                return startFiring(Firing::Events);
            }
        }
        return this->next_.onWatermark(watermark);
    }
    Progress onProcessingTime(Timestamp now) {
        if constexpr (kHasClock) {
            now_ = now;
            if (now >= askedFor_) askedFor_ = kMaxTimestamp;
            if (queues_[kClock].isDue(now)) return startFiring(Firing::Clock);
            askForClock();
        }
        return this->next_.onProcessingTime(now);
    }
    Progress resume() { return firing_ != Firing::Nothing ? goOnFiring() : this->next_.resume(); }

    /// The key at hand gets no more records: its event time ends, then its processing time.
    Progress endKey() {
        endingKey_ = true;
        watermark_ = kMaxTimestamp;
        emitter_.setWatermark(watermark_);
        now_ = stage_->currentProcessingTime();
        return startFiring(kHasEvents ? Firing::Events : Firing::Clock);
    }

    void snapshot(SnapshotSink& sink) {
        KeyGroupWriter writer(stage_->maxParallelism, kFormat);
        table_.forEach([&](const Key& key, Entry& entry) {
            for (Cell* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
                ByteWriter& group = writer.of(key);
                Codec<Key>::encode(key, group);
                writeCell(*cell, group);
            }
        });
        writer.writeTo(sink, aggregate_.id().uid, kStateName);
        this->next_.snapshot(sink);
    }
    /// If called before `open`, the source must live until then.
    void restore(const SnapshotSource& source) {
        if (stage_ != nullptr) {
            restoreState(source);
        } else {
            restoreFrom_ = &source;
        }
        this->next_.restore(source);
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
                missed(value, time);
        }
    }

    /// False if the window is late.
    template <class KeyAt>
    bool addTo(Entry& entry, const Window& window, const T& value, Timestamp time, const KeyAt& keyAt, std::size_t i) {
        Cell* const cell = Assigner::kMerging ? mergedCell(entry, window) : cellOf(entry, window);
        if (cell == nullptr) return false;
        append(*cell, value, time);
        const TriggerResult result = ask(*cell, value, time);
        if (result != TriggerResult::Continue) [[unlikely]] {
            const Key key(keyAt(i));
            act(result, key, *cell);
            if (isAtRest(*cell)) {
                removeCell(key, entry, cell, cellBefore(entry, cell));
                return true;
            }
        }
        for (std::size_t domain = 0; domain < kDomains; ++domain) {
            Timestamp next;
            if (!nextOf(*cell, domain, next) || !entry.alarms[domain].isLaterThan(next)) continue;
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
            failMerged();
        if constexpr (kUsual) {
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
                mergeContents(*into, *cell);
                cell = entry.remove(cells_, cell, before);
            }
        }
        into->window = result;
        into->pending = kUsual && (!kEventTime || result.maxTimestamp() > watermark_);
        if constexpr (!kUsual) {
            into->trigger = std::move(state);
            into->timers = std::move(timers);
        }
    }
    void takeOver(Cell& from, const Window& result, State& state, Timers& timers) {
        if constexpr (!kUsual && MergingTrigger<Trigger, State, Window>) {
            TriggerContext context(watermark_, now_, timers.event, timers.processing);
            trigger_.onMerge(result, state, std::as_const(from.trigger), context);
            TriggerContext old(watermark_, now_, from.timers.event, from.timers.processing);
            clearTrigger(trigger_, from.window, from.trigger, old);
        } else {
            (void)from;
            (void)result;
            (void)state;
            (void)timers;
        }
    }
    void mergeContents(Cell& into, Cell& from) {
        if (!from.hasContents) return;
        if (!into.hasContents) {
            into.contents = std::move(from.contents);
            into.hasContents = true;
        } else if constexpr (kEvicts) {
            into.contents.takeAll(from.contents);
        } else if constexpr (kKeepsElements<Aggregate>) {
            into.contents.insert(into.contents.end(), std::make_move_iterator(from.contents.begin()),
                                 std::make_move_iterator(from.contents.end()));
        } else if constexpr (Traits::kMerges) {
            Traits::merge(aggregate_.get(), into.contents, from.contents);
        }
    }
    Cell* newCell(Entry& entry, const Window& window) {
        if (entry.empty()) ++liveKeys_;
        Cell& cell = entry.add(cells_);
        cell.window = window;
        return &cell;
    }
    void append(Cell& cell, const T& value, Timestamp time) {
        if constexpr (kEvicts) {
            cell.contents.add(value, time);
        } else if (cell.hasContents) [[likely]] {
            Traits::add(aggregate_.get(), value, cell.contents);
        } else {
            cell.contents = Traits::firstAccumulator(aggregate_.get(), value);
        }
        cell.hasContents = true;
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
            if (const Timestamp end = cleanUpTime(cell.window); end != kMaxTimestamp) {
                (kEventTime ? cell.timers.event : cell.timers.processing).add(end);
            }
            return result;
        }
    }

    // ---- times ----

    /// When the window is gone; kMaxTimestamp: never.
    Timestamp cleanUpTime(const Window& window) const noexcept {
        return kEventTime ? saturatingAdd(window.maxTimestamp(), lateness_) : window.maxTimestamp();
    }
    bool isLate(const Window& window) const noexcept { return kEventTime && cleanUpTime(window) <= watermark_; }

    /// When the window has something to do next; false: never.
    bool nextOf(const Cell& cell, std::size_t domain, Timestamp& next) const noexcept {
        if constexpr (kUsual) {
            if (cell.pending) [[likely]] {
                next = cell.window.maxTimestamp();
                return true;
            }
            next = cleanUpTime(cell.window);
            return next != kMaxTimestamp;
        }
        next = kMaxTimestamp;
        bool any = false;
        if constexpr (!kUsual) {
            const WindowTimers& timers = domain == kEvents ? cell.timers.event : cell.timers.processing;
            if (!timers.empty()) {
                next = timers.first();
                any = true;
            }
        }
        if (domain == kCleanUp) {
            const Timestamp end = cleanUpTime(cell.window);
            if (end != kMaxTimestamp) {
                next = std::min(next, end);
                any = true;
            }
        }
        return any;
    }
    bool nextOf(const Entry& entry, std::size_t domain, Timestamp& next) const noexcept {
        bool any = false;
        next = kMaxTimestamp;
        for (const Cell* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
            Timestamp one;
            if (!nextOf(*cell, domain, one)) continue;
            any = true;
            next = std::min(next, one);
        }
        return any;
    }

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
            if (emitter_.room() == 0) emitResults();
        }
        emitResults();
        this->next_.flush();
        outputs_->flushSide();
        const Firing fired = std::exchange(firing_, Firing::Nothing);
        if (std::exchange(endingKey_, false)) {
            startOver();
            return Progress::Done;
        }
        tidy();
        askForClock();
        return fired == Firing::Events ? this->next_.onWatermark(watermark_) : this->next_.onProcessingTime(now_);
    }
    std::size_t domain() const noexcept { return firing_ == Firing::Events ? kEvents : kClock; }
    Timestamp firingUntil() const noexcept {
        return endingKey_ ? kMaxTimestamp : firing_ == Firing::Events ? watermark_ : now_;
    }

    /// Goes on with what is due, at most until the room for results is used up; false if there is nothing left.
    bool fireSome() {
        if (dueAt_ == due_.size()) {
            due_.clear();
            dueAt_ = 0;
            dueUntil_ = queues_[domain()].takeDue(firingUntil(), due_);
            if (due_.empty()) return false;
            findDue();
        }
        while (dueAt_ < due_.size() && emitter_.room() > 0) {
            const Wake wake = due_[dueAt_++];
            fireKey(*reinterpret_cast<Slot*>(wake.who), wake.time);
        }
        return true;
    }
    /// Turns hashes into entries; drops those that no longer want anything and sends back those that want it later.
    void findDue() {
        constexpr std::size_t kAhead = 40;
        const std::size_t what = domain();
        WakeQueue& queue = queues_[what];
        const auto view = table_.view();
        const bool prefetches = table_.wantsPrefetch();
        const std::size_t count = due_.size();
        for (std::size_t i = 0; prefetches && i < std::min(count, kAhead); ++i) view.prefetch(due_[i].who);
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (prefetches && i + kAhead < count) view.prefetch(due_[i + kAhead].who);
            const Wake wake = due_[i];
            Slot* const slot = entryThatWaits(view, wake, what);
            if (slot == nullptr) continue;
            Alarm& alarm = slot->value.alarms[what];
            Timestamp next;
            if (!nextOf(slot->value, what, next)) {
                alarm.clear();
                continue;
            }
            if (next > dueUntil_) {
                alarm.set(next);
                queue.push(next, wake.who);
            } else {
                alarm.clear();  // it is in `due_` now, once: the next wake with this hash and time is another key's
                due_[kept++] = {next, reinterpret_cast<std::uint64_t>(slot)};
            }
        }
        due_.resize(kept);
        sortWakes(due_);
    }
    /// The entry with this hash whose alarm is set to the wake's time. (Any, if there are several: each has its wake.)
    Slot* entryThatWaits(const typename Table::View& view, const Wake& wake, std::size_t what) const {
        if constexpr (kIntegerKey<Key>) {
            if (view.side->occupied() && wake.who == Table::hashOf(table_.keyOf(*view.side))) {
                return view.side->value.alarms[what].rings(wake.time) ? view.side : nullptr;
            }
        }
        for (std::size_t at = wake.who >> view.shift;; at = (at + 1) & view.mask) {
            Slot* const slot = view.slots + at;
            if (!slot->occupied()) return nullptr;
            if (slot->value.alarms[what].rings(wake.time) && sameHash(*slot, wake.who)) return slot;
        }
    }
    static bool sameHash(const Slot& slot, std::uint64_t hash) noexcept {
        if constexpr (kIntegerKey<Key>) {
            return slot.storedHash() == hash;
        } else {
            return slot.tag == Slot::tagOf(hash);
        }
    }

    void fireKey(Slot& slot, Timestamp time) {
        Entry& entry = slot.value;
        Alarm& alarm = entry.alarms[domain()];
        const Key& key = table_.keyOf(slot);
        try {
            fireWindows(key, entry, time);
        } catch (const UserFunctionException&) {
            throw;  // from the window function: says where it happened
        } catch (...) {
            throwUserFunctionError(aggregate_.id(), aggregate_.subtask(), time, "of key " + describeValue(key),
                                   "the trigger, evictor or function of the window");
        }
        Timestamp next;
        for (std::size_t other = 0; other < kDomains; ++other) {  // a trigger may have set timers of the other kind
            if (other == domain() || !nextOf(entry, other, next) || !entry.alarms[other].isLaterThan(next)) continue;
            entry.alarms[other].set(next);
            queues_[other].push(next, Table::hashOf(key));
        }
        if (!nextOf(entry, domain(), next)) return;
        if (next <= dueUntil_) {
            insertWake(due_, dueAt_, {next, reinterpret_cast<std::uint64_t>(&slot)});
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
        const Timestamp end = cleanUpTime(cell.window);
        if constexpr (kUsual) {
            if (cell.pending && cell.window.maxTimestamp() <= time) {
                cell.pending = false;
                act(TriggerResult::Fire, key, cell);
            }
        } else {
            WindowTimers& timers = domain() == kEvents ? cell.timers.event : cell.timers.processing;
            TriggerContext context(watermark_, now_, cell.timers.event, cell.timers.processing, endingKey_);
            while (!timers.empty() && timers.first() <= time) {
                const Timestamp due = timers.first();
                timers.remove(due);
                act(domain() == kEvents ? trigger_.onEventTime(due, cell.window, cell.trigger, context)
                                        : trigger_.onProcessingTime(due, cell.window, cell.trigger, context),
                    key, cell);
                if (domain() == kCleanUp && due == end && end != kMaxTimestamp) return true;
            }
        }
        return (domain() == kCleanUp && end != kMaxTimestamp && end <= time) || isAtRest(cell);
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
    /// A window without end that holds nothing any more, as after a purge: it need not be kept.
    bool isAtRest(const Cell& cell) const {
        if constexpr (kUsual) {
            return false;
        } else if constexpr (std::equality_comparable<State>) {
            return !cell.hasContents && cleanUpTime(cell.window) == kMaxTimestamp && cell.timers.event.empty() &&
                   cell.timers.processing.empty() && cell.trigger == State{};
        } else {
            return false;
        }
    }

    void act(TriggerResult result, const Key& key, Cell& cell) {
        if (fires(result) && cell.hasContents) emit(key, cell);
        if (purges(result)) clearContents(cell);
    }
    void clearContents(Cell& cell) {
        cell.contents = Contents{};
        cell.hasContents = false;
    }
    void emit(const Key& key, Cell& cell) {
        emitter_.begin(cell.window);
        if constexpr (kEvicts) {
            emitEvicting(key, cell);
        } else {
            emitter_.emit(key, cell.contents);
        }
        emitter_.end();
    }
    void emitEvicting(const Key& key, Cell& cell) {
        const EvictorContext context(watermark_, now_);
        if constexpr (EvictsBefore<Evictor, T, Window>) evictor_.evictBefore(cell.contents, cell.window, context);
        if constexpr (kKeepsElements<Aggregate>) {
            emitter_.emit(key, cell.contents.list());
        } else if (const auto elements = cell.contents.values(); !elements.empty()) {
            Accumulator acc = Traits::firstAccumulator(aggregate_.get(), elements.front());
            for (const T& value : elements.subspan(1)) Traits::add(aggregate_.get(), value, acc);
            emitter_.emit(key, acc);
        } else if constexpr (!Traits::kStartsWithFirst) {
            emitter_.emit(key, aggregate_.get().createAccumulator());
        }
        if constexpr (EvictsAfter<Evictor, T, Window>) evictor_.evictAfter(cell.contents, cell.window, context);
        cell.hasContents = !cell.contents.empty();
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
    void tidy() {
        if constexpr (Table::kErases) clearAway();
    }
    /// Clears entries of keys without windows away once they are the greater part.
    void clearAway() {
        constexpr std::size_t kFew = 1024;
        const std::size_t kept = table_.size();
        if (kept < kFew || liveKeys_ * 2 > kept) return;
        for (std::size_t at = 0; at < table_.endPosition(); ++at) {
            Slot* slot = &table_.slotAt(at);
            while (slot->occupied() && slot->value.empty()) table_.erase(slot);
        }
    }
    void startOver() {
        table_.forEach([this](const Key&, Entry& entry) {
            while (!entry.empty()) entry.remove(cells_, &entry.first, nullptr);
        });
        table_.clear();
        liveKeys_ = 0;
        for (WakeQueue& queue : queues_) queue.startOver();
        watermark_ = kMinTimestamp;
        emitter_.setWatermark(watermark_);
        askedFor_ = kMaxTimestamp;
    }

    [[gnu::cold, gnu::noinline]] void missed(T& value, Timestamp time) {
        if (saturatingAdd(time, lateness_) > watermark_) return;  // in no window, but not because of its time
        if (!lateKey_.empty()) {
            outputs_->emitSide<T>(lateKey_, std::move(value), time);
        } else {
            StageMetrics::add(metrics_->lateRecordsDropped, 1);
        }
    }

    void writeCell(const Cell& cell, ByteWriter& writer) const {
        Codec<Window>::encode(cell.window, writer);
        writer.write(static_cast<std::uint8_t>((cell.hasContents ? 1 : 0) | (cell.pending ? 2 : 0)));
        if (cell.hasContents) {
            if constexpr (kEvicts) {
                writer.writeLength(cell.contents.size());
                for (std::size_t i = 0; i < cell.contents.size(); ++i) {
                    writer.write(cell.contents.timestamp(i).time_since_epoch().count());
                    Codec<T>::encode(cell.contents.value(i), writer);
                }
            } else {
                Codec<Accumulator>::encode(cell.contents, writer);
            }
        }
        if constexpr (!kUsual) {
            Codec<State>::encode(cell.trigger, writer);
            for (const WindowTimers* timers : {&cell.timers.event, &cell.timers.processing}) {
                writer.writeLength(timers->size());
                for (const Timestamp time : *timers) writer.write(time.time_since_epoch().count());
            }
        }
    }
    void readCell(ByteReader& reader, Cell& cell) const {
        Codec<Window>::decode(reader, cell.window);
        const auto flags = reader.read<std::uint8_t>("flags of a window");
        cell.hasContents = (flags & 1) != 0;
        cell.pending = (flags & 2) != 0;
        if (cell.hasContents) {
            if constexpr (kEvicts) {
                for (std::size_t n = reader.readLength(sizeof(std::int64_t), "elements of a window"); n > 0; --n) {
                    const Timestamp time = readTime(reader);
                    cell.contents.add(decodeState<T>(reader), time);
                }
            } else {
                Codec<Accumulator>::decode(reader, cell.contents);
            }
        }
        if constexpr (!kUsual) {
            Codec<State>::decode(reader, cell.trigger);
            for (WindowTimers* timers : {&cell.timers.event, &cell.timers.processing}) {
                for (std::size_t n = reader.readLength(sizeof(std::int64_t), "timers of a window"); n > 0; --n) {
                    timers->add(readTime(reader));
                }
            }
        }
    }
    static Timestamp readTime(ByteReader& reader) { return Timestamp{Duration{reader.read<std::int64_t>("a time")}}; }
    void restoreState(const SnapshotSource& source) {
        readKeyGroups(source, aggregate_.id().uid, kStateName, kFormat, [&](ByteReader& reader) {
            const Key key = decodeState<Key>(reader);
            Entry& entry = table_.findOrInsert(key, [] { return Entry{}; });
            if (entry.empty()) ++liveKeys_;
            Cell& cell = entry.add(cells_);
            readCell(reader, cell);
            for (std::size_t domain = 0; domain < kDomains; ++domain) {
                Timestamp next;
                if (!nextOf(cell, domain, next) || !entry.alarms[domain].isLaterThan(next)) continue;
                entry.alarms[domain].set(next);
                queues_[domain].push(next, Table::hashOf(key));
            }
        });
        askForClock();
    }

    [[noreturn, gnu::cold, gnu::noinline]] void fail(const T& record, Timestamp timestamp) const {
        try {
            throw;
        } catch (const UserFunctionException&) {
            throw;  // from the window function: says where it happened
        } catch (...) {
            throwUserFunctionError(aggregate_.id(), aggregate_.subtask(), timestamp, describeValue(record),
                                   "the key selector, window assigner, trigger or function of the window");
        }
    }
    std::string where() const {
        return "operator '" + aggregate_.id().name + "' (uid '" + aggregate_.id().uid + "', subtask " +
               std::to_string(aggregate_.subtask()) + "): ";
    }
    [[noreturn, gnu::cold, gnu::noinline]] void failWithoutTimestamp() const {
        throw MillraceException(where() +
                                "a record has no timestamp, but event-time windows need one. Did you forget to call "
                                "assignTimestampsAndWatermarks?");
    }
    [[noreturn, gnu::cold, gnu::noinline]] void failMerged() const {
        throw MillraceException(
            where() +
            "windows were merged into one that ended, with the allowed lateness, before the current watermark; a "
            "merging "
            "window assigner must not make windows that end earlier than those they are merged from");
    }

    KeySelector keySelector_;
    Assigner assigner_;
    Trigger trigger_;
    Evictor evictor_;
    UserFunction<Aggregate> aggregate_;
    WindowEmitter<T, Key, Aggregate, WindowFn, Out, Window> emitter_;
    Duration lateness_;
    std::string lateKey_;

    Table table_;
    CellPool<Cell> cells_;
    WakeQueue queues_[kDomains];
    WindowList<Window> windows_;  ///< of the record at hand
    std::size_t liveKeys_ = 0;
    Timestamp watermark_ = kMinTimestamp;
    Timestamp now_ = kMinTimestamp;
    Timestamp askedFor_ = kMaxTimestamp;  ///< the earliest call of onProcessingTime that the host has been asked for

    Firing firing_ = Firing::Nothing;
    bool endingKey_ = false;
    std::vector<Wake> due_;  ///< what is firing: times in ascending order, and entries
    std::size_t dueAt_ = 0;
    Timestamp dueUntil_ = kMinTimestamp;  ///< what is due until then is in `due_`

    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
    StageMetrics* metrics_ = nullptr;
    const SnapshotSource* restoreFrom_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_OPERATOR_HPP
