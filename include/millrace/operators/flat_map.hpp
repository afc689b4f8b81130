#ifndef MILLRACE_OPERATORS_FLAT_MAP_HPP
#define MILLRACE_OPERATORS_FLAT_MAP_HPP

#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/operators/process_context.hpp>
#include <millrace/operators/user_function.hpp>

namespace millrace::detail {

/// Base of the nodes whose functions emit into a collector: hands the collected block on when it is full or the input
/// block has ended, never while the user's function runs.
template <class Fn, class Out, class Next>
class CollectingNode : public FunctionNode<Fn, Next> {
public:
    using FunctionNode<Fn, Next>::FunctionNode;

    void flush() {
        emitCollected();
        this->next_.flush();
    }

protected:
    /// Stamps what one call has emitted and hands on a full block.
    void afterCall(Timestamp timestamp) {
        stampCall(timestamp);
        emitFull();
    }
    void stampCall(Timestamp timestamp) noexcept {
        collector_.stampNew(timestamp);
        timed_ = timed_ || timestamp != kMinTimestamp;
    }
    void emitFull() {
        if (collector_.full()) [[unlikely]]
            emitCollected();
    }
    /// Apart: it ends in all that comes behind.
    [[gnu::noinline]] void emitCollected() {
        if (collector_.size() == 0) return;
        this->next_.pushBlock(collector_.block(timed_));
        collector_.clear();
        timed_ = false;
    }

    Collector<Out> collector_;
    bool timed_ = false;
};

template <class In, class Out, class Fn>
struct FlatMapOperator {
    using Input = In;
    using Output = Out;
    Fn fn;

    template <class Next>
    class Node : public CollectingNode<Fn, Out, Next> {
    public:
        static constexpr bool kPassesEvents = !HasClose<Fn>;

        template <class Refs>
        explicit Node(const Refs& refs) : CollectingNode<Fn, Out, Next>(refs, refs.op.fn) {}

        void pushBlock(Block<In> block) {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
        }
        void push(In&& value, Timestamp timestamp) {
            const auto& record = value;
            this->fn_(record, timestamp, std::move(value), this->collector_);
            this->afterCall(timestamp);
        }
    };
};

template <class Fn, class T, class Out>
concept ProcessFunctionFor =
    std::copy_constructible<Fn> && (std::invocable<Fn&, T, ProcessContext&, Collector<Out>&> ||
                                    requires(Fn& fn, T value, ProcessContext& context, Collector<Out>& out) {
                                        fn.processElement(std::move(value), context, out);
                                    });

/// Non-keyed process function: a callable `(value, ctx, out)` or a struct with `processElement(value, ctx, out)`.
template <class In, class Out, class Fn>
struct ProcessOperator {
    using Input = In;
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
        void pushBlock(Block<In> block) {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
        }
        void push(In&& value, Timestamp timestamp) {
            const auto& record = value;
            context_.setElement(timestamp);
            if constexpr (requires(Fn& function) {
                              function.processElement(std::move(value), context_, this->collector_);
                          }) {
                this->fn_.guardedFor(record, timestamp, [&] {
                    this->fn_.get().processElement(std::move(value), context_, this->collector_);
                });
            } else {
                this->fn_(record, timestamp, std::move(value), context_, this->collector_);
            }
            this->afterCall(timestamp);
        }
        Progress onWatermark(Timestamp watermark) {
            context_.setWatermark(watermark);
            return eventTarget(this->next_).onWatermark(watermark);
        }

    private:
        ProcessContext context_;
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_FLAT_MAP_HPP
