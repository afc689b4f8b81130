#ifndef MILLRACE_WINDOWING_EVENT_TIME_WINDOWS_NODE_HPP
#define MILLRACE_WINDOWING_EVENT_TIME_WINDOWS_NODE_HPP

#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/aggregation.hpp>
#include <millrace/windowing/late_records.hpp>
#include <millrace/windowing/window_emitter.hpp>
#include <millrace/windowing/window_failures.hpp>
#include <millrace/windowing/window_record.hpp>

#include <utility>

namespace millrace::detail {

/// What operators for event-time windows with the default trigger have in common; how records get into windows is theirs.
/// `Windows` holds the windows: `nextEvent()` is the watermark at which something fires or ends, `fireSome(watermark,
/// emitter)` goes on with that and is false when all is done, `startOver()` forgets what a finished key has left.
template <class Next, class T, class KeySelector, class Aggregate, class WindowFn, class Out, class Windows>
class EventTimeWindowsNode : public ForwardingNode<Next> {
public:
    EventTimeWindowsNode(const EventTimeWindowsNode&) = delete;
    EventTimeWindowsNode& operator=(const EventTimeWindowsNode&) = delete;

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        late_.open(context);
        const OperatorId& id = context.takeOperator();
        aggregate_.open(context, id);
        emitter_.open(context, id);
        context.account(memory_, id, "windows");
        windows_.chargeTo(memory_);
        chargeTo(memory_, aggregate_.get());
        this->next_.open(context);
    }
    void close() {
        closeBoth([this] { emitter_.close(); },
                  [this] { closeBoth([this] { aggregate_.close(); }, [this] { eventTarget(this->next_).close(); }); });
    }

    Progress onWatermark(Timestamp watermark) {
        if (watermark > watermark_) watermark_ = watermark;
        emitter_.setWatermark(watermark_);
        if (watermark < windows_.nextEvent()) [[likely]]
            return eventTarget(this->next_).onWatermark(watermark);
        firing_ = true;
        return goOnFiring();
    }
    Progress resume() { return firing_ ? goOnFiring() : eventTarget(this->next_).resume(); }
    Progress endKey() {
        watermark_ = kMaxTimestamp;
        emitter_.setWatermark(watermark_);
        endingKey_ = true;
        firing_ = true;
        return goOnFiring();
    }

    void snapshot(SnapshotSink& sink) {
        windows_.snapshot(sink, aggregate_.id().uid, stage_->maxParallelism);
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        windows_.restore(source, aggregate_.id().uid);
        eventTarget(this->next_).restore(source);
    }

protected:
    using Key = KeyOf<KeySelector, T>;

    /// `arrangement` is what `Windows` needs to know of the assigner.
    template <class Refs, class Arrangement>
    EventTimeWindowsNode(const Refs& refs, const Arrangement& arrangement)
        : ForwardingNode<Next>(refs.rest), keySelector_(refs.op.keySelector), aggregate_(refs.op.aggregate),
          emitter_(refs.op.windowFunction, aggregate_), late_(refs.op.allowedLateness, refs.op.lateKey),
          windows_(arrangement, refs.op.allowedLateness, keySelector_, aggregate_.get()) {}

    /// A window that has fired and takes records still fires again at once, for one key.
    void fireNow(const TimeWindow& window, const Key& key,
                 const typename AggregateTraits<Aggregate, T>::Accumulator& acc) {
        emitter_.begin(window);
        emitter_.emit(key, acc);
        emitter_.end();
    }
    /// Behind every addition of records: those that a policy takes out become dead letters.
    template <class Record>
    void sendLost(const Block<Record>& block) {
        sendLostRecords(aggregate_.get(), block, *outputs_);
    }
    [[gnu::noinline]] void emitResults() {
        Collector<Out>& out = emitter_.out();
        if (out.size() == 0) return;
        this->next_.pushBlock(out.block(true));
        out.clear();
    }
    template <class Record>
    [[noreturn, gnu::cold, gnu::noinline]] void fail(
        const Record& record, Timestamp timestamp, const char* what = "the aggregate function or key selector") const {
        rethrowOfWindow(aggregate_.id(), aggregate_.subtask(), WindowRecord<Record>::shown(record), timestamp, what);
    }
    [[noreturn, gnu::cold, gnu::noinline]] void failWithoutTimestamp() const {
        throwWithoutTimestamp(aggregate_.id(), aggregate_.subtask());
    }

private:
    bool fireSome() {
        try {
            return windows_.fireSome(watermark_, emitter_);
        } catch (const FailedMerge& failure) {  // what else is called there says itself where it happened
            throwUserFunctionError(aggregate_.id(), aggregate_.subtask(), watermark_, {}, failure.what);
        }
    }
    Progress goOnFiring() {
        for (;;) {
            if (stage_->outputBlocked && stage_->maySuspend) {
                this->next_.flush();
                return Progress::Suspended;
            }
            if (!fireSome()) break;
            outputs_->flushSide();
            if (!emitter_.hasRoom()) emitResults();
        }
        firing_ = false;
        emitResults();
        this->next_.flush();
        if (std::exchange(endingKey_, false)) {
            windows_.startOver();
            watermark_ = kMinTimestamp;
            emitter_.setWatermark(watermark_);
            return Progress::Done;
        }
        return eventTarget(this->next_).onWatermark(watermark_);
    }

    KeySelector keySelector_;
    UserFunction<Aggregate> aggregate_;
    StateMemory memory_;

protected:
    WindowEmitter<T, Key, Aggregate, WindowFn, Out> emitter_;
    LateRecords<T> late_;
    Windows windows_;
    Timestamp watermark_ = kMinTimestamp;

private:
    bool firing_ = false;
    bool endingKey_ = false;  ///< what is firing is the end of a key, not a watermark
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_EVENT_TIME_WINDOWS_NODE_HPP
