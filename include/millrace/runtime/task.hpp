#ifndef MILLRACE_RUNTIME_TASK_HPP
#define MILLRACE_RUNTIME_TASK_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/channel.hpp>
#include <millrace/runtime/job_control.hpp>
#include <millrace/runtime/job_supervisor.hpp>
#include <millrace/runtime/restored_channel.hpp>
#include <millrace/runtime/source_alignment.hpp>
#include <millrace/runtime/stage_slot.hpp>
#include <millrace/time/watermark_valve.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

namespace millrace::detail {

class Task;

/// Why a task does not run, for whoever asks from outside.
enum class TaskWait : unsigned char { None, Input, Room, Sink, Alignment };

/// What the stages of a task see of it.
class TaskContext final : public StageContext {
public:
    TaskContext(Task& task, Accumulators& accumulators) : task_(task), accumulators_(accumulators) {}
    MILLRACE_INLINE Timestamp currentProcessingTime() const override;
    MILLRACE_INLINE void registerProcessingTimer(Timestamp time) override;
    MILLRACE_INLINE std::function<void()> wakeUp() override;
    Accumulators& accumulators() override { return accumulators_; }
    MILLRACE_INLINE Duration timeHeldUp() const override;

private:
    Task& task_;
    Accumulators& accumulators_;
};

/// A subtask: a tree of stages that call each other directly, fed by a source or by channels.
/// Order within a quantum: what is left over (overflow, then suspended stages), mail, due timers, then input. Events are
/// handled one at a time and to their end: while a stage is suspended, it hears nothing but `resume()`.
class Task final : public Actor {
    struct Input;

public:
    /// Where batches come from: a channel, or what a restored checkpoint has kept of one.
    struct BatchOrigin {
        Input& input;
        std::size_t indexInValve;
        Channel* live;  ///< null: what has been kept
    };
    struct InputChannel : BatchOrigin {
        Channel& channel;
        const GraphEdge& edge;
        ExchangeKind exchange;  ///< of the edge, as it is wired
    };

    Task(JobControl& job, TaskExecutor& executor, int id, Accumulators& accumulators, Duration bufferTimeout);
    MILLRACE_INLINE ~Task() override;

    // ---- while the job is built ----
    TaskContext& context() noexcept { return context_; }
    /// Producers before consumers, the head first. The reference stays valid.
    StageSlot& addStage(Owner<Stage> stage, const GraphNode& node, int subtask);
    Port& addPort(Owner<Port> port);
    void addOutput() noexcept { ++outputs_; }
    BlockedOutputs& blockedOutputs() noexcept { return blocked_; }
    void addInput(Channel& channel, const GraphEdge& edge, ExchangeKind exchange);
    /// Batch execution: this logical input is read to its end before what comes on the others is looked at.
    void readFirst(int input) noexcept { firstInput_ = input; }
    void finishWiring();
    void align(SourceAlignment& group, Duration drift);
    /// Its region, whose tasks live and die together.
    void belongTo(WeakReference owner, int region) noexcept {
        owner_ = std::move(owner);
        region_ = region;
    }
    void takePartInCheckpoints(Owner<TaskCheckpoints> part) noexcept { checkpoints_ = std::move(part); }
    /// What was on its way into a logical input of one of its stages when the restored checkpoint was taken: handled before
    /// anything else. Stages are added from the tail to the head.
    void restoreInput(StageSlot& slot, int input, OwnerList<RestoredChannel> channels);

