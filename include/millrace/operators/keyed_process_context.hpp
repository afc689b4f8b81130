#ifndef MILLRACE_OPERATORS_KEYED_PROCESS_CONTEXT_HPP
#define MILLRACE_OPERATORS_KEYED_PROCESS_CONTEXT_HPP

#include <millrace/operators/process_context.hpp>
#include <millrace/state/keyed_state_store.hpp>
#include <millrace/state/timer_queue.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace millrace {

/// Which clock a timer goes by: watermarks, or the clock of the machine (of the test). @public
enum class TimeDomain : std::uint8_t { EventTime, ProcessingTime };

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void failTimerWithoutKey() {
    throw MillraceException(
        "a timer is registered or deleted while no key is current; timers belong to a key: use them in processElement "
        "and onTimer, not in open or close");
}

}  // namespace detail

/// Timers of the current key. At most one per key, domain and time: registering twice is registering once. @public
/// An event-time timer fires as soon as the watermark has reached it, a processing-time timer as soon as the clock has;
/// one registered for a time that is past fires with the next watermark, or with the next look at the clock. In order of
/// time; those registered by a timer that fires take part at once.
/// *State and checkpoints:* timers are saved. At the end of a bounded input all event-time timers fire, since the last
/// watermark is `kMaxTimestamp`; processing-time timers that still wait are dropped.
template <class Key>
class TimerService {
public:
    Timestamp currentWatermark() const noexcept { return watermark_; }
    Timestamp currentProcessingTime() const { return stage_->currentProcessingTime(); }

    void registerEventTimeTimer(Timestamp time) {
        if (!ending_) eventTimers_.add(time, key());
    }
    void registerProcessingTimeTimer(Timestamp time) {
        if (ending_) return;
        processingTimers_.add(time, key());
        if (time < requested_) request(time);
    }
    /// No effect when there is no such timer.
    void deleteEventTimeTimer(Timestamp time) { eventTimers_.remove(time, key()); }
    void deleteProcessingTimeTimer(Timestamp time) { processingTimers_.remove(time, key()); }

    // ---- for operators ----
    TimerService() = default;
    TimerService(const TimerService&) = delete;
    TimerService& operator=(const TimerService&) = delete;

    void open(detail::StageContext& stage, const detail::KeyedStateStore<Key>& store) noexcept {
        stage_ = &stage;
        store_ = &store;
    }
    void setWatermark(Timestamp watermark) noexcept { watermark_ = watermark; }
    /// Batch execution, at the end of a key: no further timers.
    void setEnding(bool ending) noexcept { ending_ = ending; }
    detail::TimerQueue<Key>& eventTimers() noexcept { return eventTimers_; }
    detail::TimerQueue<Key>& processingTimers() noexcept { return processingTimers_; }
    /// Asks the host to call when the first processing-time timer is due. After those that were due have fired.
    void requestNext() {
        requested_ = kMaxTimestamp;
        const Timestamp next = processingTimers_.nextTime();
        if (next != kMaxTimestamp) request(next);
    }

private:
    const Key& key() const {
        if (!store_->hasKey()) [[unlikely]]
            detail::failTimerWithoutKey();
        return store_->currentKey();
    }
    void request(Timestamp time) {
        if (stage_->isBatch) return;  // they fire at the end of their key
        requested_ = time;
        stage_->registerProcessingTimer(time);
    }

    detail::StageContext* stage_ = nullptr;
    const detail::KeyedStateStore<Key>* store_ = nullptr;
    Timestamp watermark_ = kMinTimestamp;
    bool ending_ = false;
    Timestamp requested_ = kMaxTimestamp;  ///< the earliest call that the host has been asked for
    detail::TimerQueue<Key> eventTimers_;
    detail::TimerQueue<Key> processingTimers_;
};

/// What `processElement(value, KeyedProcessContext<Key>& ctx, Collector<Out>& out)` may ask and do besides emitting.
/// @public
/// *Thread safety:* for the subtask's own thread, during the call that it was passed to.
template <class Key>
class KeyedProcessContext : public ProcessContext {
public:
    const Key& currentKey() const noexcept { return store_->currentKey(); }
    TimerService<Key>& timerService() noexcept { return *timers_; }

    // ---- for operators ----
    void open(detail::StageContext& stage, detail::StageOutputs& outputs, const detail::KeyedStateStore<Key>& store,
              TimerService<Key>& timers) noexcept {
        ProcessContext::open(stage, outputs);
        store_ = &store;
        timers_ = &timers;
    }

private:
    const detail::KeyedStateStore<Key>* store_ = nullptr;
    TimerService<Key>* timers_ = nullptr;
};

/// What `onTimer(Timestamp time, OnTimerContext<Key>& ctx, Collector<Out>& out)` may ask and do besides emitting.
/// `timestamp()`, which is also that of what it emits, is the timer's in event time; there is none in processing time.
/// @public
template <class Key>
class OnTimerContext : public KeyedProcessContext<Key> {
public:
    TimeDomain timeDomain() const noexcept { return domain_; }

    // ---- for operators ----
    void setDomain(TimeDomain domain) noexcept { domain_ = domain; }

private:
    TimeDomain domain_ = TimeDomain::EventTime;
};

}  // namespace millrace

#endif  // MILLRACE_OPERATORS_KEYED_PROCESS_CONTEXT_HPP
