#ifndef MILLRACE_OPERATORS_KEYED_FUNCTION_NODE_HPP
#define MILLRACE_OPERATORS_KEYED_FUNCTION_NODE_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/keyed_function_host.hpp>
#include <millrace/operators/keyed_reduce.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
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
        if constexpr (kMayDeclareStates) this->collector_.zeroWhenFull(host_.store().cells().runEnd);
        this->next_.open(context);
    }

    Progress onWatermark(Timestamp watermark) {
        host_.setWatermark(watermark);
        if (!host_.eventTimerDue() || host_.comesAgain(watermark)) [[likely]]
            return eventTarget(this->next_).onWatermark(watermark);
        return fireTo(Firing::EventTimers, watermark);
    }
    Progress onProcessingTime(Timestamp now) {
        if (!host_.processingTimerDue(now)) return eventTarget(this->next_).onProcessingTime(now);
        return fireTo(Firing::ProcessingTimers, now);
    }
    Progress resume() { return firing_ == Firing::Nothing ? eventTarget(this->next_).resume() : goOnFiring(); }
    Progress endInput() {
        host_.dropProcessingTimers();
        return eventTarget(this->next_).endInput();
    }

    /// Batch execution: event time ends for the key, then processing time; then it is forgotten.
    Progress endKey() {
        host_.beginEndOfKey();
        endingKey_ = true;
        return fireTo(Firing::EventTimers, kMaxTimestamp);
    }

    void snapshot(SnapshotSink& sink) {
        host_.snapshot(sink);
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        host_.restore(source);
        eventTarget(this->next_).restore(source);
    }

protected:
    /// `call(node, value)` for each record of the block, with its key current and its timestamp in the context. The call
    /// captures nothing: a second copy of `this` would take a register from the loop.
    template <class T, class Selector, class Call>
    void forEachRecord(Block<T> block, const Selector& selector, Call call) {
        static_assert(std::is_empty_v<Call>);
        try {
            if (block.timestamps == nullptr) {
                forEachUntimed(block, selector, call);
            } else {
                forEachTimed(block, selector, call);
            }
        } catch (...) {
            failRun<T>();
        }
    }
    template <class T, class Call>
    void forEachWithoutKey(Block<T> block, Call call) {
        try {
            if (block.timestamps == nullptr) host_.context().setElement(kMinTimestamp);
            for (std::size_t i = 0; i < block.size; ++i) {
                if (block.timestamps == nullptr) {
                    callFor<false>(block.values[i], kMinTimestamp, call);
                } else {
                    callFor<true>(block.values[i], block.timestamps[i], call);
                }
                host_.store().beginCall(nullptr);
                this->emitFull();
            }
        } catch (...) {
            failRun<T>();
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
        return std::exchange(firing_, Firing::Nothing) == Firing::EventTimers
                   ? eventTarget(this->next_).onWatermark(firesTo_)
                   : eventTarget(this->next_).onProcessingTime(firesTo_);
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
                this->fn_.guarded(
                    "onTimer()", [&] { static_cast<Derived*>(this)->fireTimer(time); }, stamp);
                this->afterCall(stamp);
                return !mustSuspend();
            });
            outputs_->flushSide();
            if (!more) return Progress::Done;
        }
    }

    /// Something was thrown in a run.
    template <class T>
    [[noreturn, gnu::cold, gnu::noinline]] void failRun() {
        const auto* const record = static_cast<const T*>(host_.store().abandonRun());
        if (record == nullptr) throw;
        throwRecordError(this->fn_.id(), this->fn_.subtask(), host_.context().element(), *record);
    }
    template <class T>
    [[noreturn, gnu::cold, gnu::noinline]] void failKey(const T& record, Timestamp timestamp) {
        host_.store().beginCall(nullptr);
        throwUserFunctionError(this->fn_.id(), this->fn_.subtask(), timestamp, describeValue(record),
                               "the key selector");
    }

    /// A `LoopCopy` that a lambda can capture: what it refers to is not copied.
    template <class Selector>
    struct KeySelection {
        LoopCopy<const Selector> keyOf;
    };
    // Each loop is a function of its own: one for both would not have its position in a register, and neither would one that
    // catches what a call throws.
    template <class T, class Selector, class Call>
    [[gnu::noinline]] void forEachUntimed(Block<T> block, const Selector& selector, Call call) {
        host_.context().setElement(kMinTimestamp);
        const auto keyAt = [this, selection = KeySelection<Selector>{selector}](T* at) -> decltype(auto) {
            try {
                return detail::invoke(selection.keyOf, std::as_const(*at));
            } catch (...) {
                failKey(*at, kMinTimestamp);
            }
        };
        scan(block.values, block.values + block.size, block.hashes, keyAt,
             [this, call](T* at) { callFor<false>(*at, kMinTimestamp, call); });
    }
    template <class T, class Selector, class Call>
    [[gnu::noinline]] void forEachTimed(Block<T> block, const Selector& selector, Call call) {
        const auto keyAt = [this, block,
                            selection = KeySelection<Selector>{selector}](std::size_t i) -> decltype(auto) {
            try {
                return detail::invoke(selection.keyOf, std::as_const(block.values[i]));
            } catch (...) {
                failKey(block.values[i], block.timestamps[i]);
            }
        };
        scan(std::size_t{0}, block.size, block.hashes, keyAt,
             [this, block, call](std::size_t i) { callFor<true>(block.values[i], block.timestamps[i], call); });
    }
    template <class At, class KeyAt, class Each>
    [[gnu::always_inline]] void scan(At first, At end, const std::uint32_t* hashes, KeyAt keyAt, Each each) {
        if constexpr (kMayDeclareStates) {
            host_.store().scan(first, end, hashes, keyAt, each, [this] { this->emitFull(); });
        } else {
            host_.store().scanStateless(first, end, keyAt, [this, each](At at) {
                each(at);
                if (this->collector_.full()) [[unlikely]] {
                    host_.store().beginCall(nullptr);  // whoever throws behind it says so itself
                    this->emitCollected();
                }
            });
        }
    }

    /// A full block is not handed on yet. In a block without timestamps there is nothing to stamp, and the context knows
    /// already.
    template <bool kStamped, class T, class Call>
    [[gnu::always_inline]] void callFor(T& record, Timestamp timestamp, const Call& call) {
        if constexpr (kStamped) host_.context().setElement(timestamp);
        host_.store().beginCall(std::addressof(record));
        call(static_cast<Derived&>(*this), record);
        if constexpr (kStamped) this->stampCall(timestamp);
    }

    Firing firing_ = Firing::Nothing;
    Timestamp firesTo_ = kMinTimestamp;
    bool endingKey_ = false;
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEYED_FUNCTION_NODE_HPP
