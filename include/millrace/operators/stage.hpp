#ifndef MILLRACE_OPERATORS_STAGE_HPP
#define MILLRACE_OPERATORS_STAGE_HPP

#include <millrace/core/functional.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/functions/runtime_context.hpp>
#include <millrace/operators/checkpoint_hook.hpp>
#include <millrace/record/batch.hpp>
#include <millrace/record/block.hpp>
#include <millrace/state/snapshot.hpp>
#include <millrace/state/state_memory.hpp>
#include <millrace/time/clock.hpp>
#include <millrace/time/timestamp.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

class SplitBoard;

/// Which operator a piece of state, an error or a metric belongs to.
struct OperatorId {
    OperatorId() = default;
    OperatorId(std::string operatorName, std::string operatorUid)
        : name(std::move(operatorName)), uid(std::move(operatorUid)) {}
    [[gnu::cold, gnu::noinline]] OperatorId(const OperatorId&) = default;
    [[gnu::cold, gnu::noinline]] OperatorId(OperatorId&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] OperatorId& operator=(const OperatorId&) = default;
    [[gnu::cold, gnu::noinline]] OperatorId& operator=(OperatorId&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~OperatorId() = default;

    std::string name;
    std::string uid;
};

/// Whether an event has been handled to its end. A suspended stage must get nothing but `resume()` until it is done.
enum class Progress : std::uint8_t { Done, Suspended };

/// What a source's `poll` found.
enum class PollStatus : std::uint8_t { MoreAvailable, NothingAvailable, EndOfInput, Suspended };

/// What a stage may ask of whoever hosts it (thread pool, simulation, test harness). One per subtask and task;
/// stages that call each other directly share it. *Thread safety:* used by the subtask's thread only,
/// except `wakeUp`, whose copies may be called from anywhere.
class StageContext {
public:
    virtual ~StageContext() = default;

    virtual Timestamp currentProcessingTime() const = 0;
    /// Asks for `onProcessingTime` to be called once the clock has reached `time`, or gone on from it. Earlier requests stay.
    virtual void registerProcessingTimer(Timestamp time) = 0;
    /// A callback that schedules this subtask (its source will be polled again). May outlive the job: then does nothing.
    virtual std::function<void()> wakeUp() = 0;
    virtual Accumulators& accumulators() = 0;
    /// How long, in all, this subtask could not go on because of back pressure or because slower sources were waited for.
    virtual Duration timeHeldUp() const { return Duration::zero(); }

    std::string jobName;
    int subtaskIndex = 0;
    int parallelism = 1;
    int maxParallelism = 128;
    int attemptNumber = 0;              ///< how often the subtask has been made before
    std::uint64_t seed = 0;             ///< for shuffle and rebalance; differs per subtask
    bool outputBlocked = false;         ///< an output channel or a sink is full: emit nothing that can wait
    bool maySuspend = true;             ///< the event at hand came from the host, not from the middle of a chain
    Duration autoWatermarkInterval{0};  ///< of strategies that say nothing themselves; 0: after every block
    /// Sources that are aligned: how far event time may go, set by the host before each poll …
    Timestamp furthestAllowed = kMaxTimestamp;
    /// … and the smallest watermark of the splits that pause because of it, set by the source; kMaxTimestamp: none does.
    Timestamp earliestPaused = kMaxTimestamp;
    bool isBatch = false;  ///< batch execution: sorted keys, `endKey`, no watermarks but the last
    /// Nothing is going to run: the stage opens so that it asks for its states. No reader, writer or committer is made.
    bool onlyDeclaresStates = false;
    /// Checkpoints are taken, the last one after the end of the input: sinks commit by them, and else when the input ends.
    bool isCheckpointed = false;
    /// What the states of the job may take; null: as much as there is.
    StateMemoryBudget* stateMemory = nullptr;

    /// Sinks that may have to wait set `outputBlocked` and register here how to ask whether they can go on; the host
    /// asks all of them when the subtask is scheduled again.
    template <class Fn>
    void addSinkCheck(Fn isReady) {
        struct Check final : SinkCheck {
            explicit Check(Fn f) : fn(std::move(f)) {}
            bool isReady() override { return fn(); }
            Fn fn;
        };
        sinkChecks.add(new Check(std::move(isReady)));
    }

