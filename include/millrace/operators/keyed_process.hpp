#ifndef MILLRACE_OPERATORS_KEYED_PROCESS_HPP
#define MILLRACE_OPERATORS_KEYED_PROCESS_HPP

#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/keyed_function_host.hpp>
#include <millrace/operators/keyed_reduce.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace millrace {

/// A callable `(value, KeyedProcessContext<Key>&, Collector<Out>&)`, or a struct with `processElement` of that form.
/// @public
template <class Fn, class T, class Key, class Out>
concept KeyedProcessFunctionFor =
    std::copy_constructible<Fn> && (std::invocable<Fn&, T, KeyedProcessContext<Key>&, Collector<Out>&> ||
                                    requires(Fn& fn, T value, KeyedProcessContext<Key>& context, Collector<Out>& out) {
                                        fn.processElement(std::move(value), context, out);
                                    });

namespace detail {

template <class Fn, class Key, class Out>
concept HasOnTimer = requires(Fn& fn, Timestamp time, OnTimerContext<Key>& context, Collector<Out>& out) {
    fn.onTimer(time, context, out);
};
/// `onTimer` is there, in whatever form.
template <class Fn>
concept NamesOnTimer = requires { &Fn::onTimer; };

/// Whether a function on a keyed stream is one with a key: not if it is content with a `ProcessContext`.
template <class Fn, class T, class Key, class Out>
inline constexpr bool kNeedsKey =
    KeyedProcessFunctionFor<Fn, T, Key, Out> &&
    (!ProcessFunctionFor<Fn, T, Out> || HasOnTimer<Fn, Key, Out> || requires(Fn& fn, KeyedRuntimeContext& context) {
        fn.open(context);
        requires !HasOpen<Fn>;
    });

/// Keyed process function. Records and timers come with their key's state current; timers fire before the watermark
/// that makes them due, in order of time; what an event timer emits has the timer's timestamp, what a processing timer
/// emits has none.
/// *State:* see `KeyedFunctionHost`.
template <class In, class Out, class KeySelector, class Fn>
struct KeyedProcessOperator {
    using Input = In;
    using Output = Out;
    KeySelector keySelector;
    Fn fn;

    template <class Next>
    class Node;
};

template <class In, class Out, class KeySelector, class Fn>
template <class Next>
class KeyedProcessOperator<In, Out, KeySelector, Fn>::Node : public CollectingNode<Fn, Out, Next> {
    using Key = KeyOf<KeySelector, In>;
    using Base = CollectingNode<Fn, Out, Next>;

public:
    template <class Refs>
    explicit Node(const Refs& refs) : Base(refs, refs.op.fn), keySelector_(refs.op.keySelector) {}

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        host_.open(context, context.takeOperator(), this->fn_);
        this->next_.open(context);
    }

    void pushBlock(Block<In> block) {
        std::size_t at = 0;
        LoopCopy<KeySelector> keyOf = keySelector_;
        host_.store().scan(
            at, block.size, block.hashes,
            [&](std::size_t i) -> decltype(auto) {
                try {
                    return std::invoke(keyOf, std::as_const(block.values[i]));
                } catch (...) {
                    failKey(block.values[i], block.timestampOf(i));
                }
            },
            [&](std::size_t i) { process(block.values[i], block.timestampOf(i), block.timestamps != nullptr); });
    }
    void push(In&& value, Timestamp timestamp) {
        pushBlock({&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1});
    }

    Progress onWatermark(Timestamp watermark) {
        host_.setWatermark(watermark);
        if (!host_.eventTimerDue()) [[likely]]
            return this->next_.onWatermark(watermark);
        firing_ = Firing::EventTimers;
        firesTo_ = watermark;
        return goOnFiring();
    }
    Progress onProcessingTime(Timestamp now) {
        if (!host_.processingTimerDue(now)) return this->next_.onProcessingTime(now);
        firing_ = Firing::ProcessingTimers;
        firesTo_ = now;
        return goOnFiring();
    }
    Progress resume() { return firing_ == Firing::Nothing ? this->next_.resume() : goOnFiring(); }
    Progress endInput() {
        host_.dropProcessingTimers();
        return this->next_.endInput();
    }

    void snapshot(SnapshotSink& sink) {
        host_.snapshot(sink);
        this->next_.snapshot(sink);
    }
    /// If called before `open`, the source must live until then.
    void restore(const SnapshotSource& source) {
        host_.restore(source);
        this->next_.restore(source);
    }

private:
    enum class Firing : std::uint8_t { Nothing, EventTimers, ProcessingTimers };

    /// In a block without timestamps there is nothing to stamp.
    [[gnu::always_inline]] void process(In& value, Timestamp timestamp, bool timed) {
        const std::size_t from = this->collector_.size();
        KeyedProcessContext<Key>& context = host_.context();
        context.setElement(timestamp);
        if constexpr (requires(Fn& function) {
                          function.processElement(std::move(value), context, this->collector_);
                      }) {
            this->fn_.guardedFor(value, timestamp,
                                 [&] { this->fn_.get().processElement(std::move(value), context, this->collector_); });
        } else {
            const auto& record = value;
            this->fn_(record, timestamp, std::move(value), context, this->collector_);
        }
        if (timed) {
            this->afterCall(from, timestamp);
        } else if (this->collector_.full()) {
            this->emitCollected();
        }
    }

    bool mustSuspend() const noexcept { return stage_->outputBlocked && stage_->maySuspend; }
    Progress goOnFiring() {
        const bool inEventTime = firing_ == Firing::EventTimers;
        const TimeDomain domain = inEventTime ? TimeDomain::EventTime : TimeDomain::ProcessingTime;
        for (;;) {
            if (mustSuspend()) {
                this->next_.flush();
                return Progress::Suspended;
            }
            const bool more = host_.fireSome(domain, firesTo_, [&](Timestamp time) {
                fire(time, inEventTime ? time : kMinTimestamp);
                return !mustSuspend();
            });
            outputs_->flushSide();
            if (!more) break;
        }
        firing_ = Firing::Nothing;
        this->flush();
        return inEventTime ? this->next_.onWatermark(firesTo_) : this->next_.onProcessingTime(firesTo_);
    }
    void fire(Timestamp time, Timestamp stamp) {
        if constexpr (HasOnTimer<Fn, Key, Out>) {
            const std::size_t from = this->collector_.size();
            this->fn_.guarded("onTimer()", stamp,
                              [&] { this->fn_.get().onTimer(time, host_.context(), this->collector_); });
            this->afterCall(from, stamp);
        } else {
            (void)time;
            (void)stamp;
        }
    }

    [[noreturn, gnu::cold, gnu::noinline]] void failKey(const In& record, Timestamp timestamp) const {
        throwUserFunctionError(this->fn_.id(), this->fn_.subtask(), timestamp, describeValue(record),
                               "the key selector");
    }

    KeySelector keySelector_;
    KeyedFunctionHost<Key> host_;
    Firing firing_ = Firing::Nothing;
    Timestamp firesTo_ = kMinTimestamp;
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_OPERATORS_KEYED_PROCESS_HPP
