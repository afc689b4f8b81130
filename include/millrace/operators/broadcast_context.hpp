#ifndef MILLRACE_OPERATORS_BROADCAST_CONTEXT_HPP
#define MILLRACE_OPERATORS_BROADCAST_CONTEXT_HPP

#include <millrace/operators/keyed_process_context.hpp>
#include <millrace/state/broadcast_state.hpp>

#include <optional>
#include <utility>

namespace millrace {

namespace detail {

/// What the contexts of both sides have.
class BroadcastContextBase {
public:
    /// Event time of the element (or timer); none when no timestamps are assigned.
    std::optional<Timestamp> timestamp() const { return process_->timestamp(); }
    Timestamp currentWatermark() const noexcept { return process_->currentWatermark(); }
    Timestamp currentProcessingTime() const { return process_->currentProcessingTime(); }
    /// Emits to a side output, with the timestamp of the element.
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) {
        process_->output(tag, std::forward<U>(value));
    }
    /// Only for messages: timers belong to a key, so they are in `KeyedReadOnlyContext`.
    template <class Context = BroadcastContextBase>
    NoTimers timerService() const {
        return rejectTimers<Context>();
    }

protected:
    BroadcastContextBase() = default;
    ~BroadcastContextBase() = default;
    ProcessContext* process_ = nullptr;
    const BroadcastStates* states_ = nullptr;
};

}  // namespace detail

/// What `processElement(value, BroadcastReadOnlyContext& ctx, Collector<Out>& out)` may ask and do: it sees the broadcast
/// state, but cannot write it. @public
class BroadcastReadOnlyContext : public detail::BroadcastContextBase {
public:
    template <class K, class V>
    const ReadOnlyBroadcastState<K, V>& getBroadcastState(const MapStateDescriptor<K, V>& descriptor) const {
        return states_->get(descriptor);
    }

    // ---- for operators ----
    void open(ProcessContext& process, const detail::BroadcastStates& states) noexcept {
        process_ = &process;
        states_ = &states;
    }
};

/// What `processBroadcastElement(value, BroadcastContext& ctx, Collector<Out>& out)` may ask and do: it alone writes the
/// broadcast state. @public
class BroadcastContext : public detail::BroadcastContextBase {
public:
    template <class K, class V>
    BroadcastState<K, V>& getBroadcastState(const MapStateDescriptor<K, V>& descriptor) const {
        return states_->get(descriptor);
    }

    // ---- for operators ----
    void open(ProcessContext& process, const detail::BroadcastStates& states) noexcept {
        process_ = &process;
        states_ = &states;
    }
};

/// The context of elements and timers of the keyed side: with a key, its state and timers; broadcast state to read.
/// @public
template <class Key>
class KeyedReadOnlyContext : public BroadcastReadOnlyContext {
public:
    const Key& currentKey() const noexcept { return keyed_->currentKey(); }
    TimerService<Key>& timerService() noexcept { return keyed_->timerService(); }
    /// In `onTimer`: which clock the timer goes by.
    TimeDomain timeDomain() const noexcept { return keyed_->timeDomain(); }

    // ---- for operators ----
    void open(OnTimerContext<Key>& keyed, const detail::BroadcastStates& states) noexcept {
        BroadcastReadOnlyContext::open(keyed, states);
        keyed_ = &keyed;
    }

private:
    OnTimerContext<Key>* keyed_ = nullptr;
};

/// The context of broadcast elements behind a keyed stream: no key is current, and no timers; but all keys' state can be
/// visited. @public
template <class Key>
class KeyedBroadcastContext : public BroadcastContext {
public:
    /// `fn(const Key& key, state)` for each key that has a value of this state (the handle that the function got in
    /// `open`); `fn` may read and write it. In no particular order.
    template <class State, class Fn>
    void applyToKeyedState(State& state, Fn fn) {
        if (state.declared() == nullptr) {
            throw MillraceException(
                "applyToKeyedState: the state is not open; get its handle in open(KeyedRuntimeContext&)");
        }
        store_->forEachKey(*state.declared(), [&](const Key& key) { fn(key, state); });
    }

    // ---- for operators ----
    void open(OnTimerContext<Key>& keyed, const detail::BroadcastStates& states,
              detail::KeyedStateStore<Key>& store) noexcept {
        BroadcastContext::open(keyed, states);
        store_ = &store;
    }

private:
    detail::KeyedStateStore<Key>* store_ = nullptr;
};

}  // namespace millrace

#endif  // MILLRACE_OPERATORS_BROADCAST_CONTEXT_HPP