    struct SinkCheck {
        virtual ~SinkCheck() = default;
        virtual bool isReady() = 0;
    };
    OwnerList<SinkCheck> sinkChecks;
};

/// What the counters of a stage said at one moment.
struct StageCounters {
    std::uint64_t recordsIn = 0;
    std::uint64_t recordsOut = 0;
    std::uint64_t lateRecordsDropped = 0;
    std::uint64_t recordsSkipped = 0;
    std::uint64_t deadLetters = 0;
    std::uint64_t stateBytes = 0;
    std::uint64_t stateEntries = 0;
    Timestamp watermark = kMinTimestamp;
    bool idle = false;
};

/// Counters of one stage of one subtask. Written by its thread (relaxed stores), read by anyone.
struct StageMetrics {
    std::atomic<std::uint64_t> recordsIn{0};
    std::atomic<std::uint64_t> recordsOut{0};
    std::atomic<std::uint64_t> lateRecordsDropped{0};
    std::atomic<std::uint64_t> recordsSkipped{0};
    std::atomic<std::uint64_t> deadLetters{0};
    StateSize state;
    std::atomic<std::int64_t> watermark{kMinTimestamp.time_since_epoch().count()};
    std::atomic<bool> idle{false};

    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void setWatermark(Timestamp time) noexcept {
        watermark.store(time.time_since_epoch().count(), std::memory_order_relaxed);
    }
    StageCounters read() const noexcept {
        return {recordsIn.load(std::memory_order_relaxed),
                recordsOut.load(std::memory_order_relaxed),
                lateRecordsDropped.load(std::memory_order_relaxed),
                recordsSkipped.load(std::memory_order_relaxed),
                deadLetters.load(std::memory_order_relaxed),
                state.bytes.load(std::memory_order_relaxed),
                state.entries.load(std::memory_order_relaxed),
                Timestamp{Duration{watermark.load(std::memory_order_relaxed)}},
                idle.load(std::memory_order_relaxed)};
    }
};

/// One outgoing edge of one stage subtask; the stage's tail calls it once per block. Owned by the host.
class Port {
public:
    virtual ~Port() = default;
    /// `mayMove`: the receiver may move from (or overwrite) the records. Never false for a port that `wantsOwnership()`.
    virtual void onBlock(BlockRef block, bool mayMove) = 0;
    virtual Progress onWatermark(Timestamp watermark) = 0;
    virtual void onIdle() = 0;
    virtual void onActive() = 0;
    virtual Progress endInput() = 0;
    /// Sends what is buffered, and the barrier of a checkpoint behind it. Nothing to do where the next stage is called
    /// directly: it belongs to the same task.
    virtual void onBarrier(std::int64_t checkpointId) { (void)checkpointId; }
    /// Sends what is buffered in open batches.
    virtual void flush() = 0;
    /// True when the port calls the next stage directly, which works in place on the block.
    virtual bool wantsOwnership() const noexcept = 0;
    /// Whether event time behind the port waits for this subtask: it does not go beyond the last watermark that was sent.
    virtual bool isWaitedFor() const noexcept { return true; }
};

/// The producer's end of one channel; implemented by the runtime.
class ChannelWriter {
public:
    virtual ~ChannelWriter() = default;
    virtual SegmentPool& pool() noexcept = 0;
    /// Takes the batch over. Never fails and never blocks: when the ring is full it is kept on the producer's side and
    /// the producer's `StageContext::outputBlocked` becomes true until it has drained.
    virtual void send(Batch* batch) = 0;
    /// Whether the consumer's event time waits for this channel: it has taken a watermark of it that counts, and the channel
    /// has not been idle since.
    virtual bool isWaitedFor() const noexcept { return true; }
};

/// A chain of operators between two cuts of the graph, for one subtask: the unit that every host drives.
/// *Thread safety:* none; a host calls it from one thread at a time. It never reads the system clock, starts a thread
/// or shares memory with another stage.
/// Order of calls: addOutput* · restore? · open · (onBlock | onWatermark | …)* · endInput* · close.
/// After a failure or a cancellation `close` follows at once.
class Stage {
public:
    virtual ~Stage() = default;

    /// `tag` is empty for the main output. Called before `open`.
    virtual void addOutput(std::string_view tag, Port& port) = 0;
    virtual void open(StageContext& context) = 0;
    virtual void close() = 0;

    virtual void onBlock(int input, BlockRef block) = 0;
    virtual Progress onWatermark(int input, Timestamp watermark) = 0;
    virtual void onIdle(int input) = 0;
    virtual void onActive(int input) = 0;
    virtual Progress onProcessingTime(Timestamp now) = 0;
    virtual Progress resume() = 0;
    /// The last event of an input; a watermark of `kMaxTimestamp` precedes it unless the job stops without draining.
    virtual Progress endInput(int input) = 0;
    /// Batch execution only: the key at hand gets no more records. Event time reaches its end, then processing time does, for
    /// this key alone; the next record belongs to another one, and finds no watermark.
    virtual Progress endKey() { return Progress::Done; }
    virtual void onMail(const std::function<void()>& mail) { mail(); }