    // ---- from any thread ----
    WeakReference keeper() const noexcept override { return owner_; }
    int region() const noexcept { return region_; }
    /// Closes at its next boundary: its region is to start again.
    void abort() {
        aborted_.store(true);
        wake();
    }
    /// Runs `mail` in this task between two blocks, by `onMail` of its stage of that index. Dropped once the task has ended.
    void postMail(std::size_t stage, std::function<void()> mail);
    const OwnerList<StageSlot>& stages() const noexcept { return stages_; }
    /// "'source -> map' (uid 'm', subtask 0 of 4) and 2 more"
    std::string describe() const;
    double inputFill() const noexcept;
    /// What it waited for when it last stopped, and since when (monotonic) without having handled a record.
    TaskWait waitsFor() const noexcept { return waitsFor_.load(std::memory_order_relaxed); }
    Duration waitsSince() const noexcept { return Duration{waitsSince_.load(std::memory_order_relaxed)}; }
    const SourceAlignment* alignment() const noexcept { return alignment_; }
    const OwnerList<InputChannel>& channels() const noexcept { return channels_; }
    Duration reportedCall{0};  ///< the watchdog's: the quantum that was reported last

    // ---- from its own thread ----
    void addTimer(Timestamp time);
    Timestamp now() const { return executor().now(); }
    Duration timeHeldUp() const;
    JobControl& job() const noexcept { return job_; }

    /// Destroys stages, ports and the batch at hand; when no task of the job runs any more.
    void release() noexcept;

private:
    friend class CheckpointParticipant;

    struct Input {
        int logical;
        std::size_t channels = 0;
        std::size_t openChannels = 0;
        WatermarkValve valve{0};
        Timestamp restoredWatermark = kMinTimestamp;  ///< that the stage has been told before the channels were read
    };
    /// What a valve has decided and the stage has not been told yet.
    struct Event {
        enum class Kind : unsigned char { Watermark, Idle, Active, EndInput } kind = Kind::Watermark;
        int input = 0;
        Timestamp watermark = kMinTimestamp;
    };
    struct HeldBatch {
        Batch* batch;
        const BatchOrigin* from;
    };
    /// What is restored into one logical input, and how far that is.
    struct RestoredInput {
        Input input;
        StageSlot& slot;
        OwnerList<RestoredChannel> channels;
        OwnerList<BatchOrigin> origins;  ///< by channel
        bool begun = false;
        bool ended = false;
        std::size_t channel = 0;
    };
    struct Mail {
        std::size_t stage;
        std::function<void()> body;
    };

    MILLRACE_INLINE Outcome advance() noexcept override;
    void onEnded() override { job_.taskEnded(*this); }

    Outcome work();
    void open();
    void close(bool failureCounts);
    bool waitForRoom();
    bool overtake() {
        return checkpoints_ != nullptr && checkpoints_->mayOvertake() && !suspended_ && restored_.empty() &&
               checkpoints_->overtake();
    }
    /// Encodes a little of what a snapshot has put off; false if there is nothing.
    bool encodeSome() {
        if (checkpoints_ == nullptr || !checkpoints_->encodes()) [[likely]]
            return false;
        checkpoints_->encodeSome();
        return true;
    }
    /// The stage that the operator is part of.
    StageSlot& stageOf(std::string_view uid) noexcept;
    Outcome waitForInput();
    Outcome finish();
    bool resumeStages();
    bool runMail();
    bool runNextMail();
    bool runTimers();
    bool runNextTimer();
    bool runEvents();
    bool receive();
    bool receiveNext();
    bool receiveFirst();
    void receiveRestored();
    void beginRestored(RestoredInput& restored);
    void endRestored(RestoredInput& restored);
    void beginBatch(Batch* batch, const BatchOrigin& from) noexcept;
    void continueBatch();
    void onMark(Timestamp watermark);
    void waitFor(const BatchOrigin& from) const noexcept;
    void onControl();
    void queue(const Event& event) noexcept { events_[eventCount_++] = event; }
    void queue(const Input& input, const EventTimeChange& change);
    bool poll();
    void endSource();
    bool pollAligned();
    /// What is to end with a snapshot does nothing behind it.
    bool isPaused() const noexcept { return checkpoints_ != nullptr && checkpoints_->paused(); }
    Timestamp alignedWatermark() const;
    void publishWatermark();
    void holdUp();
    void goOn();
    void notePark(TaskWait reason);

