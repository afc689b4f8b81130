#ifndef MILLRACE_WINDOWING_WINDOW_ALARMS_HPP
#define MILLRACE_WINDOWING_WINDOW_ALARMS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/table_slot.hpp>
#include <millrace/windowing/wake_queue.hpp>
#include <millrace/windowing/wake_run.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::detail {

/// When the entry of a key wants to be looked at next; nothing for kMinTimestamp. There is a wake in the queue for that
/// time, and it goes unheeded if the alarm has been set to another time since.
class Alarm {
public:
    Timestamp time() const noexcept { return time_; }
    bool rings(Timestamp time) const noexcept { return time_ == time; }
    bool isLaterThan(Timestamp time) const noexcept { return rank(time) < rank(time_); }
    void set(Timestamp time) noexcept { time_ = time; }
    void clear() noexcept { time_ = kMinTimestamp; }

private:
    // unsigned and shifted by one, so that kMinTimestamp comes last
    static std::uint64_t rank(Timestamp time) noexcept {
        return (static_cast<std::uint64_t>(time.time_since_epoch().count()) ^ (std::uint64_t{1} << 63)) - 1;
    }
    Timestamp time_ = kMinTimestamp;
};

/// The entries of a table whose alarms have rung, by time. They must stay where they are until all have been handled.
template <class Table>
class DueEntries {
    using Slot = typename Table::Slot;
    using Key = typename Table::KeyType;

public:
    struct Due {
        Slot& slot;
        Timestamp time;
    };

    bool empty() const noexcept { return at_ == due_.size(); }
    /// The next one. Only if not empty.
    Due take() noexcept {
        const Wake wake = due_[at_++];
        return {*reinterpret_cast<Slot*>(wake.who), wake.time};
    }
    /// Everything that is due until then is here.
    Timestamp until() const noexcept { return until_; }
    /// Lets an entry come once more, at a time <= until().
    void again(Slot& slot, Timestamp time) { insertWake(due_, at_, {time, reinterpret_cast<std::uint64_t>(&slot)}); }