    virtual void prepareBarrier(std::int64_t checkpointId) { checkpoints.prepareBarrier(checkpointId); }
    /// Of the checkpoint that was prepared last.
    virtual void snapshot(SnapshotSink& sink) = 0;
    /// `source` stays valid until `open` has returned: operators may read it there.
    virtual void restore(const SnapshotSource& source) = 0;
    virtual void notifyCheckpointComplete(std::int64_t checkpointId) { checkpoints.completed(checkpointId); }
    virtual void notifyCheckpointAborted(std::int64_t checkpointId) { checkpoints.aborted(checkpointId); }
    /// Whether something waits for a checkpoint to complete; asked once the input has ended. Then the subtask may not end
    /// before one more checkpoint has covered it and been notified, after which the host asks again.
    virtual bool awaitsFinalCheckpoint() const { return checkpoints.awaitsFinalCheckpoint(); }

    // ---- sources only ----
    /// Emits at most about one block (and the watermark behind it). After `EndOfInput` the host calls
    /// `finishSource(true)`.
    virtual PollStatus poll() { return PollStatus::EndOfInput; }
    /// Ends a source, at its end or before its time: sends the final watermark (only with `drain`), then the end of
    /// input. `metrics.watermark` is kept by the stage.
    virtual Progress finishSource(bool drain) {
        (void)drain;
        return Progress::Done;
    }
    /// What it reads just now; null where that is not known. May be asked for from any thread.
    virtual const SplitBoard* splits() const noexcept { return nullptr; }

    StageMetrics metrics;
    CheckpointHooks checkpoints;
};

/// Everything that the subtasks of one source share (its enumerator), outside of the stages.
/// *Thread safety:* all functions may be called from any thread.
class SharedState : public SharedObject {
public:
    /// `subtask` has passed the barrier of a checkpoint: what it takes from here on, the checkpoint still counts as not taken.
    virtual void onBarrier(int subtask, std::int64_t checkpointId) {
        (void)subtask;
        (void)checkpointId;
    }
    /// Once all subtasks have passed the barrier or ended: what was left at it, as kSharedState.
    virtual void snapshot(std::int64_t checkpointId, SnapshotSink& sink) {
        (void)checkpointId;
        (void)sink;
    }
    /// Nobody asks any more for this checkpoint or those before it.
    virtual void forget(std::int64_t checkpointId) { (void)checkpointId; }
};

/// Makes the subtasks of one node of the graph, each from the same untouched prototype.
class StageFactory : public SharedObject {
public:
    /// `restored` holds what the shared state of an earlier run has written; null: there was none.
    virtual Shared<SharedState> createShared(int parallelism, const SnapshotSource* restored) const {
        (void)parallelism;
        (void)restored;
        return nullptr;
    }
    virtual Owner<Stage> create(const Shared<SharedState>& shared) const = 0;
    /// The final names and uids of the operators, shortly before the job starts.
    virtual void bind(List<OperatorId> operators) { (void)operators; }
};

/// How records are spread over the consumers of an edge.
enum class ExchangeKind : std::uint8_t {
    Forward,    ///< subtask i to subtask i
    Hash,       ///< by key group
    Rebalance,  ///< round robin over all
    Rescale,    ///< round robin over the local subset
    Shuffle,    ///< seeded random
    Broadcast,  ///< everything to everyone
    Global,     ///< everything to subtask 0
    Custom      ///< the user's partitioner
};

class KeyEncoder;
struct RecordCodec;

/// What a port needs to know of where it stands.
struct PortContext {
    ExchangeKind exchange = ExchangeKind::Forward;
    int producerSubtask = 0;
    int producerParallelism = 1;
    int maxParallelism = 128;
    std::uint64_t seed = 0;
};

/// Makes the producer's side of an edge that goes over channels: `channels[i]` leads to the i-th subtask in reach
/// (all consumers; for forward and rescale only those that this producer talks to).
class PortFactory : public SharedObject {
public:
    /// Whether what reads this edge keeps state by key.
    virtual bool isKeyed() const { return false; }
    /// What batch execution needs, besides `recordCodec`, to sort the records of this edge by key; owned by the caller. Null for
    /// edges without a key, and where the records have no codec.
    virtual KeyEncoder* newKeyEncoder() const { return nullptr; }
    /// How records on their way over this edge are saved; null where they have no codec.
    virtual const RecordCodec* recordCodec() const { return nullptr; }
    /// The subtask, of so many consumers, that has to get a record which was saved on its way; -1: any may.
    virtual int consumerOf(const void* record, int consumers, int maxParallelism) const {
        (void)record;
        (void)consumers;
        (void)maxParallelism;
        return -1;
    }
    virtual Owner<Port> create(const PointerList<ChannelWriter>& channels, const PortContext& context) const = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_STAGE_HPP
