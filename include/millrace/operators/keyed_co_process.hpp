#ifndef MILLRACE_OPERATORS_KEYED_CO_PROCESS_HPP
#define MILLRACE_OPERATORS_KEYED_CO_PROCESS_HPP

#include <millrace/operators/keyed_function_node.hpp>
#include <millrace/operators/keyed_process.hpp>
#include <millrace/operators/two_input_stage.hpp>

#include <concepts>
#include <utility>

namespace millrace::detail {

template <class Fn, class A, class B, class Key, class Out>
concept KeyedCoProcessFunctionFor =
    std::copy_constructible<Fn> && requires(Fn& fn, A a, B b, KeyedProcessContext<Key>& context, Collector<Out>& out) {
        fn.processElement1(std::move(a), context, out);
        fn.processElement2(std::move(b), context, out);
    };

/// Two keyed inputs, one function with keyed state and timers that both share.
/// *State:* see `KeyedFunctionHost`.
template <class A, class B, class FirstKey, class SecondKey, class Out, class Fn>
struct KeyedCoProcessOperator {
    using Output = Out;
    using Key = KeyOf<FirstKey, A>;
    FirstKey firstKey;
    SecondKey secondKey;
    Fn fn;

    template <class Next>
    class Node : public KeyedFunctionNode<Node<Next>, Key, Fn, Out, Next> {
        using Base = KeyedFunctionNode<Node<Next>, Key, Fn, Out, Next>;

    public:
        template <class Refs>
        explicit Node(const Refs& refs)
            : Base(refs, refs.op.fn), firstKey_(refs.op.firstKey), secondKey_(refs.op.secondKey) {}

        void pushBlock1(Block<A> block) {
            this->forEachRecord(block, firstKey_, [](Node& node, A& value) {
                KeyedProcessContext<Key>& context = node.host_.context();
                node.fn_.get().processElement1(std::move(value), context, node.collector_);
            });
        }
        void pushBlock2(Block<B> block) {
            this->forEachRecord(block, secondKey_, [](Node& node, B& value) {
                KeyedProcessContext<Key>& context = node.host_.context();
                node.fn_.get().processElement2(std::move(value), context, node.collector_);
            });
        }
        void fireTimer(Timestamp time) {
            if constexpr (HasOnTimer<Fn, Key, Out>) {
                this->fn_.get().onTimer(time, this->host_.context(), this->collector_);
            } else {
                (void)time;
            }
        }

    private:
        FirstKey firstKey_;
        SecondKey secondKey_;
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEYED_CO_PROCESS_HPP
