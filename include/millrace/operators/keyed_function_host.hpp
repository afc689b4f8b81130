#ifndef MILLRACE_OPERATORS_KEYED_FUNCTION_HOST_HPP
#define MILLRACE_OPERATORS_KEYED_FUNCTION_HOST_HPP

#include <millrace/functions/keyed_runtime_context.hpp>
#include <millrace/operators/keyed_process_context.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/overdue_timers.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace millrace::detail {

/// What the operators around a keyed process function share, be they of one or of two inputs: the states, the timers,
/// the contexts, and their part of a snapshot. The operator brings the function, the collector and the successor:
/// ```
/// open:            host.open(context, id, fn);                          // fn.open(KeyedRuntimeContext&), then restores
/// for records:     host.store().scan(first, end, hashes, keyOf, [&](T* at) {
///                      host.context().setElement(timestamp of *at); host.store().beginCall(at);
///                      … fn.processElement(…, host.context(), collector) … });
///                  and, if that throws, host.store().abandonRun(), which tells the record
/// onWatermark(w):  host.setWatermark(w); if (host.eventTimerDue()) while (host.fireSome(TimeDomain::EventTime, w, call)) …
/// ```
/// *State:* "state/<name>", "timers/event", "timers/processing"; "timers/overdue" where timers wait that were set behind the
/// watermark. A restored host has no watermark.
template <class Key>
class KeyedFunctionHost {
public:
    using Store = KeyedStateStore<Key>;

    KeyedFunctionHost() = default;
    KeyedFunctionHost(const KeyedFunctionHost&) = delete;
    KeyedFunctionHost& operator=(const KeyedFunctionHost&) = delete;

    /// Opens the function of the user, which declares its states, and takes over what there is to restore.
    template <class Fn>
    void open(OpenContext& context, const OperatorId& id, UserFunction<Fn>& fn) {
        stage_ = &context.stage;
        id_ = &id;
        timers_.open(context.stage, store_);
        context_.open(context.stage, context.outputs, store_, timers_);
        KeyedRuntimeContext runtime(context.runtimeContext(id), store_.cells());
        fn.open(context, id, runtime);
        store_.cells().seal(readClock, stage_);
        context.account(memory_, id, store_.describe());
        store_.chargeTo(memory_);
        context.account(timerMemory_, id, "timers");
        timers_.eventTimers().chargeTo(timerMemory_);
        timers_.processingTimers().chargeTo(timerMemory_);
    }

    Store& store() noexcept { return store_; }
    TimerService<Key>& timers() noexcept { return timers_; }
    OnTimerContext<Key>& context() noexcept { return context_; }
    const OperatorId& id() const noexcept { return *id_; }

    Timestamp watermark() const noexcept { return timers_.currentWatermark(); }
    /// Before the timers that it makes due fire.
    void setWatermark(Timestamp watermark) noexcept {
        if (watermark < timers_.currentWatermark()) return;
        timers_.setWatermark(watermark);
        context_.setWatermark(watermark);
    }
    bool eventTimerDue() noexcept { return timers_.eventTimers().nextTime() <= timers_.currentWatermark(); }
    /// Whether a watermark is one from before a restore that comes once more: timers that had been set behind it wait for
    /// the next one, as they would have.
    bool comesAgain(Timestamp watermark) const noexcept { return overdue_.comesAgain(watermark); }
    bool processingTimerDue(Timestamp now) noexcept { return timers_.processingTimers().nextTime() <= now; }

    /// `call(time)` for the next timers of the domain up to `upTo`, in order, with their keys current; the context is
    /// set. `call` returns whether to go on. False once none is due any more; else the caller should call again, unless
    /// it has to suspend.
    template <class Call>
    bool fireSome(TimeDomain domain, Timestamp upTo, Call call) {
        constexpr int kMost = 1024;
        constexpr std::size_t kAhead = 16;
        const bool inEventTime = domain == TimeDomain::EventTime;
        TimerQueue<Key>& queue = inEventTime ? timers_.eventTimers() : timers_.processingTimers();
        context_.setDomain(domain);
        for (int fired = 0; fired < kMost; ++fired) {
            if (const auto* const ahead = queue.peek(kAhead)) store_.prefetch(ahead->key);
            if (!queue.popDue(upTo, timer_)) {
                if (!inEventTime) timers_.requestNext();
                store_.report();
                return false;
            }
            store_.setCurrentKey(timer_.key);
            context_.setElement(inEventTime ? timer_.time : kMinTimestamp);
            const bool goesOn = call(timer_.time);
            store_.leaveKey();
            if (!goesOn) break;
        }
        store_.report();
        return true;
    }
    /// Batch execution: the key at hand gets no more records. Timers registered from here on are ignored, as in Flink.
    void beginEndOfKey() noexcept {
        setWatermark(kMaxTimestamp);
        timers_.setEnding(true);
    }
    /// Batch execution: the next record belongs to another key, which finds neither state nor watermark.
    void forgetKeys() {
        store_.clear();
        timers_.setEnding(false);
        timers_.setWatermark(kMinTimestamp);
        context_.setWatermark(kMinTimestamp);
    }
    /// At the end of the input: nothing will look at the clock any more.
    void dropProcessingTimers() {
        while (timers_.processingTimers().popDue(kMaxTimestamp, timer_)) {}
    }

    void snapshot(SnapshotSink& sink) {
        store_.snapshot(sink, id_->uid, stage_->maxParallelism);
        timers_.eventTimers().snapshot(sink, id_->uid, "timers/event", stage_->maxParallelism);
        timers_.processingTimers().snapshot(sink, id_->uid, "timers/processing", stage_->maxParallelism);
        const Timestamp reached = overdue_.reached(watermark());
        if (timers_.eventTimers().nextTime() > reached) return;
        overdue_.snapshot(sink, id_->uid, stage_->maxParallelism, reached, [&](auto mark) {
            timers_.eventTimers().forEach([&](const auto& timer) {
                if (timer.time <= reached) mark(timer.key);
            });
        });
    }
    void restore(const SnapshotSource& source) { restoreState(source); }

private:
    static Timestamp readClock(const void* stage) {
        return static_cast<const StageContext*>(stage)->currentProcessingTime();
    }
    void restoreState(const SnapshotSource& source) {
        store_.restore(source, id_->uid);
        timers_.eventTimers().restore(source, id_->uid, "timers/event");
        timers_.processingTimers().restore(source, id_->uid, "timers/processing");
        timers_.requestNext();
        overdue_.restore(source, id_->uid);
    }

    StateMemory memory_;
    StateMemory timerMemory_;
    Store store_;
    TimerService<Key> timers_;
    OnTimerContext<Key> context_;
    typename TimerQueue<Key>::Timer timer_;  ///< the one that fires
    OverdueTimers overdue_;
    StageContext* stage_ = nullptr;
    const OperatorId* id_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEYED_FUNCTION_HOST_HPP
