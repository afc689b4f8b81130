#include <millrace/core/algorithm.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/runtime/task.hpp>

#include <exception>
#include <utility>

// Scheduling, life cycle, mail and time; what happens to input is in task_input.ipp.

namespace millrace::detail {

inline constexpr Duration kQuantumTime = std::chrono::milliseconds(1);
inline constexpr int kBlocksPerClockRead = 8;

MILLRACE_INLINE Timestamp TaskContext::currentProcessingTime() const {
    return task_.now();
}
MILLRACE_INLINE void TaskContext::registerProcessingTimer(Timestamp time) {
    // what comes at this very time is still before the timer: a window does not fire in the middle of its last tick
    task_.addTimer(time == task_.now() ? saturatingAdd(time, Duration{1}) : time);
}
MILLRACE_INLINE Duration TaskContext::timeHeldUp() const {
    return task_.timeHeldUp();
}
MILLRACE_INLINE std::function<void()> TaskContext::wakeUp() {
    return task_.job().wakeUp(task_);
}

MILLRACE_INLINE_COLD Task::Task(JobControl& job, TaskExecutor& executor, int id, Accumulators& accumulators,
                                Duration bufferTimeout)
    : Actor(executor, id), job_(job), context_(*this, accumulators), bufferTimeout_(bufferTimeout) {
    blocked_.context = &context_;
}

MILLRACE_INLINE_COLD Task::~Task() {
    release();
}

MILLRACE_INLINE_COLD StageSlot& Task::addStage(Owner<Stage> stage, const GraphNode& node, int subtask) {
    StageSlot& slot = stages_.add(new StageSlot);
    slot.stage = std::move(stage);
    slot.node = &node;
    slot.subtask = subtask;
    slot.parallelism = std::max(node.parallelism, 1);
    slot.task = this;
    return slot;
}

MILLRACE_INLINE_COLD Port& Task::addPort(Owner<Port> port) {
    return ports_.add(port.release());
}

MILLRACE_INLINE_COLD void Task::addInput(Channel& channel, const GraphEdge& edge, ExchangeKind exchange) {
    Input* input = nullptr;
    for (Input& each : inputs_) {
        if (each.logical == edge.input) input = &each;
    }
    if (input == nullptr) input = &inputs_.add(new Input{edge.input});
    openChannels_.add(channels_.add(new InputChannel{{*input, input->channels++, &channel}, channel, edge, exchange}));
}

MILLRACE_INLINE_COLD void Task::finishWiring() {
    for (Input& input : inputs_) {
        input.valve = WatermarkValve(input.channels);
        input.openChannels = input.channels;
        if (input.logical == firstInput_) first_ = &input;
    }
    timerStage_ = stages_.size();
    receiver_ = &stages_.front();
}

MILLRACE_INLINE_COLD void Task::align(SourceAlignment& group, Duration drift) {
    alignment_ = &group;
    alignmentMember_ = group.addMember(*this, drift);
    // event time begins where watermarks are generated, which may be in a stage behind the source's own
    alignmentStage_ = stages_.front().stage.get();
    for (const StageSlot& slot : stages_) {
        if (!slot.node->emitsWatermarks) continue;
        alignmentStage_ = slot.stage.get();
        break;
    }
}

MILLRACE_INLINE_COLD std::string Task::describe() const {
    const std::string place = stages_.front().place();
    return stages_.size() == 1 ? place : message("{} and {} called directly", {place, stages_.size() - 1});
}

MILLRACE_INLINE_COLD StageSlot& Task::stageOf(std::string_view uid) noexcept {
    for (StageSlot& slot : stages_) {
        for (const OperatorInfo& each : slot.node->operators) {
            if (each.uid == uid) return slot;
        }
    }
    return stages_.front();
}

MILLRACE_INLINE_COLD double Task::inputFill() const noexcept {
    std::size_t used = 0;
    std::size_t room = 0;
    for (const InputChannel& each : channels_) {
        used += each.channel.size();
        room += each.channel.capacity();
    }
    return room == 0 ? 0.0 : static_cast<double>(used) / static_cast<double>(room);
}

MILLRACE_INLINE Actor::Outcome Task::advance() noexcept {
    try {
        return work();
    } catch (...) {
        job_.taskFailed(*this, std::current_exception());
    }
    close(false);
    return Outcome::Ended;
}

MILLRACE_INLINE Actor::Outcome Task::work() {
    if (!opened_ && !aborting()) open();
    timersMayBeDue_ = true;
    for (;;) {
        if (aborting()) {
            close(false);
            return Outcome::Ended;
        }
        if (context_.outputBlocked) {
            if (!waitForRoom()) {
                // a sink that cannot go on keeps what it has been given: that is not a state to be saved
                if (!sinkWaits_ && overtake()) continue;
                holdUp();
                if (encodeSome()) {
                    --quantumLeft_;
                    readClock();
                    if (quantumLeft_ <= 0) return Outcome::Yield;
                    continue;
                }
                notePark(blocked_.channels.empty() ? TaskWait::Sink : TaskWait::Room);
                return Outcome::Wait;
            }
            goOn();
        }
        if (overtake()) continue;
        if (suspended_) {
            if (!resumeStages() && !context_.outputBlocked) return Outcome::Yield;
            continue;
        }
        if (quantumLeft_ <= 0) return Outcome::Yield;
        const bool encoded = encodeSome();
        if (runMail() || runTimers() || runEvents()) continue;
        if (batch_ != nullptr) {
            continueBatch();
        } else if (!restored_.empty() && !isPaused()) {
            (this->*receiveRestored_)();
        } else if (finishing_) {
            const Outcome outcome = finish();
            if (outcome != Outcome::Yield) return outcome;
        } else if (!restored_.empty() || (stages_.front().node->isSource ? !poll() : !receive())) {
            if (encoded) {  // and there is nothing else to do: as in `waitForInput`, nothing waits for a batch to fill
                if (bufferTimeout_ >= Duration{0}) flushPorts();
                --quantumLeft_;
                readClock();
                continue;
            }
            const Outcome outcome = waitForInput();
            if (outcome == Outcome::Wait) return outcome;
        }
    }
}

MILLRACE_INLINE_COLD void Task::open() {
    opened_ = true;
    lastClock_ = lastFlush_ = executor().monotonicNow();
    // from the tail: whoever emits in open() finds its successors ready
    for (std::size_t i = stages_.size(); i-- > 0;) {
        call(stages_[i], false, [&](Stage& stage) { stage.open(context_); });
        stages_[i].opened = true;
    }
    if (restored_.empty()) {  // event time has not begun
        for (const InputChannel& each : channels_) each.channel.waitFor();
    }
    if (checkpoints_ != nullptr) checkpoints_->opened();
}

MILLRACE_INLINE_COLD void Task::close(bool failureCounts) {
    std::exception_ptr first;
    for (StageSlot& slot : stages_) {
        if (!slot.opened) continue;
        slot.opened = false;
        try {
            call(slot, false, [](Stage& stage) { stage.close(); });
        } catch (const std::exception& error) {
            if (first == nullptr && failureCounts) {
                first = std::current_exception();
            } else {
                log(LogLevel::Error, message("error while closing after a failure: {}", {describeException(error)}));
            }
        }
    }
    if (first != nullptr) std::rethrow_exception(first);
}

/// True when the overflow has drained and no sink waits. Otherwise the consumers or the sinks wake this task.
MILLRACE_INLINE_COLD bool Task::waitForRoom() {
    for (;;) {
        for (std::size_t i = 0; i < blocked_.channels.size();) {
            if (blocked_.channels[i].drainOverflow()) {
                blocked_.channels.removeAt(i);
            } else {
                ++i;
            }
        }
        sinkWaits_ = false;
        for (auto& sink : context_.sinkChecks) sinkWaits_ = !sink.isReady() || sinkWaits_;
        context_.outputBlocked = !blocked_.channels.empty() || sinkWaits_;
        if (!context_.outputBlocked) return true;
        bool room = false;
        for (Channel& channel : blocked_.channels) room = channel.waitForRoom() || room;
        if (!room) break;
    }
    if (bufferTimeout_ > Duration{0} && outputs_ > blocked_.channels.size()) {
        // open batches of the other channels must not grow older than the buffer timeout
        lastClock_ = executor().monotonicNow();
        if (lastClock_ - lastFlush_ >= bufferTimeout_) {
            flushPorts();
        } else {
            armWakeUp(saturatingAdd(now(), bufferTimeout_));
        }
    }
    return false;
}

MILLRACE_INLINE_COLD Actor::Outcome Task::waitForInput() {
    // low latency at low rates: nothing waits for a batch to fill while there is nothing else to do
    if (bufferTimeout_ >= Duration{0}) flushPorts();
    if (context_.outputBlocked) return Outcome::Yield;  // goes on in work()
    if (!timers_.empty() && !isPaused()) {
        if (timers_.back() <= now()) {
            timersMayBeDue_ = true;
            return Outcome::Yield;
        }
        armWakeUp(timers_.back());
    }
    notePark(heldUpSince_ != kMinTimestamp ? TaskWait::Alignment : TaskWait::Input);
    return Outcome::Wait;
}

/// From here on it is not the input's fault that no record comes.
MILLRACE_INLINE void Task::holdUp() {
    if (heldUpSince_ == kMinTimestamp) heldUpSince_ = now();
}
MILLRACE_INLINE void Task::goOn() {
    if (heldUpSince_ == kMinTimestamp) return;
    heldUpBefore_ = timeHeldUp();
    heldUpSince_ = kMinTimestamp;
}
MILLRACE_INLINE_APART Duration Task::timeHeldUp() const {
    if (heldUpSince_ == kMinTimestamp) return heldUpBefore_;
    return heldUpBefore_ + std::max(now() - heldUpSince_, Duration{0});  // the clock may have been set back
}

MILLRACE_INLINE_COLD void Task::notePark(TaskWait reason) {
    const StageMetrics& metrics = stages_.front().stage->metrics;
    const std::uint64_t records =
        metrics.recordsIn.load(std::memory_order_relaxed) + metrics.recordsOut.load(std::memory_order_relaxed);
    if (waitsFor() == reason && records == recordsAtPark_) return;
    recordsAtPark_ = records;
    waitsSince_.store(executor().monotonicNow().count(), std::memory_order_relaxed);
    waitsFor_.store(reason, std::memory_order_relaxed);
}

MILLRACE_INLINE_COLD Actor::Outcome Task::finish() {
    flushPorts();
    if (context_.outputBlocked) return Outcome::Yield;  // goes on in work()
    while (encodeSome()) {}
    if (checkpoints_ != nullptr && !checkpoints_->mayEnd()) return Outcome::Wait;
    if (alignment_ != nullptr) alignment_->publish(alignmentMember_, SourceAlignment::kNotCounted);
    executor().trace(0xe0d);
    close(true);
    return Outcome::Ended;
}

/// True when no stage is suspended any more.
MILLRACE_INLINE bool Task::resumeStages() {
    // consumers first: a stage that goes on must not meet a successor that is itself suspended
    for (std::size_t i = stages_.size(); i-- > 0;) {
        const Progress progress = call(stages_[i], true, [](Stage& stage) { return stage.resume(); });
        --quantumLeft_;
        if (progress == Progress::Suspended) return false;
    }
    suspended_ = false;
    publishWatermark();
    return true;
}

MILLRACE_INLINE_COLD void Task::postMail(std::size_t stage, std::function<void()> mail) {
    {
        const std::lock_guard lock(mailMutex_);
        mailbox_.add(new Mail{stage, std::move(mail)});
    }
    hasMail_.store(true);
    wake();
}

MILLRACE_INLINE bool Task::runMail() {
    return (nextMail_ < mail_.size() || hasMail_.load()) && runNextMail();
}
[[gnu::noinline]] MILLRACE_INLINE_COLD bool Task::runNextMail() {
    if (nextMail_ == mail_.size()) {
        if (!hasMail_.exchange(false)) return false;
        mail_.clear();
        nextMail_ = 0;
        const std::lock_guard lock(mailMutex_);
        mail_.swap(mailbox_);
        if (mail_.empty()) return false;
    }
    Mail& mail = mail_[nextMail_++];
    std::function<void()> body;
    body.swap(mail.body);  // what it owns goes with the call
    executor().trace(0xa11);
    call(stages_[mail.stage], false, [&](Stage& stage) { stage.onMail(body); });
    return true;
}

MILLRACE_INLINE void Task::addTimer(Timestamp time) {
    if (time == kMaxTimestamp) return;
    std::size_t at = timers_.size();
    while (at > 0 && timers_[at - 1] < time) --at;
    if (at > 0 && timers_[at - 1] == time) return;
    timers_.push_back(time);
    for (std::size_t i = timers_.size() - 1; i > at; --i) timers_[i] = timers_[i - 1];
    timers_[at] = time;
    timersMayBeDue_ = true;
}

MILLRACE_INLINE bool Task::runTimers() {
    return (timerStage_ < stages_.size() || (timersMayBeDue_ && !timers_.empty() && !isPaused())) && runNextTimer();
}
[[gnu::noinline]] MILLRACE_INLINE_COLD bool Task::runNextTimer() {
    if (timerStage_ >= stages_.size()) {
        timersMayBeDue_ = false;
        timerTime_ = now();
        if (timers_.back() > timerTime_) return false;
        while (!timers_.empty() && timers_.back() <= timerTime_) {
            timers_.pop_back();
        }
        timerStage_ = 0;
        executor().trace(0x71e);
    }
    // nobody knows which stage of the task has asked, so all of them hear of it
    StageSlot& slot = stages_[timerStage_++];
    settle(call(slot, true, [&](Stage& stage) { return stage.onProcessingTime(timerTime_); }));
    publishWatermark();
    return true;
}

MILLRACE_INLINE void Task::blockDone() {
    --quantumLeft_;
    if (bufferTimeout_ == Duration{0}) flushPorts();
    if (--blocksToClock_ <= 0) readClock();
}

MILLRACE_INLINE_APART void Task::readClock() {
    const Duration time = executor().monotonicNow();
    const bool slow = time - lastClock_ > kQuantumTime / 4;
    blocksToClock_ = slow ? 1 : kBlocksPerClockRead;
    lastClock_ = time;
    timersMayBeDue_ = true;
    if (time - quantumStart() > kQuantumTime) quantumLeft_ = 0;
    if (bufferTimeout_ > Duration{0} && time - lastFlush_ >= bufferTimeout_) flushPorts();
}

MILLRACE_INLINE_APART void Task::flushPorts() {
    for (Port& port : ports_) port.flush();
    if (bufferTimeout_ > Duration{0}) lastFlush_ = lastClock_;
}

MILLRACE_INLINE_COLD void Task::armWakeUp(Timestamp time) {
    if (takeRing()) armedWakeUp_ = kMaxTimestamp;
    if (armedWakeUp_ <= time) return;  // an earlier one is on its way; this is called again then
    armedWakeUp_ = time;
    executor().wakeAt(time, *this);
}

MILLRACE_INLINE_COLD void Task::release() noexcept {
    if (batch_ != nullptr) batch_->destroy();
    batch_ = nullptr;
    for (; nextHeld_ < held_.size(); ++nextHeld_) held_[nextHeld_].batch->destroy();
    restored_.clear();
    ports_.clear();  // with their open batches
    context_.sinkChecks.clear();
    for (StageSlot& slot : stages_) slot.stage.reset();
}

}  // namespace millrace::detail
