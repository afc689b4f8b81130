#ifndef MILLRACE_WINDOWING_WINDOW_SCHEDULE_HPP
#define MILLRACE_WINDOWING_WINDOW_SCHEDULE_HPP

#include <millrace/time/timestamp.hpp>
#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/triggers/processing_time_trigger.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <type_traits>

namespace millrace::detail {

/// When the windows of an assigner and a trigger have something to do.
template <class Assigner, class Trigger>
struct WindowSchedule {
    using Window = typename Assigner::Window;
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

    Duration lateness{};

    /// When the window is gone; kMaxTimestamp: never.
    Timestamp cleanUpTime(const Window& window) const noexcept {
        return kEventTime ? saturatingAdd(window.maxTimestamp(), lateness) : window.maxTimestamp();
    }
    bool isLate(const Window& window, Timestamp watermark) const noexcept {
        return kEventTime && cleanUpTime(window) <= watermark;
    }

    /// When the window of a cell has something to do next; false: never.
    template <class Cell>
    bool nextOfCell(const Cell& cell, std::size_t domain, Timestamp& next) const noexcept {
        if constexpr (kUsual) {
            if (cell.pending) [[likely]] {
                next = cell.window.maxTimestamp();
                return true;
            }
            next = cleanUpTime(cell.window);
            return next != kMaxTimestamp;
        } else {
            next = kMaxTimestamp;
            bool any = false;
            const auto& timers = domain == kEvents ? cell.timers.event : cell.timers.processing;
            if (!timers.empty()) {
                next = std::max(timers.first(), kMinTimestamp + Duration{1});  // kMinTimestamp is no alarm
                any = true;
            }
            if (domain != kCleanUp) return any;
            const Timestamp end = cleanUpTime(cell.window);
            if (end == kMaxTimestamp) return any;
            next = std::min(next, end);
            return true;
        }
    }
    /// The first of what the windows of a key have to do.
    template <class Entry>
    bool nextOf(const Entry& entry, std::size_t domain, Timestamp& next) const noexcept {
        bool any = false;
        next = kMaxTimestamp;
        for (const auto* cell = &entry.first; cell != nullptr && cell->live; cell = cell->next) {
            Timestamp one;
            if (!nextOfCell(*cell, domain, one)) continue;
            any = true;
            next = std::min(next, one);
        }
        return any;
    }
    /// A window without end that holds nothing any more, as after a purge: it need not be kept.
    template <class Cell>
    bool isAtRest(const Cell& cell) const {
        using State = decltype(cell.trigger);
        if constexpr (!kUsual && std::equality_comparable<State>) {
            return !cell.hasContents && cleanUpTime(cell.window) == kMaxTimestamp && cell.timers.event.empty() &&
                   cell.timers.processing.empty() && cell.trigger == State{};
        } else {
            return false;
        }
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_SCHEDULE_HPP
