#ifndef MILLRACE_OPERATORS_SINK_HPP
#define MILLRACE_OPERATORS_SINK_HPP

#include <millrace/core/late.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/operators/user_function.hpp>

#include <optional>

namespace millrace::detail {

/// Ends a chain in a callable: `(const T&)`, or `(const T&, const SinkContext&)`.
template <class T, class Fn>
struct FunctionSinkOperator {
    using Input = T;
    using Output = NoOutput;
    Fn fn;

    template <class Next>
    class Node : public FunctionNode<Fn, Next> {
    public:
        template <class Refs>
        explicit Node(const Refs& refs) : FunctionNode<Fn, Next>(refs, refs.op.fn) {}

        void pushBlock(Block<T> block) {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
        }
        void push(T&& value, Timestamp timestamp) {
            if constexpr (std::invocable<Fn&, const T&, const SinkContext&>) {
                context_.timestamp = timestamp;
                this->fn_(value, timestamp, std::as_const(value), std::as_const(context_));
            } else {
                this->fn_(value, timestamp, std::as_const(value));
            }
        }
        Progress onWatermark(Timestamp watermark) {
            context_.currentWatermark = watermark;
            return this->next_.onWatermark(watermark);
        }

    private:
        SinkContext context_;
    };
};

/// Ends a chain in a sink's writer.
template <class T, class Sink>
struct WriterSinkOperator {
    using Input = T;
    using Output = NoOutput;
    Sink sink;

    template <class Next>
    class Node : public ForwardingNode<Next> {
        using Writer = decltype(std::declval<const Sink&>().createWriter(std::declval<const WriterInitContext&>()));

    public:
        template <class Refs>
        explicit Node(const Refs& refs) : ForwardingNode<Next>(refs.rest), sink_(refs.op.sink) {}

        void open(OpenContext& context) {
            sink_.open(context);
            const WriterInitContext init{context.stage.subtaskIndex, context.stage.parallelism, context.stage.wakeUp()};
            sink_.guarded("the sink", [&] { writer_.emplace(sink_.get().createWriter(init)); });
            if constexpr (kMayWait) {
                context.stage.addSinkCheck([this] { return !writer_.has_value() || ready(); });
                stage_ = &context.stage;
            }
            this->next_.open(context);
        }
        void close() {
            closeBoth([this] { closeWriter(); },
                      [this] { closeBoth([this] { sink_.close(); }, [this] { this->next_.close(); }); });
        }
        void pushBlock(Block<T> block) {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
        }
        void push(T&& value, Timestamp timestamp) {
            context_.timestamp = timestamp;
            sink_.guardedFor(value, timestamp, [&] { writer_->write(std::move(value), std::as_const(context_)); });
        }
        void flush() {
            if constexpr (kMayWait) {
                if (!ready()) stage_->outputBlocked = true;
            }
            this->next_.flush();
        }
        Progress onWatermark(Timestamp watermark) {
            context_.currentWatermark = watermark;
            if constexpr (requires { writer_->writeWatermark(watermark); }) {
                sink_.guarded("the sink", [&] { writer_->writeWatermark(watermark); });
            }
            return this->next_.onWatermark(watermark);
        }
        Progress endInput() {
            sink_.guarded("the sink", [&] { writer_->flush(true); });
            return this->next_.endInput();
        }

    private:
        static constexpr bool kMayWait = requires(Writer writer) {
            { writer.afterBlock() } -> std::same_as<bool>;
        };

        void closeWriter() {
            if (!writer_.has_value()) return;
            closeBoth([this] { sink_.guarded("close()", [&] { writer_->close(); }); }, [this] { writer_.reset(); });
        }
        bool ready() {
            return sink_.guarded("the sink", [&] { return writer_->afterBlock(); });
        }

        UserFunction<Sink> sink_;
        Late<Writer> writer_;
        StageContext* stage_ = nullptr;
        SinkContext context_;
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SINK_HPP