    /// When all have been handled: gets the earliest that are due at `now`, about a thousand at most. False if there are
    /// none. `alarmOf(entry)` is an entry's alarm; `nextOf(entry, time)` says when it has something to do, or that it has
    /// nothing: entries that want it later are sent back into the queue.
    template <class AlarmOf, class NextOf>
    bool refill(Table& table, WakeQueue& queue, Timestamp now, AlarmOf alarmOf, NextOf nextOf) {
        due_.clear();
        at_ = 0;
        until_ = queue.takeDue(now, due_);
        if (due_.empty()) return false;
        constexpr std::size_t kAhead = 40;
        const auto view = table.view();
        const std::size_t count = due_.size();
        if (room_.size() < count) room_.resize(count);
        const Wake* wake = due_.data();
        const Wake* const end = wake + count;
        Picked picked{due_.data(), room_.data()};
        const Timestamp until = until_;
        const bool side = kIntegerKey<Key> && view.side->occupied();
        if (table.wantsPrefetch()) {
            for (std::size_t i = 0; i < std::min(count, kAhead); ++i) view.prefetch(wake[i].who);
            for (const Wake* const last = end - std::min(count, kAhead); wake != last; ++wake) {
                view.prefetch(wake[kAhead].who);
                look(view, side, *wake, until, picked, alarmOf, nextOf);
            }
        }
        for (; wake != end; ++wake) look(view, side, *wake, until, picked, alarmOf, nextOf);
        for (const Wake* later = room_.data(); later != picked.later; ++later) queue.push(later->time, later->who);
        looked_ += count;
        due_.resize(static_cast<std::size_t>(picked.due - due_.data()));
        sortWakes(due_, room_);
        return true;
    }
    /// The same, and those that a run has wakes for which do not know of alarms: they are due if `nextOf` says so.
    template <class AlarmOf, class NextOf>
    bool refill(Table& table, WakeQueue& queue, WakeRun& run, Timestamp now, AlarmOf alarmOf, NextOf nextOf)
        requires kIntegerKey<Key>
    {
        constexpr std::size_t kBatch = 1024;
        std::size_t count = run.countDue(now, kBatch);
        if (count == kBatch) now = run.first()[count - 1].time;  // those behind it may be due, too
        const bool any = refill(table, queue, now, alarmOf, nextOf);
        if (until_ < now) count = run.countDue(until_, count);
        if (count == 0) return any;
        if (room_.size() < count + 1) room_.resize(count + 1);
        addSorted(findRinging(table, run.first(), count, nextOf));
        run.dropFirst(count);
        return true;
    }
    /// How many wakes have come out of the queue so far, whatever became of them.
    std::uint64_t looked() const noexcept { return looked_; }

private:
    /// Puts the entries that wakes of a run find due into `room_`, in their order; returns how many.
    template <class NextOf>
    std::size_t findRinging(Table& table, const Wake* wake, std::size_t count, NextOf& nextOf) {
        constexpr std::size_t kAhead = 40;
        const auto view = table.view();
        const bool side = view.side->occupied();
        Wake* ringing = room_.data();
        const auto look = [&](const Wake& rung) __attribute__((always_inline)) {
            Slot* const slot = entryOf(view, side, rung.who);
            if (slot == nullptr) [[unlikely]]
                return;
            Timestamp next;
            const bool waits = nextOf(std::as_const(slot->value), next);
            // as in `look`: no branch
            *ringing = {rung.time, reinterpret_cast<std::uint64_t>(slot)};
            ringing += static_cast<std::size_t>(waits) & static_cast<std::size_t>(next <= rung.time);
        };
        const Wake* const end = wake + count;
        if (table.wantsPrefetch()) {
            for (std::size_t i = 0; i < std::min(count, kAhead); ++i) view.prefetch(wake[i].who);
            for (const Wake* const last = end - std::min(count, kAhead); wake != last; ++wake) {
                view.prefetch(wake[kAhead].who);
                look(*wake);
            }
        }
        for (; wake != end; ++wake) look(*wake);
        return static_cast<std::size_t>(ringing - room_.data());
    }
    /// The entry with this hash, which no two integer keys share; null if there is none.
    [[gnu::always_inline]] static Slot* entryOf(const typename Table::View& view, bool side, std::uint64_t hash) {
        if (hash == 0) [[unlikely]]
            return side ? view.side : nullptr;
        for (Slot* slot = view.slots + (hash >> view.shift);; slot = view.behind(slot)) {
            if (slot->storedHash() == hash) [[likely]]
                return slot;
            if (!slot->occupied()) return nullptr;
        }
    }
    /// Merges the first of `room_`, which are sorted, into what is due.
    void addSorted(std::size_t more) {
        std::size_t count = due_.size();
        if (count == 0) {
            due_.swap(room_);
            due_.resize(more);
            return;
        }
        due_.resize(count + more);
        for (std::size_t to = count + more; more > 0;) {
            if (count > 0 && room_[more - 1].time < due_[count - 1].time) {
                due_[--to] = due_[--count];
            } else {
                due_[--to] = room_[--more];
            }
        }
    }
    /// Where the next one goes of those that are due, and of those that want it later.
    struct Picked {
        Wake* due;
        Wake* later;
    };
    template <class AlarmOf, class NextOf>
    [[gnu::always_inline]] static void look(const typename Table::View& view, bool side, Wake wake, Timestamp until,
                                            Picked& picked, AlarmOf& alarmOf, NextOf& nextOf) {
        Slot* const slot = entryThatWaits(view, side, wake, alarmOf);
        if (slot == nullptr) return;
        Alarm& alarm = alarmOf(slot->value);
        Timestamp next;
        if (!nextOf(slot->value, next)) {
            alarm.clear();
            return;
        }
        // always write, advance by the comparison: which entries want it later cannot be predicted
        const bool isDue = next <= until;
        *picked.due = {next, reinterpret_cast<std::uint64_t>(slot)};
        picked.due += isDue;
        *picked.later = {next, wake.who};
        picked.later += !isDue;
        // once it is here it waits no more: the next wake with this hash and time is another key's
        alarm.set(isDue ? kMinTimestamp : next);
    }
    /// The entry with this hash whose alarm is set to the wake's time. (Any, if there are several: each has its wake.)
    template <class AlarmOf>
    [[gnu::always_inline]] static Slot* entryThatWaits(const typename Table::View& view, bool side, const Wake& wake,
                                                       AlarmOf& alarmOf) {
        if constexpr (kIntegerKey<Key>) {
            if (wake.who == 0) return side && alarmOf(view.side->value).rings(wake.time) ? view.side : nullptr;
        }
        for (Slot* slot = view.slots + (wake.who >> view.shift);; slot = view.behind(slot)) {
            if (!slot->occupied()) return nullptr;
            if (alarmOf(slot->value).rings(wake.time) && sameHash(*slot, wake.who)) return slot;
        }
    }
    static bool sameHash(const Slot& slot, std::uint64_t hash) noexcept {
        if constexpr (kIntegerKey<Key>) {
            return slot.storedHash() == hash;
        } else {
            return slot.tag == Slot::tagOf(hash);
        }
    }

    WakeList due_;  ///< times in ascending order, and slots
    WakeList room_;
    std::size_t at_ = 0;
    std::uint64_t looked_ = 0;
    Timestamp until_ = kMinTimestamp;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_ALARMS_HPP
