#ifndef MILLRACE_OPERATORS_BROADCAST_PROCESS_HPP
#define MILLRACE_OPERATORS_BROADCAST_PROCESS_HPP

#include <millrace/operators/broadcast_context.hpp>
#include <millrace/operators/co_process.hpp>
#include <millrace/operators/keyed_function_node.hpp>

#include <concepts>
#include <tuple>
#include <utility>

namespace millrace::detail {

template <class Fn, class T, class B, class ReadOnly, class Writing, class Out>
concept BroadcastFunctionFor =
    std::copy_constructible<Fn> &&
    requires(Fn& fn, T value, const B& broadcast, ReadOnly& readOnly, Writing& writing, Collector<Out>& out) {
        fn.processElement(std::move(value), readOnly, out);
        fn.processBroadcastElement(broadcast, writing, out);
    };
template <class Fn, class Key, class Out>
concept HasBroadcastOnTimer = requires(Fn& fn, Timestamp time, KeyedReadOnlyContext<Key>& context,
                                       Collector<Out>& out) { fn.onTimer(time, context, out); };

template <class Descriptors>
void declareBroadcastStates(BroadcastStates& states, const Descriptors& descriptors) {
    std::apply([&](const auto&... descriptor) { (states.add(descriptor), ...); }, descriptors);
}

/// A stream without keys beside a broadcast one.
/// *State:* see `BroadcastStates`.
template <class T, class B, class Out, class Fn, class Descriptors>
struct BroadcastProcessOperator {
    using Output = Out;
    Fn fn;
    Descriptors descriptors;

    template <class Next>
    class Node : public CollectingNode<Fn, Out, Next> {
    public:
        template <class Refs>
        explicit Node(const Refs& refs) : CollectingNode<Fn, Out, Next>(refs, refs.op.fn) {
            declareBroadcastStates(states_, refs.op.descriptors);
        }

        void open(OpenContext& context) {
            process_.open(context.stage, context.outputs);
            reading_.open(process_, states_);
            writing_.open(process_, states_);
            CollectingNode<Fn, Out, Next>::open(context);
            context.account(memory_, this->fn_.id(), states_.describe());
            states_.chargeTo(memory_);
        }
        void pushBlock1(Block<T> block) {
            each(block,
                 [this](T& value) { this->fn_.get().processElement(std::move(value), reading_, this->collector_); });
        }
        void pushBlock2(Block<B> block) {
            each(block, [this](B& value) {
                this->fn_.get().processBroadcastElement(std::as_const(value), writing_, this->collector_);
            });
        }
        Progress onWatermark(Timestamp watermark) {
            process_.setWatermark(watermark);
            return eventTarget(this->next_).onWatermark(watermark);
        }
        void snapshot(SnapshotSink& sink) {
            states_.snapshot(sink, this->fn_.id().uid);
            eventTarget(this->next_).snapshot(sink);
        }
        void restore(const SnapshotSource& source) {
            states_.restore(source, this->fn_.id().uid);
            eventTarget(this->next_).restore(source);
        }

    private:
        template <class X, class Call>
        void each(Block<X> block, Call call) {
            for (std::size_t i = 0; i < block.size; ++i) {
                const Timestamp timestamp = block.timestampOf(i);
                process_.setElement(timestamp);
                this->fn_.guardedFor(block.values[i], timestamp, [&] { call(block.values[i]); });
                this->afterCall(timestamp);
            }
        }

        StateMemory memory_;
        BroadcastStates states_;
        ProcessContext process_;
        BroadcastReadOnlyContext reading_;
        BroadcastContext writing_;
    };
};

/// A keyed stream beside a broadcast one. Timers belong to the keyed side.
/// *State:* see `KeyedFunctionHost` and `BroadcastStates`.
template <class T, class KeySelector, class B, class Out, class Fn, class Descriptors>
struct KeyedBroadcastProcessOperator {
    using Output = Out;
    using Key = KeyOf<KeySelector, T>;
    KeySelector keySelector;
    Fn fn;
    Descriptors descriptors;

    template <class Next>
    class Node : public KeyedFunctionNode<Node<Next>, Key, Fn, Out, Next> {
        using Base = KeyedFunctionNode<Node<Next>, Key, Fn, Out, Next>;

    public:
        template <class Refs>
        explicit Node(const Refs& refs) : Base(refs, refs.op.fn), keySelector_(refs.op.keySelector) {
            declareBroadcastStates(states_, refs.op.descriptors);
        }

        void open(OpenContext& context) {
            Base::open(context);
            reading_.open(this->host_.context(), states_);
            writing_.open(this->host_.context(), states_, this->host_.store());
            context.account(memory_, this->host_.id(), states_.describe());
            states_.chargeTo(memory_);
        }
        void pushBlock1(Block<T> block) {
            this->forEachRecord(block, keySelector_, [](Node& node, T& value) {
                node.fn_.get().processElement(std::move(value), node.reading_, node.collector_);
            });
        }
        void pushBlock2(Block<B> block) {
            this->forEachWithoutKey(block, [](Node& node, B& value) {
                node.fn_.get().processBroadcastElement(std::as_const(value), node.writing_, node.collector_);
            });
        }
        void fireTimer(Timestamp time) {
            if constexpr (HasBroadcastOnTimer<Fn, Key, Out>) {
                this->fn_.get().onTimer(time, reading_, this->collector_);
            } else {
                (void)time;
            }
        }

        void snapshot(SnapshotSink& sink) {
            states_.snapshot(sink, this->fn_.id().uid);
            Base::snapshot(sink);
        }
        void restore(const SnapshotSource& source) {
            states_.restore(source, this->fn_.id().uid);
            Base::restore(source);
        }

    private:
        KeySelector keySelector_;
        StateMemory memory_;
        BroadcastStates states_;
        KeyedReadOnlyContext<Key> reading_;
        KeyedBroadcastContext<Key> writing_;
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_BROADCAST_PROCESS_HPP