    void blockDone();
    void readClock();
    void flushPorts();
    void armWakeUp(Timestamp time);
    void settle(Progress progress) noexcept { suspended_ = suspended_ || progress == Progress::Suspended; }
    /// Calls a stage for the host. Only events that answer with their progress may suspend.
    template <class Fn>
    auto call(StageSlot& slot, bool maySuspend, Fn fn) {
        context_.maySuspend = maySuspend;
        return slot.call(fn);
    }

    bool aborting() const noexcept { return job_.aborting() || aborted_.load(); }

    JobControl& job_;
    WeakReference owner_;
    int region_ = 0;
    std::atomic<bool> aborted_{false};
    TaskContext context_;
    const Duration bufferTimeout_;

    // wiring
    OwnerList<StageSlot> stages_;
    OwnerList<Port> ports_;
    std::size_t outputs_ = 0;  ///< channels
    OwnerList<Input> inputs_;
    OwnerList<InputChannel> channels_;
    PointerList<InputChannel> openChannels_;
    std::size_t nextChannel_ = 0;
    int firstInput_ = -1;
    const Input* first_ = nullptr;  ///< the input that is read first, until all that was held meanwhile has been taken
    List<HeldBatch> held_;          ///< of the other inputs
    std::size_t nextHeld_ = 0;

    // where it is
    bool opened_ = false;
    StageSlot* receiver_ =
        nullptr;  ///< of batches and watermarks: the head, except while a stage behind it is restored
    OwnerList<RestoredInput> restored_;          ///< until it has been handled; the first one is at hand
    void (Task::*receiveRestored_)() = nullptr;  ///< set by `restoreInput`: only who restores compiles it
    bool suspended_ = false;
    bool sinkWaits_ = false;
    bool finishing_ = false;  ///< all input has been handled
    BlockedOutputs blocked_;
    Batch* batch_ = nullptr;  ///< cut at its marks: what is before batchPosition_ and batchMark_ has been handled
    const BatchOrigin* batchChannel_ = nullptr;
    std::size_t batchPosition_ = 0;
    std::size_t batchMark_ = 0;
    std::array<Event, 8> events_;  ///< what one mark or control event makes has room; handled before the next
    std::size_t eventCount_ = 0;
    std::size_t nextEvent_ = 0;

    // requests from outside
    std::atomic<bool> hasMail_{false};
    std::mutex mailMutex_;
    OwnerList<Mail> mailbox_;
    OwnerList<Mail> mail_;  ///< taken out of the mailbox
    std::size_t nextMail_ = 0;

    // time
    List<Timestamp> timers_;                 ///< the earliest last
    Timestamp armedWakeUp_ = kMaxTimestamp;  ///< the executor knows of it
    Timestamp timerTime_ = kMinTimestamp;
    std::size_t timerStage_ = 0;   ///< the next stage to hear of timerTime_; past the end: none
    bool timersMayBeDue_ = false;  ///< worth a look at the clock
    int blocksToClock_ = 0;
    Duration lastClock_{0};
    Duration lastFlush_{0};

    Owner<TaskCheckpoints> checkpoints_;  ///< null: the job takes none

    SourceAlignment* alignment_ = nullptr;
    std::size_t alignmentMember_ = 0;
    const Stage* alignmentStage_ = nullptr;  ///< whose watermark counts

    // held up: by back pressure or alignment
    Timestamp heldUpSince_ = kMinTimestamp;  ///< kMinTimestamp: it is not
    Duration heldUpBefore_{0};

    // for whoever asks from outside
    std::atomic<TaskWait> waitsFor_{TaskWait::None};
    std::atomic<std::int64_t> waitsSince_{0};
    std::uint64_t recordsAtPark_ = 0;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/task.ipp>
#include <millrace/runtime/task_input.ipp>
#endif

#endif  // MILLRACE_RUNTIME_TASK_HPP
