#ifndef MILLRACE_OPERATORS_CO_PROCESS_HPP
#define MILLRACE_OPERATORS_CO_PROCESS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/two_input_stage.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace millrace::detail {

template <class Fn, class A, class B, class Out>
concept CoProcessFunctionFor =
    std::copy_constructible<Fn> && requires(Fn& fn, A a, B b, ProcessContext& context, Collector<Out>& out) {
        fn.processElement1(std::move(a), context, out);
        fn.processElement2(std::move(b), context, out);
    };

/// Two inputs without keys, one function: a struct with `processElement1(value, ctx, out)` for the records of the first
/// input and `processElement2` for those of the second.
template <class A, class B, class Out, class Fn>
struct CoProcessOperator {
    using Output = Out;
    Fn fn;

    template <class Next>
    class Node : public CollectingNode<Fn, Out, Next> {
    public:
        template <class Refs>
        explicit Node(const Refs& refs) : CollectingNode<Fn, Out, Next>(refs, refs.op.fn) {}

        void open(OpenContext& context) {
            context_.open(context.stage, context.outputs);
            CollectingNode<Fn, Out, Next>::open(context);
        }
        void pushBlock1(Block<A> block) {
            each(block,
                 [this](A& value) { this->fn_.get().processElement1(std::move(value), context_, this->collector_); });
        }
        void pushBlock2(Block<B> block) {
            each(block,
                 [this](B& value) { this->fn_.get().processElement2(std::move(value), context_, this->collector_); });
        }
        Progress onWatermark(Timestamp watermark) {
            context_.setWatermark(watermark);
            return eventTarget(this->next_).onWatermark(watermark);
        }

    private:
        template <class T, class Call>
        void each(Block<T> block, Call call) {
            for (std::size_t i = 0; i < block.size; ++i) {
                const Timestamp timestamp = block.timestampOf(i);
                context_.setElement(timestamp);
                this->fn_.guardedFor(block.values[i], timestamp, [&] { call(block.values[i]); });
                this->afterCall(timestamp);
            }
        }

        ProcessContext context_;
    };
};

// map and flatMap of connected streams are process functions that do not look at the context.

/// Two functions in the place of one struct; those that have `open` and `close` get them.
template <class First, class Second>
struct FunctionPair {
    First first;
    Second second;

    void open(RuntimeContext& context)
        requires(HasOpen<First> || HasOpen<Second>)
    {
        if constexpr (HasOpen<First>) first.open(context);
        if constexpr (HasOpen<Second>) second.open(context);
    }
    void close()
        requires(HasClose<First> || HasClose<Second>)
    {
        if constexpr (HasClose<First> && HasClose<Second>) {
            closeBoth([this] { first.close(); }, [this] { second.close(); });
        } else if constexpr (HasClose<First>) {
            first.close();
        } else {
            second.close();
        }
    }

    template <class T>
    auto map1(T&& value) -> decltype(detail::invoke(first, std::forward<T>(value))) {
        return detail::invoke(first, std::forward<T>(value));
    }
    template <class T>
    auto map2(T&& value) -> decltype(detail::invoke(second, std::forward<T>(value))) {
        return detail::invoke(second, std::forward<T>(value));
    }
    template <class T, class Out>
    auto flatMap1(T&& value, Collector<Out>& out)
        -> decltype(void(detail::invoke(first, std::forward<T>(value), out))) {
        detail::invoke(first, std::forward<T>(value), out);
    }
    template <class T, class Out>
    auto flatMap2(T&& value, Collector<Out>& out)
        -> decltype(void(detail::invoke(second, std::forward<T>(value), out))) {
        detail::invoke(second, std::forward<T>(value), out);
    }
};

template <class Fn>
struct CoMap : WrappedFunction<Fn> {
    template <class T, class Out>
    void processElement1(T&& value, ProcessContext&, Collector<Out>& out) {
        out.collect(this->fn.map1(std::forward<T>(value)));
    }
    template <class T, class Out>
    void processElement2(T&& value, ProcessContext&, Collector<Out>& out) {
        out.collect(this->fn.map2(std::forward<T>(value)));
    }
};

template <class Fn>
struct CoFlatMap : WrappedFunction<Fn> {
    template <class T, class Out>
    void processElement1(T&& value, ProcessContext&, Collector<Out>& out) {
        this->fn.flatMap1(std::forward<T>(value), out);
    }
    template <class T, class Out>
    void processElement2(T&& value, ProcessContext&, Collector<Out>& out) {
        this->fn.flatMap2(std::forward<T>(value), out);
    }
};

// ---- what they emit, where it can be seen

template <class Fn>
struct SeenByProcess1 {
    using Type = void;
};
template <class Fn>
    requires requires { &Fn::processElement1; }
struct SeenByProcess1<Fn> {
    using Type = typename EmittedByCall<decltype(&Fn::processElement1)>::Type;
};
template <class Fn>
    requires requires { typename Fn::Output; }
struct SeenByProcess1<Fn> {
    using Type = typename Fn::Output;
};

template <class Fn>
struct SeenByFlatMap1 {
    using Type = void;
};
template <class Fn>
    requires requires { &Fn::flatMap1; }
struct SeenByFlatMap1<Fn> {
    using Type = typename EmittedByCall<decltype(&Fn::flatMap1)>::Type;
};
template <class First, class Second>
struct SeenByFlatMap1<FunctionPair<First, Second>> : EmittedBy<First> {};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_CO_PROCESS_HPP
