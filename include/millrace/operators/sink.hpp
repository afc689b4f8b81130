#ifndef MILLRACE_OPERATORS_SINK_HPP
#define MILLRACE_OPERATORS_SINK_HPP

#include <millrace/core/late.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/operators/user_function.hpp>

#include <cstdint>
#include <utility>

namespace millrace::detail {

/// Ends a chain in a callable: `(const T&)`, or `(const T&, const SinkContext&)`.
template <class T, class Fn>
struct FunctionSinkOperator {
    using Input = T;
    using Output = NoOutput;
    Fn fn;

    template <class Next>
    class Node : public FunctionNode<Fn, Next> {
        static constexpr bool kTakesContext = std::invocable<Fn&, const T&, const SinkContext&>;

    public:
        static constexpr bool kPassesEvents = !HasClose<Fn> && !kTakesContext;

        template <class Refs>
        explicit Node(const Refs& refs) : FunctionNode<Fn, Next>(refs, refs.op.fn) {}

        void pushBlock(Block<T> block) {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
        }
        void push(T&& value, Timestamp timestamp) {
            if constexpr (kTakesContext) {
                context_.timestamp = timestamp;
                this->fn_(value, timestamp, std::as_const(value), std::as_const(context_));
            } else {
                this->fn_(value, timestamp, std::as_const(value));
            }
        }
        Progress onWatermark(Timestamp watermark) {
            context_.currentWatermark = watermark;
            return eventTarget(this->next_).onWatermark(watermark);
        }

    private:
        SinkContext context_;
    };
};

template <class Sink, class Writer>
void tellCompleted(UserFunction<Sink>& sink, Writer& writer, std::int64_t checkpointId) {
    if constexpr (HearsOfCompletion<Writer>) {
        sink.guarded("notifyCheckpointComplete()", [&] { writer.notifyCheckpointComplete(checkpointId); });
    }
}
template <class Sink, class Writer>
void tellAborted(UserFunction<Sink>& sink, Writer& writer, std::int64_t checkpointId) {
    if constexpr (HearsOfAbortion<Writer>) {
        sink.guarded("notifyCheckpointAborted()", [&] { writer.notifyCheckpointAborted(checkpointId); });
    }
}

/// Ties a sink's writer to the checkpoints of its stage: makes it, flushes it before each, tells it of them. For writers with
/// state or something to commit (`CheckpointedWriter`) it is in operators/checkpointed_writer.hpp, which others need not
/// compile.
template <class Sink, bool kIsCheckpointed>
class WriterCheckpoints final : public CheckpointHook {
    static_assert(!kIsCheckpointed,
                  "millrace: this sink commits with checkpoints or has state (its writer has prepareCommit() or "
                  "snapshotState()): #include <millrace/committing_sink.hpp>.");

public:
    WriterCheckpoints(UserFunction<Sink>& sink, Late<WriterOf<Sink>>& writer, OpenContext&,
                      const WriterInitContext& init)
        : sink_(sink), writer_(writer) {
        sink_.guarded("the sink", [&] { writer_.emplace(sink_.get().createWriter(init)); });
    }
    static void declareStates(UserFunction<Sink>&, OpenContext&) {}
    void prepareBarrier(std::int64_t) override {
        if (inputEnded_) return;  // the last flush has been
        sink_.guarded("the sink", [&] { writer_->flush(false); });
    }
    void completed(std::int64_t checkpointId) override { tellCompleted(sink_, *writer_, checkpointId); }
    void aborted(std::int64_t checkpointId) override { tellAborted(sink_, *writer_, checkpointId); }
    void inputEnded() { inputEnded_ = true; }
    void onProcessingTime(Timestamp) {}

private:
    UserFunction<Sink>& sink_;
    Late<WriterOf<Sink>>& writer_;
    bool inputEnded_ = false;
};

/// In the place of a policy for errors of `write`: there is none.
struct NoSinkGuard {
    void open(const OpenContext&, const OperatorId&) {}
    template <class Writer, class T>
    [[gnu::always_inline]] void write(Writer& writer, T& record, const SinkContext& context) {
        writer.write(std::move(record), context);
    }
};

/// Ends a chain in a sink's writer.
template <class T, class Sink, class Guard = NoSinkGuard>
struct WriterSinkOperator {
    using Input = T;
    using Output = NoOutput;
    Sink sink;
    Guard guard{};

