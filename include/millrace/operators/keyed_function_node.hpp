#ifndef MILLRACE_OPERATORS_KEYED_FUNCTION_NODE_HPP
#define MILLRACE_OPERATORS_KEYED_FUNCTION_NODE_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/keyed_function_host.hpp>
#include <millrace/operators/keyed_reduce.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Base of the nodes around a keyed function, of one input or two: its host, records with their keys, and timers, which fire
/// before the watermark that makes them due, in order of time. `Derived` has `fireTimer(time)`, which calls the function.
/// *State:* see `KeyedFunctionHost`.
template <class Derived, class Key, class Fn, class Out, class Next>
class KeyedFunctionNode : public CollectingNode<Fn, Out, Next> {
public:
    using CollectingNode<Fn, Out, Next>::CollectingNode;

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        host_.open(context, context.takeOperator(), this->fn_);
        this->next_.open(context);
    }

    Progress onWatermark(Timestamp watermark) {
        host_.setWatermark(watermark);
        if (!host_.eventTimerDue() || host_.comesAgain(watermark)) [[likely]]
            return this->next_.onWatermark(watermark);
        return fireTo(Firing::EventTimers, watermark);
    }
    Progress onProcessingTime(Timestamp now) {
        if (!host_.processingTimerDue(now)) return this->next_.onProcessingTime(now);
        return fireTo(Firing::ProcessingTimers, now);
    }
    Progress resume() { return firing_ == Firing::Nothing ? this->next_.resume() : goOnFiring(); }
    Progress endInput() {
        host_.dropProcessingTimers();
        return this->next_.endInput();
    }

    /// Batch execution: event time ends for the key, then processing time; then it is forgotten.
    Progress endKey() {
        host_.beginEndOfKey();
        endingKey_ = true;
        return fireTo(Firing::EventTimers, kMaxTimestamp);
    }

    void snapshot(SnapshotSink& sink) {
        host_.snapshot(sink);
        this->next_.snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        host_.restore(source);
        this->next_.restore(source);
    }

protected:
    /// `call(value)` for each record of the block, with its key current and its timestamp in the context.
    template <class T, class Selector, class Call>
    void forEachRecord(Block<T> block, const Selector& selector, Call call) {
        LoopCopy<const Selector> keyOf = selector;
        const auto keyAt = [&](std::size_t i) -> decltype(auto) {
            try {
                return detail::invoke(keyOf, std::as_const(block.values[i]));
            } catch (...) {
                failKey(block.values[i], block.timestampOf(i));
            }
        };
        const auto scan = [&](auto each) __attribute__((always_inline)) {
            if constexpr (kMayDeclareStates) {
                host_.store().scan(block.size, block.hashes, keyAt, each);
            } else {
                host_.store().scanStateless(block.size, keyAt, each);
            }
        };
        if (block.timestamps == nullptr) {
            host_.context().setElement(kMinTimestamp);
            scan([&](std::size_t i) { callFor<false>(block, i, call); });
        } else {
            scan([&](std::size_t i) { callFor<true>(block, i, call); });
        }
    }
    template <class T, class Call>
    void forEachWithoutKey(Block<T> block, Call call) {
        if (block.timestamps == nullptr) {
            host_.context().setElement(kMinTimestamp);
            for (std::size_t i = 0; i < block.size; ++i) callFor<false>(block, i, call);
        } else {
            for (std::size_t i = 0; i < block.size; ++i) callFor<true>(block, i, call);
        }
    }

    KeyedFunctionHost<Key> host_;

private:
    /// Only `open` gets what declares them.
    static constexpr bool kMayDeclareStates = requires(Fn& fn, KeyedRuntimeContext& context) { fn.open(context); };

    enum class Firing : std::uint8_t { Nothing, EventTimers, ProcessingTimers };

    bool mustSuspend() const noexcept { return stage_->outputBlocked && stage_->maySuspend; }
    Progress fireTo(Firing firing, Timestamp to) {
        firing_ = firing;
        firesTo_ = to;
        return goOnFiring();
    }
    Progress goOnFiring() {
        if (fireAll() == Progress::Suspended) return Progress::Suspended;
        if (endingKey_) {
            if (std::exchange(firing_, Firing::ProcessingTimers) == Firing::EventTimers) return goOnFiring();
            firing_ = Firing::Nothing;
            endingKey_ = false;
            host_.forgetKeys();
            this->flush();
            return Progress::Done;
        }
        this->flush();
        return std::exchange(firing_, Firing::Nothing) == Firing::EventTimers ? this->next_.onWatermark(firesTo_)
                                                                              : this->next_.onProcessingTime(firesTo_);
    }
    Progress fireAll() {
        const bool inEventTime = firing_ == Firing::EventTimers;
        const TimeDomain domain = inEventTime ? TimeDomain::EventTime : TimeDomain::ProcessingTime;
        for (;;) {
            if (mustSuspend()) {
                this->next_.flush();
                return Progress::Suspended;
            }
            const bool more = host_.fireSome(domain, firesTo_, [&](Timestamp time) {
                const Timestamp stamp = inEventTime ? time : kMinTimestamp;
                this->fn_.guarded("onTimer()", stamp, [&] { static_cast<Derived*>(this)->fireTimer(time); });
                this->afterCall(stamp);
                return !mustSuspend();
            });
            outputs_->flushSide();
            if (!more) return Progress::Done;
        }
    }

    template <class T>
    [[noreturn, gnu::cold, gnu::noinline]] void failKey(const T& record, Timestamp timestamp) const {
        throwUserFunctionError(this->fn_.id(), this->fn_.subtask(), timestamp, describeValue(record),
                               "the key selector");
    }

    /// In a block without timestamps there is nothing to stamp, and the context knows already.
    template <bool kStamped, class T, class Call>
    [[gnu::always_inline]] void callFor(const Block<T>& block, std::size_t i, Call& call) {
        if constexpr (kStamped) host_.context().setElement(block.timestamps[i]);
        try {
            call(block.values[i]);
        } catch (...) {
            throwRecordError(this->fn_.id(), this->fn_.subtask(), host_.context().element(), block.values[i]);
        }
        if constexpr (kStamped) {
            this->afterCall(block.timestamps[i]);
        } else if (this->collector_.full()) {
            this->emitCollected();
        }
    }

    Firing firing_ = Firing::Nothing;
    Timestamp firesTo_ = kMinTimestamp;
    bool endingKey_ = false;
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEYED_FUNCTION_NODE_HPP
