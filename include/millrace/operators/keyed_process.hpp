#ifndef MILLRACE_OPERATORS_KEYED_PROCESS_HPP
#define MILLRACE_OPERATORS_KEYED_PROCESS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/keyed_function_node.hpp>

#include <concepts>
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
constexpr bool needsKey() {
    if constexpr (!KeyedProcessFunctionFor<Fn, T, Key, Out>) {
        return false;
    } else if constexpr (std::is_void_v<typename EmittedBy<Fn>::Type>) {
        return true;  // takes any context: asking whether a ProcessContext will do could be an error in its body
    } else if constexpr (!ProcessFunctionFor<Fn, T, Out>) {
        return true;
    } else {
        return HasOnTimer<Fn, Key, Out> ||
               (!HasOpen<Fn> && requires(Fn& fn, KeyedRuntimeContext& context) { fn.open(context); });
    }
}

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
class KeyedProcessOperator<In, Out, KeySelector, Fn>::Node
    : public KeyedFunctionNode<Node<Next>, KeyOf<KeySelector, In>, Fn, Out, Next> {
    using Key = KeyOf<KeySelector, In>;
    using Base = KeyedFunctionNode<Node<Next>, Key, Fn, Out, Next>;
    friend Base;

public:
    template <class Refs>
    explicit Node(const Refs& refs) : Base(refs, refs.op.fn), keySelector_(refs.op.keySelector) {}

    void pushBlock(Block<In> block) {
        this->forEachRecord(block, keySelector_, [](Node& node, In& value) {
            KeyedProcessContext<Key>& context = node.host_.context();
            if constexpr (requires(Fn& function) {
                              function.processElement(std::move(value), context, node.collector_);
                          }) {
                node.fn_.get().processElement(std::move(value), context, node.collector_);
            } else {
                detail::invoke(node.fn_.get(), std::move(value), context, node.collector_);
            }
        });
    }
    void push(In&& value, Timestamp timestamp) {
        pushBlock({&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1});
    }

private:
    void fireTimer(Timestamp time) {
        if constexpr (HasOnTimer<Fn, Key, Out>) {
            this->fn_.get().onTimer(time, this->host_.context(), this->collector_);
        } else {
            (void)time;
        }
    }

    KeySelector keySelector_;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_OPERATORS_KEYED_PROCESS_HPP