    template <class Next>
    class Node : public ForwardingNode<Next> {
        using Writer = WriterOf<Sink>;
        using Checkpoints = WriterCheckpoints<Sink, CheckpointedWriter<Writer>>;

    public:
        template <class Refs>
        explicit Node(const Refs& refs) : ForwardingNode<Next>(refs.rest), sink_(refs.op.sink), guard_(refs.op.guard) {}

        void open(OpenContext& context) {
            sink_.open(context);
            guard_.open(context, sink_.id());
            stage_ = &context.stage;
            if (stage_->onlyDeclaresStates) {
                Checkpoints::declareStates(sink_, context);
                return this->next_.open(context);
            }
            const WriterInitContext init{context.stage.subtaskIndex, context.stage.parallelism, context.stage.wakeUp(),
                                         [stage = stage_] { return stage->currentProcessingTime(); },
                                         stage_->isCheckpointed && !stage_->isBatch};
            checkpoints_ = new Checkpoints(sink_, writer_, context, init);
            context.checkpoints.add(checkpoints_);
            if constexpr (kMayWait) {
                context.stage.addSinkCheck([this] { return !writer_.has_value() || ready(); });
            }
            if constexpr (kHasTime) callWriterAt(context.stage.currentProcessingTime());
            this->next_.open(context);
        }
        void close() {
            closeBoth([this] { closeWriter(); },
                      [this] { closeBoth([this] { sink_.close(); }, [this] { eventTarget(this->next_).close(); }); });
        }
        void pushBlock(Block<T> block) {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
        }
        void push(T&& value, Timestamp timestamp) {
            context_.timestamp = timestamp;
            sink_.guardedFor(value, timestamp, [&] { guard_.write(*writer_, value, std::as_const(context_)); });
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
            return eventTarget(this->next_).onWatermark(watermark);
        }
        Progress onProcessingTime(Timestamp now) {
            if constexpr (kHasTime) {
                if (now >= nextCall_) callWriterAt(now);
            }
            checkpoints_->onProcessingTime(now);
            return eventTarget(this->next_).onProcessingTime(now);
        }
        Progress endInput() {
            sink_.guarded("the sink", [&] { writer_->flush(true); });
            checkpoints_->inputEnded();
            return eventTarget(this->next_).endInput();
        }

    private:
        static constexpr bool kMayWait = requires(Writer writer) {
            { writer.afterBlock() } -> std::same_as<bool>;
        };
        static constexpr bool kHasTime = requires(Writer writer) {
            { writer.onProcessingTime(Timestamp{}) } -> std::same_as<Timestamp>;
        };

        void closeWriter() {
            if (!writer_.has_value()) return;
            closeBoth([this] { sink_.guarded("close()", [&] { writer_->close(); }); }, [this] { writer_.reset(); });
        }
        bool ready() {
            return sink_.guarded("the sink", [&] { return writer_->afterBlock(); });
        }

        void callWriterAt(Timestamp now) {
            nextCall_ = sink_.guarded("the sink", [&] { return writer_->onProcessingTime(now); });
            if (nextCall_ != kMaxTimestamp) stage_->registerProcessingTimer(nextCall_);
        }

        UserFunction<Sink> sink_;
        [[no_unique_address]] Guard guard_;
        Late<Writer> writer_;
        Checkpoints* checkpoints_ = nullptr;  ///< owned by the stage
        StageContext* stage_ = nullptr;
        Timestamp nextCall_ = kMaxTimestamp;
        SinkContext context_;
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SINK_HPP
