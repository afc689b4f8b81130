#ifndef MILLRACE_RUNTIME_CHECKPOINT_COORDINATOR_IPP
#define MILLRACE_RUNTIME_CHECKPOINT_COORDINATOR_IPP

#include <millrace/checkpoint/newest_intact.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/planted_bugs.hpp>
#include <millrace/graph/execution_plan.hpp>
#include <millrace/runtime/checkpoint_coordinator.hpp>
#include <millrace/runtime/checkpoint_participant.hpp>
#include <millrace/runtime/finished_stage.hpp>
#include <millrace/runtime/regions.hpp>
#include <millrace/runtime/restore_problems.hpp>

#include <utility>

namespace millrace::detail {

inline constexpr int kCoordinatorId = 1 << 20;  // behind all tasks, in the trace of a simulation
inline constexpr std::size_t kKeptStatistics = 100;

[[gnu::cold]] inline std::string describeError(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& exception) {
        return describeException(exception);
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

/// Whether a state does not fit into the program: trying again would not help, and what was saved is still wanted.
[[gnu::cold]] inline bool isMigrationFailure(const std::exception& error) {
    if (dynamic_cast<const StateMigrationException*>(&error) != nullptr) return true;
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
        return isMigrationFailure(cause);
    } catch (...) {}
    return false;
}
[[gnu::cold]] inline bool isMigrationFailure(const std::exception_ptr& error) {
    try {
        if (error != nullptr) std::rethrow_exception(error);
    } catch (const std::exception& exception) {
        return isMigrationFailure(exception);
    } catch (...) {}
    return false;
}

/// A CheckpointException in which the cause is nested.
[[gnu::cold]] inline std::exception_ptr checkpointError(const std::string& text, const std::exception_ptr& cause) {
    try {
        try {
            std::rethrow_exception(cause);
        } catch (...) {
            throw Caused<CheckpointException>(text);
        }
    } catch (...) {
        return std::current_exception();
    }
}

MILLRACE_INLINE_COLD CheckpointCoordinator::CheckpointCoordinator(Job& job, CheckpointConfig config,
                                                                  std::shared_ptr<CheckpointStore> store,
                                                                  CheckpointOpener open)
    : Actor(job.executor(), kCoordinatorId), job_(job), config_(std::move(config)), store_(std::move(store)),
      open_(std::move(open)), restarts_(config_.restart, job.graph().seed ^ 0x5eedU) {}

MILLRACE_INLINE_COLD CheckpointCoordinator::~CheckpointCoordinator() {
    io_.stop();  // its last message may still be on the way to this object
}

// ---- the job: before and between attempts -----------------------------------------------------------------------------

MILLRACE_INLINE_COLD void CheckpointCoordinator::prepare(JobGraph& graph) {
    graph_ = &graph;
    std::shared_ptr<const StoredCheckpoint> found;
    if (config_.resume) found = newestInStore();
    if (!config_.restoreFrom.empty()) found = newerOf(std::move(found), config_.restoreFrom);
    // behind all that is there, so that ids tell which of two checkpoints is newer, wherever they are kept
    nextId_ = firstId_ = std::max(store_->lastId(), found != nullptr ? found->description().id : 0) + 1;
    if (found != nullptr) check(*found, graph);
    store_->setFinished(-1);
    if (found == nullptr) return;
    if (!graph.maxParallelismGiven) graph.maxParallelism = found->description().maxParallelism;
    log(LogLevel::Info,
        message("job '{}' begins with checkpoint {} ({})", {graph.jobName, found->description().id, found->place()}));
    initial_ = found;
    restoreFrom(std::move(found));
}

/// *Failure:* CheckpointException if there are checkpoints of which none is intact: to begin anew would be to write all that
/// was committed once more, which is for the user to decide.
MILLRACE_INLINE_COLD std::shared_ptr<const StoredCheckpoint> CheckpointCoordinator::newestInStore() {
    const NewestIntact newest = loadNewestIntact(*store_, false);
    damaged_.clear();
    for (const SkippedCheckpoint& each : newest.skipped) damaged_.push_back(each.id);
    if (newest.checkpoint == nullptr && !newest.skipped.empty()) {
        raise<CheckpointException>(
            "none of the checkpoints of job '{}' can be used, the newest because: {}. To begin anew, or with the "
            "savepoint in restoreFrom, set resume = false",
            {graph_->jobName, newest.skipped.front().problem});
    }
    return newest.checkpoint;
}

/// The checkpoint in `path`, unless the job's directory has a newer one: then that was taken since.
/// *Failure:* CheckpointException if the job has finished since.
MILLRACE_INLINE_COLD std::shared_ptr<const StoredCheckpoint> CheckpointCoordinator::newerOf(
    std::shared_ptr<const StoredCheckpoint> found, const std::string& path) const {
    std::shared_ptr<const StoredCheckpoint> given;
    bool counts = false;
    try {
        given = open_(path);
        // one of the same number is what this one was made from, or it itself
        counts = found == nullptr || given->description().id >= found->description().id;
        if (counts) verifyCheckpoint(*given);
    } catch (const MillraceException& error) {
        if (found == nullptr) throw;
        raise<CheckpointException>(
            "job '{}' is to begin with '{}', but {}. Its directory has checkpoint {} ({}): to go on with that leave "
            "restoreFrom empty",
            {graph_->jobName, path, error.what(), found->description().id, found->place()});
    }
    if (counts && config_.resume && given->description().id <= store_->finishedWith()) {
        raise<CheckpointException>(
            "job '{}' cannot begin with '{}' (checkpoint {}): it has finished since, and what follows has been "
            "committed. '{}{}' in the directory of its checkpoints says so: to commit it once more remove that file, "
            "or set resume = false",
            {graph_->jobName, path, given->description().id, kFinishedPrefix, store_->finishedWith()});
    }
    if (counts) return given;
    log(LogLevel::Info, message("job '{}' has checkpoint {} ({}) to go on with, which is newer than '{}'. To go back "
                                "to that one, remove the checkpoints",
                                {graph_->jobName, found->description().id, found->place(), path}));
    return found;
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::restoreFrom(std::shared_ptr<const StoredCheckpoint> checkpoint) {
    restored_ = std::move(checkpoint);
    restoredShared_.reset(restored_ != nullptr ? new SharedPieces(restored_) : nullptr);
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::check(const StoredCheckpoint& checkpoint,
                                                       const JobGraph& graph) const {
    const CheckpointDescription& saved = checkpoint.description();
    if (const std::vector<std::string> problems = restoreProblems(checkpoint, graph); !problems.empty()) {
        throw ConfigurationException(problems.front());
    }
    if (config_.allowNonRestoredState) return;
    for (const CheckpointedOperator& old : saved.operators) {
        if (operatorOf(graph, old.uid) != nullptr || checkpoint.statesOf(old.uid).empty()) continue;
        raise<ConfigurationException>(
            "checkpoint {} ({}) has state of the operator '{}' with uid '{}', but the pipeline has no operator of that "
            "uid. Give the operator that shall have the state this uid, or set allowNonRestoredState to drop it",
            {saved.id, checkpoint.place(), old.name, old.uid});
    }
}

MILLRACE_INLINE_COLD const SnapshotSource* CheckpointCoordinator::restoredShared() {
    return restoredShared_.get();
}

MILLRACE_INLINE_COLD Owner<Stage> CheckpointCoordinator::replacement(const GraphNode& node) {
    // sources find for themselves that there is nothing left to read
    if (restored_ == nullptr || node.isSource) return nullptr;
    for (const OperatorInfo& info : node.operators) {
        bool finished = false;
        for (const CheckpointedOperator& old : restored_->description().operators) {
            finished = finished || (old.uid == info.uid && old.finishedSubtasks == old.parallelism);
        }
        if (!finished) return nullptr;
    }
    return Owner<Stage>(new FinishedStage(node));
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::attach(JobTasks& tasks, int region) {
    std::vector<Shared<SharedState>> shared;
    for (const auto& each : tasks.regions) {
        for (const SharedSlot& slot : each->shared) shared.push_back(slot.state);
    }
    inFlight_.clear();  // of another checkpoint, if that could not be restored
    std::vector<Member> members;
    std::size_t made = 0;
    for (Task& task : tasks.tasks) {
        if (region >= 0 && task.region() != region) {
            members.push_back(members_[static_cast<std::size_t>(task.id())]);
            continue;
        }
        ++made;
        Owner<CheckpointParticipant> part(new CheckpointParticipant(task, *this, config_.mode));
        Member& member = members.emplace_back();
        member.task = &task;
        member.part = part.get();
        member.isSource = task.stages().front().node->isSource;
        task.takePartInCheckpoints(std::move(part));
        if (config_.unaligned) checkCodecs(task);
        if (restored_ == nullptr) continue;
        // only to commit what the job ended with: then it ends again
        if (stopped_) {
            mailTo(member,
                   [id = restored_->description().id](CheckpointParticipant& each) { each.complete(id, true); });
        }
        for (StageSlot& slot : task.stages()) {
            member.states.push_back(std::make_shared<SubtaskState>(restored_, slot.subtask, slot.node->parallelism));
            const SubtaskState& state = *member.states.back();
            slot.call([&](Stage& stage) { stage.restore(state); });
        }
        const auto& stages = task.stages();
        for (std::size_t i = stages.size(); i-- > 0;) restoreInFlight(stages[i], task);
    }
    inFlight_.clear();
    // nothing throws from here on
    shared_.swap(shared);
    members_.swap(members);
    if (region < 0) {
        regions_.assign(tasks.regions.size(), Region{});
        awaitsRegion_.store(false);
        openTasks_ = made;
    } else {
        openTasks_ += made;
    }
}

/// *Failure:* ConfigurationException naming an exchange whose records could not be saved.
MILLRACE_INLINE_COLD void CheckpointCoordinator::checkCodecs(const Task& task) const {
    for (const Task::InputChannel& each : task.channels()) {
        if (channelCodec(*each.edge.ports, each.exchange) != nullptr) continue;
        const GraphNode& from = graph_->nodes[static_cast<std::size_t>(each.edge.from)];
        raise<ConfigurationException>(
            "unaligned checkpoints save the records that are on their way from '{}' to '{}' ({}), but their type{}{} "
            "has no codec. Specialise millrace::Codec for it and let it have a default constructor, or leave "
            "CheckpointConfig::unaligned off",
            {operatorNames(from), operatorNames(*task.stages().front().node), exchangeName(each.exchange),
             from.outputType.empty() || !each.edge.tag.empty() ? "" : " ",
             each.edge.tag.empty() ? from.outputType : std::string()});
    }
}

/// Gives a stage what was on its way into it.
MILLRACE_INLINE_COLD void CheckpointCoordinator::restoreInFlight(StageSlot& slot, Task& task) {
    const GraphNode& node = *slot.node;
    for (const OperatorInfo& info : node.operators) {
        const CheckpointDescription& saved = restored_->description();
        for (const std::string& state : restored_->statesOf(info.uid)) {
            if (!isChannelState(state)) continue;
            const GraphEdge* edge = nullptr;
            for (const GraphEdge& each : node.inputs) {
                if (&info == &node.operators.front() && channelStateName(each.input) == state) edge = &each;
            }
            const bool hasPorts = edge != nullptr && edge->ports != nullptr;
            const RecordCodec* const codec = hasPorts ? channelCodec(*edge->ports, edge->exchange) : nullptr;
            if (codec == nullptr) {
                raise<ConfigurationException>(
                    "checkpoint {} ({}) was not aligned: it has records on their way ({}) into '{}' (uid '{}'), which "
                    "{}. Go on with the program that wrote it, and take a savepoint: those are always aligned",
                    {saved.id, restored_->place(), state, info.name, info.uid,
                     edge != nullptr ? "have no codec any more" : "has no such input any more"});
            }
            int parallelismBefore = 0;
            for (const CheckpointedOperator& each : saved.operators) {
                if (each.uid == info.uid) parallelismBefore = each.parallelism;
            }
            RestoredShare share(*edge->ports, edge->exchange, slot.subtask, node.parallelism, parallelismBefore,
                                graph_->maxParallelism);
            OwnerList<RestoredChannel> channels;
            for (const ChannelPieces::Piece& piece : piecesOf(info.uid, state, *codec).pieces()) {
                if (!share.wants(piece.subtask)) continue;
                restoreChannel(piece.bytes, *codec, share, job_.segments(), channels.add(new RestoredChannel));
            }
            if (share.hasMisplaced()) {
                raise<ConfigurationException>(
                    "checkpoint {} ({}) was not aligned: it has records on their way ({}) into '{}' (uid '{}') in "
                    "other subtasks than their keys belong to: the keyBy in front of it is new, or its key is another "
                    "one. Go on with the program that wrote it, and take a savepoint: those are always aligned",
                    {saved.id, restored_->place(), state, info.name, info.uid});
            }
            if (!channels.empty()) task.restoreInput(slot, edge->input, std::move(channels));
        }
    }
}

/// Of one state; read once for all subtasks.
MILLRACE_INLINE_COLD const ChannelPieces& CheckpointCoordinator::piecesOf(const std::string& uid,
                                                                          const std::string& state,
                                                                          const RecordCodec& codec) {
    for (const InFlight& each : inFlight_) {
        if (each.uid == uid && each.state == state) return each.pieces;
    }
    return inFlight_.add(new InFlight{uid, state, ChannelPieces(*restored_, uid, state, codec)}).pieces;
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::start() {
    if (config_.interval) {
        nextTrigger_ = clock() + *config_.interval;
        wakeAt(nextTrigger_);
    }
}

// ---- messages ---------------------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD void CheckpointCoordinator::send(Message message) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(message));
    }
    wake();
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::taskEnded(Task& task) {
    const Shared<Job> alive(&job_);  // the message may end the job before `send` returns
    send({.kind = Message::Kind::TaskEnded, .task = task.id()});
}

MILLRACE_INLINE_COLD List<int> CheckpointCoordinator::regions(const JobGraph& graph) const {
    return regionsOf(graph);
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::regionFailed(Task& task, std::exception_ptr error) {
    send({.kind = Message::Kind::RegionFailed, .task = task.id(), .error = std::move(error)});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::stateChanged() {
    send({.kind = Message::Kind::StateChanged});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::acknowledge(int task, std::int64_t checkpointId,
                                                             std::shared_ptr<DeferredSnapshot> part,
                                                             const SnapshotCost& cost) {
    send({.kind = Message::Kind::Acknowledged,
          .task = task,
          .checkpoint = checkpointId,
          .part = std::move(part),
          .cost = cost});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::awaitsFinalCheckpoint(int task) {
    send({.kind = Message::Kind::Awaiting, .task = task});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::opened(int task) {
    send({.kind = Message::Kind::Opened, .task = task});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::confirm(int task) {
    send({.kind = Message::Kind::Confirmed, .task = task});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::request(std::shared_ptr<SnapshotRequest> request) {
    {
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            requests_.push_back(std::move(request));
            request = nullptr;
        }
    }
    if (request == nullptr) {
        wake();
    } else {
        request->fail(std::make_exception_ptr(
            CheckpointException(message("job '{}' has ended; there is nothing left to save", {job_.graph().jobName}))));
    }
}

MILLRACE_INLINE_COLD std::vector<CheckpointStatistics> CheckpointCoordinator::statistics() const {
    const std::lock_guard lock(mutex_);
    return statistics_;
}

MILLRACE_INLINE_COLD bool CheckpointCoordinator::takeMessages() {
    messages_.clear();
    const std::lock_guard lock(mutex_);
    messages_.swap(inbox_);
    return !messages_.empty();
}

MILLRACE_INLINE_COLD WeakReference CheckpointCoordinator::keeper() const noexcept {
    return WeakReference(job_);
}

MILLRACE_INLINE_COLD Actor::Outcome CheckpointCoordinator::advance() noexcept {
    try {
        return work();
    } catch (...) {
        job_.fail(std::current_exception());
        return Outcome::Yield;
    }
}

MILLRACE_INLINE_COLD Actor::Outcome CheckpointCoordinator::work() {
    if (takeRing()) armed_ = Duration::max();
    while (takeMessages()) {
        for (Message& each : messages_) handle(each);
    }
    switch (phase_) {
        case Phase::Running:
            if (job_.aborting()) giveUpAll("the job has been cancelled or has failed");
            restartRegions();
            expire();
            triggerDue();
            overtakeDue();
            if (openTasks_ == 0 && pending_.empty() && (job_.aborting() || !anyRegionDown())) attemptOver();
            break;
        case Phase::Restarting:
            if (job_.status() != JobStatus::Restarting) {
                end();
            } else if (clock() >= restartAt_) {
                restartNow();
            } else {
                wakeAt(restartAt_);
            }
            break;
        case Phase::Ending:
            break;
    }
    const std::lock_guard lock(mutex_);
    if (!inbox_.empty()) return Outcome::Yield;
    return phase_ == Phase::Ending && workAtIo_ == 0 ? Outcome::Ended : Outcome::Wait;
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::handle(Message& message) {
    Pending* const pending = find(message.checkpoint);
    switch (message.kind) {
        case Message::Kind::Acknowledged: {
            const auto task = static_cast<std::size_t>(message.task);
            if (pending == nullptr || !pending->missing[task]) break;  // given up
            pending->missing[task] = false;
            for (const std::string& uid : message.part->unionLists()) pending->unionLists.push_back(uid);
            --pending->missingCount;
            pending->cost.pause = std::max(pending->cost.pause, message.cost.pause);
            pending->cost.alignment = std::max(pending->cost.alignment, message.cost.alignment);
            pending->cost.inFlightBytes += message.cost.inFlightBytes;
            ++pending->writing;
            const int subtask = members_[task].task->context().subtaskIndex;
            write(message.checkpoint, Message::Kind::Written,
                  [store = store_, id = message.checkpoint, task = message.task, subtask, part = message.part] {
                      store->writePart(id, task, subtask, *part);
                      return std::shared_ptr<CheckpointInfo>();
                  });
            break;
        }
        case Message::Kind::Written:
            --workAtIo_;
            if (pending == nullptr) break;
            --pending->writing;
            completeIfReady(*pending);
            break;
        case Message::Kind::Completed:
            --workAtIo_;
            if (pending != nullptr) onCompleted(message);
            break;
        case Message::Kind::Failed:
            --workAtIo_;
            if (pending != nullptr) giveUp(*pending, message.error, true);
            break;
        case Message::Kind::TaskEnded:
            onTaskEnded(message.task);
            break;
        case Message::Kind::RegionFailed:
            onRegionFailed(message.task, message.error);
            break;
        case Message::Kind::Awaiting: {
            const auto task = static_cast<std::size_t>(message.task);
            members_[task].awaiting = true;
            for (Pending& each : pending_) {
                if (!each.missing[task]) continue;
                mailTo(members_[task], [id = each.description.id](CheckpointParticipant& part) { part.trigger(id); });
            }
            break;
        }
        case Message::Kind::Confirmed:
            members_[static_cast<std::size_t>(message.task)].confirmed = true;
            endIfStopped();
            break;
        case Message::Kind::Opened:
            members_[static_cast<std::size_t>(message.task)].opened = true;
            if (isOpening()) endRescaleIfOpen();
            break;
        case Message::Kind::StateChanged:
            break;
    }
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::onTaskEnded(int task) {
    const auto index = static_cast<std::size_t>(task);
    members_[index].ended = true;
    --openTasks_;
    if (job_.aborting()) return;
    endRegionIfClosed(static_cast<std::size_t>(members_[index].task->region()));
    endIfStopped();
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        Pending& each = pending_[i];
        if (!each.missing[index]) continue;
        each.missing[index] = false;
        each.finished[index] = true;
        --each.missingCount;
        completeIfReady(each);
    }
}

// ---- regions ----------------------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD bool CheckpointCoordinator::anyRegionDown() const noexcept {
    return std::any_of(regions_.begin(), regions_.end(),
                       [](const Region& each) { return each.state != Region::State::Up; });
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::onRegionFailed(int task, const std::exception_ptr& error) {
    const auto number = static_cast<std::size_t>(members_[static_cast<std::size_t>(task)].task->region());
    Region& region = regions_[number];
    // what the whole job is about to do, it does or fails to do as a whole; and what does not fit will not the next time
    if (job_.aborting() || stopping_ != nullptr || stopped_ || isMigrationFailure(error)) return job_.fail(error);
    if (region.state != Region::State::Up) {
        log(LogLevel::Warning, message("job '{}': also failed: {}", {graph_->jobName, describeError(error)}));
        return;
    }
    region.state = Region::State::Closing;
    awaitsRegion_.store(true);
    region.why = error;
    giveUpAll("a part of the job has failed");
    for (const Member& each : members_) {
        if (!each.ended && each.task->region() == static_cast<int>(number)) each.task->abort();
    }
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::endRegionIfClosed(std::size_t number) {
    Region& region = regions_[number];
    if (region.state != Region::State::Closing) return;
    for (const Member& each : members_) {
        if (!each.ended && each.task->region() == static_cast<int>(number)) return;
    }
    const std::optional<Duration> delay = restarts_.failedAt(clock());
    if (!delay) return job_.fail(region.why);
    region.state = Region::State::Waiting;
    region.restartAt = clock() + *delay;
    wakeAt(region.restartAt);
    std::string name;
    for (const Member& each : members_) {
        if (name.empty() && each.task->region() == static_cast<int>(number)) name = each.task->stages().front().place();
    }
    log(LogLevel::Warning,
        message("job '{}': what begins with {} starts again in {} ms, the rest goes on; after a failure: {}",
                {graph_->jobName, name, *delay / std::chrono::milliseconds(1), describeError(region.why)}));
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::restartRegions() {
    for (std::size_t i = 0; i < regions_.size() && !job_.aborting(); ++i) {
        if (regions_[i].state != Region::State::Waiting) continue;
        if (clock() < regions_[i].restartAt) {
            wakeAt(regions_[i].restartAt);
            continue;
        }
        if (workAtIo_ > 0) return;  // its message will wake this: nothing may be written while it is read
        try {
            restoreFrom(newestToRestore());
        } catch (...) {
            return job_.fail(std::current_exception());
        }
        regions_[i] = Region{};
        failuresInARow_ = 0;
        job_.restartRegion(static_cast<int>(i));
        awaitsRegion_.store(anyRegionDown());
    }
}

// ---- checkpoints ------------------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD CheckpointCoordinator::Pending* CheckpointCoordinator::find(std::int64_t checkpointId) {
    for (Pending& each : pending_) {
        if (each.description.id == checkpointId) return &each;
    }
    return nullptr;
}

MILLRACE_INLINE_COLD bool CheckpointCoordinator::allSourcesEnded() const noexcept {
    return std::none_of(members_.begin(), members_.end(),
                        [](const Member& each) { return each.isSource && !each.ended && !each.awaiting; });
}

MILLRACE_INLINE_COLD bool CheckpointCoordinator::allOpenTasksAwait() const noexcept {
    return openTasks_ > 0 && std::all_of(members_.begin(), members_.end(),
                                         [](const Member& each) { return each.ended || each.awaiting; });
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::triggerDue() {
    if (job_.aborting() || openTasks_ == 0 || anyRegionDown()) return;
    if (stopping_ == nullptr) {
        if (const std::shared_ptr<SnapshotRequest> request = nextRequest(); request != nullptr) {
            if (request->rescales() && !prepareRescale(*request)) return;
            if (request->stop) stopping_ = request;
            if (!request->drain) {
                trigger(request);
            } else {
                drains_.store(true);
                job_.stop(true);
            }
            return;
        }
    } else {
        // everything has fired and been handled: the savepoint that this was for
        if (stopping_->drain && pending_.empty() && allOpenTasksAwait()) trigger(stopping_);
        return;
    }
    const Duration now = clock();
    if (allOpenTasksAwait()) {
        if (!pending_.empty()) return;
        // after a failure, or when somebody could not commit yet, it is tried again, but not at once
        if (now < nextFinal_) {
            wakeAt(nextFinal_);
        } else {
            nextFinal_ = now + std::chrono::milliseconds(100);
            trigger(nullptr);
        }
        return;
    }
    if (allSourcesEnded() || pending_.size() >= static_cast<std::size_t>(config_.maxConcurrent)) return;
    if (now < nextTrigger_) {
        wakeAt(nextTrigger_);  // timers go by another clock, which may be ahead
        return;
    }
    if (const Duration earliest = endOfPause(); now < earliest) {
        wakeAt(earliest);
    } else {
        trigger(nullptr);
    }
}

/// When the pause after the last checkpoint is over.
MILLRACE_INLINE_COLD Duration CheckpointCoordinator::endOfPause() const {
    return lastEnd_ == Duration::min() ? lastEnd_ : lastEnd_ + config_.minPause;
}

/// What somebody outside waits for; one at a time, and nothing else at the same time.
MILLRACE_INLINE_COLD std::shared_ptr<SnapshotRequest> CheckpointCoordinator::nextRequest() {
    const std::lock_guard lock(mutex_);
    if (requests_.empty() || (!pending_.empty() && !requests_.front()->drain)) return nullptr;
    std::shared_ptr<SnapshotRequest> request = std::move(requests_.front());
    requests_.erase(requests_.begin());
    return request;
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::trigger(std::shared_ptr<SnapshotRequest> request) {
    Pending& pending = pending_.add(new Pending);
    pending.began = clock();
    pending.request = std::move(request);
    CheckpointDescription& description = pending.description;
    description.id = nextId_++;
    description.jobName = graph_->jobName;
    if (fingerprint_.empty()) fingerprint_ = ExecutionPlan(*graph_).fingerprint();
    description.fingerprint = fingerprint_;
    description.triggered = executor().now();
    description.maxParallelism = graph_->maxParallelism;
    if (pending.request != nullptr) {
        description.kind = pending.request->kind;
        description.target = pending.request->target;
    }
    for (const GraphNode& node : graph_->nodes) {
        for (const OperatorInfo& info : node.operators) {
            description.operators.add(new CheckpointedOperator{info.uid, info.name, info.kind, node.parallelism, 0});
        }
    }
    {
        const std::lock_guard lock(mutex_);
        if (statistics_.size() == kKeptStatistics) statistics_.erase(statistics_.begin());
        CheckpointStatistics statistics;
        statistics.id = description.id;
        statistics.kind = description.kind;
        statistics.triggered = description.triggered;
        statistics_.push_back(std::move(statistics));
    }
    for (const Member& member : members_) {
        pending.missing.push_back(!member.ended);
        pending.finished.push_back(member.ended);
        if (!member.ended) ++pending.missingCount;
    }
    if (config_.interval) nextTrigger_ = pending.began + *config_.interval;
    wakeAt(pending.began + config_.timeout);
    wakeAt(nextTrigger_);

    // if the store cannot begin, the checkpoint is given up when that comes back; what is written meanwhile is dropped
    ++pending.writing;
    const auto copy = std::make_shared<CheckpointDescription>(description);
    const std::int64_t id = description.id;
    if (pending.request != nullptr && pending.request->stop) lastOfAttempt_.store(id);
    write(id, Message::Kind::Written, [store = store_, copy] {
        store->begin(*copy);
        return std::shared_ptr<CheckpointInfo>();
    });
    for (const Member& member : members_) {
        if (member.ended || (!member.isSource && !member.awaiting)) continue;
        mailTo(member, [id](CheckpointParticipant& part) { part.trigger(id); });
    }
}

template <class Fn>
void CheckpointCoordinator::mailTo(const Member& member, Fn fn) {
    member.task->postMail(0, [part = member.part, fn] { fn(*part); });
}

/// Runs `work`, which may block, and sends a message with what it returns. Calls are carried out one after the other.
template <class Work>
void CheckpointCoordinator::write(std::int64_t checkpointId, Message::Kind kind, Work work) {
    ++workAtIo_;
    const auto run = [this, checkpointId, kind, work] {
        Message answer{.kind = kind, .checkpoint = checkpointId};
        try {
            answer.info = work();
        } catch (...) {
            answer.kind = Message::Kind::Failed;
            answer.error = std::current_exception();
        }
        send(std::move(answer));
    };
    if (!executor().runsOnCaller()) {
        io_.run(run);
    } else {
        run();
    }
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::completeIfReady(Pending& pending) {
    if (pending.missingCount > 0 || pending.writing > 0 || std::exchange(pending.completing, true)) return;
    const std::int64_t id = pending.description.id;
    MemorySnapshot part;
    for (const auto& shared : shared_) shared->snapshot(id, part);
    for (std::size_t task = 0; task < members_.size(); ++task) {
        if (!pending.finished[task]) continue;
        for (const StageSlot& slot : members_[task].task->stages()) {
            for (const OperatorInfo& info : slot.node->operators) {
                for (CheckpointedOperator& each : pending.description.operators) {
                    if (each.uid == info.uid) ++each.finishedSubtasks;
                }
            }
        }
    }
    for (const CheckpointedOperator& each : pending.description.operators) {
        if (each.finishedSubtasks == 0 ||
            std::find(pending.unionLists.begin(), pending.unionLists.end(), each.uid) == pending.unionLists.end())
            continue;
        // counts for nothing: it is nobody's fault, and over as soon as the others have ended
        giveUp(pending,
               std::make_exception_ptr(CheckpointException(
                   message("operator '{}' (uid '{}') has a union list, and {} of its {} subtasks have ended: what they "
                           "had in it would be lost. Checkpoints go on when all have ended",
                           {each.name, each.uid, each.finishedSubtasks, each.parallelism}))),
               false);
        return;
    }
    const auto description = std::make_shared<CheckpointDescription>(pending.description);
    const int task = static_cast<int>(members_.size());
    const bool replaces = endsInSavepoint(pending);
    write(id, Message::Kind::Completed, [store = store_, description, task, part = std::move(part), replaces] {
        if (!part.empty()) store->writePart(description->id, task, 0, part);
        const auto info = std::make_shared<CheckpointInfo>(store->complete(*description));
        // before sinks commit: from then on nobody may go back to an earlier one, not even after a crash
        if (replaces) keepNewest(*store, 0);
        return info;
    });
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::onCompleted(Message& message) {
    const std::int64_t id = message.checkpoint;
    std::shared_ptr<SnapshotRequest> request;
    // those before it that are still under way have been overtaken
    while (!pending_.empty()) {
        Pending& first = pending_.front();
        if (first.description.id == id) {
            request = std::move(first.request);
            record(first, CheckpointStatus::Completed, message.info->bytes, {});
            delete pending_.release(0);
            break;
        }
        giveUp(first, std::make_exception_ptr(CheckpointException("a newer checkpoint was complete before it")), false);
    }
    lastEnd_ = clock();
    failuresInARow_ = 0;
    forgetShared();
    const bool stops = request != nullptr && request->stop;
    // a savepoint in passing has no effect on the outside world: the checkpoint before it stays what is restored
    if (message.info->kind == CheckpointKind::Checkpoint || stops || MILLRACE_PLANTED(SavepointInPassingCommits)) {
        for (Member& member : members_) {
            if (member.ended) continue;
            member.awaiting = false;  // it says so again if it still does
            mailTo(member, [id, stops](CheckpointParticipant& part) { part.complete(id, stops); });
        }
    }
    if (message.info->kind == CheckpointKind::Checkpoint) keepOnly(config_.retained, id);
    if (request != nullptr && !request->rescales()) request->succeed(*message.info);
    if (!stops) return;
    if (request->rescales()) {
        stopped_ = true;
        endIfStopped();
        return;
    }
    suspended_ = message.info->kind == CheckpointKind::Checkpoint;
    if (!suspended_) lastSavepoint_ = id;
    stopped_ = !request->drain;
    endIfStopped();
}

/// Ends the job once every task has committed what the last checkpoint covers. No input ends, nothing fires: what is left
/// of it is in the checkpoint.
MILLRACE_INLINE_COLD void CheckpointCoordinator::endIfStopped() {
    if (!stopped_) return;
    for (const Member& each : members_) {
        if (!each.ended && !each.confirmed) return;
    }
    job_.endStopped();
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::forgetShared() {
    const std::int64_t oldest = pending_.empty() ? nextId_ : pending_.front().description.id;
    for (const auto& shared : shared_) shared->forget(oldest - 1);
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::keepOnly(int retained, std::int64_t confirmed) {
    write(0, Message::Kind::Written, [store = store_, retained, damaged = damaged_, confirmed] {
        keepNewest(*store, retained, damaged, confirmed);
        return std::shared_ptr<CheckpointInfo>();
    });
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::expire() {
    const Duration now = clock();
    for (std::size_t i = 0; i < pending_.size();) {
        Pending& each = pending_[i];
        if (now - each.began < config_.timeout || each.completing) {
            if (!each.completing) wakeAt(each.began + config_.timeout);
            ++i;
            continue;
        }
        std::string open;
        for (std::size_t task = 0; task < members_.size() && open.empty(); ++task) {
            if (each.missing[task]) open = "; still missing, among others: " + members_[task].task->describe();
        }
        giveUp(each,
               std::make_exception_ptr(
                   CheckpointException(message("it has taken longer than its timeout of {} ms{}",
                                               {config_.timeout / std::chrono::milliseconds(1), open}))),
               true);
    }
}

MILLRACE_INLINE_COLD bool CheckpointCoordinator::endsInSavepoint(const Pending& pending) noexcept {
    return pending.description.kind == CheckpointKind::Savepoint && pending.request != nullptr && pending.request->stop;
}

/// Savepoints, and what a job ends with, are aligned: they are to be restored by other programs, at another parallelism.
MILLRACE_INLINE_COLD bool CheckpointCoordinator::mayOvertake(const Pending& pending) const noexcept {
    return config_.unaligned && pending.description.kind == CheckpointKind::Checkpoint &&
           (pending.request == nullptr || !pending.request->stop);
}

/// Barriers that have waited their turn for long enough need not wait any more.
MILLRACE_INLINE_COLD void CheckpointCoordinator::overtakeDue() {
    for (Pending& each : pending_) {
        if (each.overtakes || each.missingCount == 0 || !mayOvertake(each)) continue;
        const Duration due = each.began + config_.alignedCheckpointTimeout;
        if (clock() < due) {
            wakeAt(due);
            continue;
        }
        each.overtakes = true;
        for (const Member& member : members_) {
            if (!member.ended) member.part->letOvertake(each.description.id);
        }
    }
}

/// What became of it, for who watches.
MILLRACE_INLINE_COLD void CheckpointCoordinator::record(const Pending& pending, CheckpointStatus status,
                                                        std::uint64_t bytes, std::string failure) {
    const std::lock_guard lock(mutex_);
    for (CheckpointStatistics& each : statistics_) {
        if (each.id != pending.description.id) continue;
        each.status = status;
        each.bytes = bytes;
        each.failure = std::move(failure);
        each.duration = clock() - pending.began;
        each.longestPause = pending.cost.pause;
        each.alignmentDuration = pending.cost.alignment;
        each.persistedInFlight = pending.cost.inFlightBytes;
    }
}

/// Ends a checkpoint without a result; `pending` is gone then. `counts`: too many of these in a row fail the job.
MILLRACE_INLINE_COLD void CheckpointCoordinator::giveUp(Pending& pending, std::exception_ptr why, bool counts) {
    const std::string reason = describeError(why);
    const std::int64_t id = pending.description.id;
    const bool isSavepoint = pending.description.kind == CheckpointKind::Savepoint;
    const std::string text = message("{}{} of job '{}' was given up: {}",
                                     {isSavepoint ? "savepoint " : "checkpoint ", id, graph_->jobName, reason});
    const std::shared_ptr<SnapshotRequest> request = std::move(pending.request);
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        if (&pending_[i] == &pending) {
            record(pending, CheckpointStatus::Failed, 0, reason);
            delete pending_.release(i);
            break;
        }
    }
    lastEnd_ = clock();
    write(0, Message::Kind::Written, [store = store_, id] {
        store->discard(id);
        return std::shared_ptr<CheckpointInfo>();
    });
    for (const Member& member : members_) {
        if (member.ended) continue;
        member.part->letOvertake(0);
        mailTo(member, [id](CheckpointParticipant& part) {
            if (MILLRACE_PLANTED(FailedCheckpointCommits)) part.complete(id, false);
            part.abort(id);
        });
    }
    if (request != nullptr) {
        if (request == stopping_) {
            stopping_ = nullptr;
            newScale_.reset();
            drains_.store(false);
        }
        request->fail(checkpointError(text, why));
    }
    if (!counts) return;
    log(LogLevel::Warning, text);
    // who has asked for a savepoint or a rescale has been told, and the job goes on as it was
    const bool isAsked = isSavepoint || (request != nullptr && request->rescales());
    if (isAsked || ++failuresInARow_ <= config_.tolerableFailures) return;
    job_.fail(checkpointError(message("{}; {} in a row, and {} are tolerated (CheckpointConfig::tolerableFailures)",
                                      {text, failuresInARow_, config_.tolerableFailures}),
                              why));
}

/// All but a savepoint that the job is to end with, once it is being completed: then the checkpoints before it may be gone
/// already, and it has to be told of.
MILLRACE_INLINE_COLD void CheckpointCoordinator::giveUpAll(const char* why) {
    for (std::size_t i = 0; i < pending_.size();) {
        Pending& each = pending_[i];
        if (each.completing && endsInSavepoint(each)) {
            ++i;
        } else {
            giveUp(each, std::make_exception_ptr(CheckpointException(why)), false);
        }
    }
}

// ---- the end of an attempt ----------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD void CheckpointCoordinator::attemptOver() {
    if (beginsRescale() || revertsRescale()) {
        phase_ = Phase::Restarting;
        restartAt_ = clock();
        wake();
        return;
    }
    const std::exception_ptr why = job_.failure();  // once it is restarting a cancel may take that away
    if (job_.status() == JobStatus::Failing && !isMigrationFailure(why)) {
        const std::optional<Duration> delay = restarts_.failedAt(clock());
        if (delay && job_.beginRestart()) {
            log(LogLevel::Warning,
                message("job '{}' starts again in {} ms after a failure: {}",
                        {graph_->jobName, *delay / std::chrono::milliseconds(1), describeError(why)}));
            phase_ = Phase::Restarting;
            restartAt_ = clock() + *delay;
            wakeAt(restartAt_);
            return;
        }
    }
    end();
}

/// What tasks that start again begin with; null: with nothing.
MILLRACE_INLINE_COLD std::shared_ptr<const StoredCheckpoint> CheckpointCoordinator::newestToRestore() {
    std::shared_ptr<const StoredCheckpoint> newest = newestInStore();
    // the job was about to end with a savepoint, of which sinks may have committed a part
    if (lastSavepoint_ > (newest != nullptr ? newest->description().id : 0)) newest = store_->load(lastSavepoint_);
    // what an earlier run has left is not this one's to go on with, unless it began with it
    if (newest != nullptr && !config_.resume && newest->description().id < firstId_) newest = nullptr;
    if (MILLRACE_PLANTED(RestartFromTheBeginning) || (goesOnFrom_ != 0 && MILLRACE_PLANTED(RescaleGoesBack)))
        newest = nullptr;
    return newest != nullptr ? newest : initial_;
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::restartNow() {
    if (workAtIo_ > 0) return;  // its message will wake this: nothing may be written while it is read
    std::shared_ptr<const StoredCheckpoint> newest;
    try {
        newest = newestToRestore();
    } catch (...) {
        // what there is cannot even be looked at: another failure, so that the strategy says whether to try again
        job_.failRestart(std::current_exception());
        phase_ = Phase::Running;
        attemptOver();
        return;
    }
    restoreFrom(std::move(newest));
    // who drains into a savepoint that has not been taken drains again: the sources see that they are to end
    const bool drainsAgain = stopping_ != nullptr && stopping_->drain && !stopping_->isDone();
    if (!stopped_ && !isOpening() && reverted_ == nullptr && !drainsAgain) stopping_ = nullptr;
    drains_.store(drainsAgain);
    lastOfAttempt_.store(0);
    failuresInARow_ = 0;
    // not if it has turned out damaged: what came since the one before is repeated
    const bool goesOn = restored_ != nullptr && restored_->description().id == goesOnFrom_;
    goesOnFrom_ = 0;
    if (job_.restart(goesOn)) {
        phase_ = Phase::Running;
        if (reverted_ != nullptr) std::exchange(stopping_, nullptr)->fail(std::exchange(reverted_, nullptr));
        start();
        return;
    }
    // it has been cancelled, or could not be wired: then that is the failure now
    openTasks_ = 0;
    phase_ = Phase::Running;
    attemptOver();
}

// ---- another parallelism --------------------------------------------------------------------------------------------------

/// False if there is nothing to be done: the request is answered.
MILLRACE_INLINE_COLD bool CheckpointCoordinator::prepareRescale(SnapshotRequest& request) {
    try {
        auto scale = std::make_unique<GraphScale>(GraphScale::changed(*graph_, request.uid, request.parallelism));
        if (!(*scale == GraphScale(*graph_))) {
            newScale_ = std::move(scale);
            return true;
        }
        request.succeed({});
    } catch (...) {
        request.fail(std::current_exception());
    }
    wake();  // there may be other requests
    return false;
}

/// True if all tasks have ended with the checkpoint that the job goes on with at its new parallelism.
MILLRACE_INLINE_COLD bool CheckpointCoordinator::beginsRescale() {
    const std::unique_ptr<GraphScale> scale = std::move(newScale_);
    if (scale == nullptr) return false;
    const bool isReady = std::exchange(stopped_, false);
    if (isReady && job_.beginRescale()) {
        oldScale_ = std::make_unique<GraphScale>(*graph_);
        job_.setScale(*scale);
        fingerprint_.clear();
        goesOnFrom_ = lastOfAttempt_.load();
        return true;
    }
    // it has failed or been cancelled before
    if (job_.status() == JobStatus::Failing) {
        std::exchange(stopping_, nullptr)
            ->fail(checkpointError(message("job '{}' has failed before it could be rescaled", {graph_->jobName}),
                                   job_.failure()));
    }
    return false;
}

/// True if the tasks could not be made, or did not open, at the new parallelism: they are made at the old one, from the same
/// checkpoint, as if nothing had been.
MILLRACE_INLINE_COLD bool CheckpointCoordinator::revertsRescale() {
    const std::unique_ptr<GraphScale> scale = std::move(oldScale_);
    if (scale == nullptr || job_.status() != JobStatus::Failing) return false;
    const std::exception_ptr why = job_.failure();
    job_.setScale(*scale);
    fingerprint_.clear();
    goesOnFrom_ = restored_ != nullptr ? restored_->description().id : 0;
    const std::string text = message("job '{}' goes on as it was, since '{}' cannot run at parallelism {}",
                                     {graph_->jobName, stopping_->uid, stopping_->parallelism});
    log(LogLevel::Warning, message("{}: {}", {text, describeError(why)}));
    reverted_ = checkpointError(text, why);
    return job_.beginRestart();
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::endRescaleIfOpen() {
    for (const Member& each : members_) {
        if (!each.opened) return;
    }
    oldScale_.reset();
    for (const Member& each : members_) {
        mailTo(each, [](CheckpointParticipant& part) { part.goOn(); });
    }
    log(LogLevel::Info, message("job '{}' goes on with '{}' at parallelism {}",
                                {graph_->jobName, stopping_->uid, stopping_->parallelism}));
    std::exchange(stopping_, nullptr)->succeed({});
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::end() {
    failRequests("the job has ended before");
    phase_ = Phase::Ending;
    const JobStatus status = job_.status();
    const bool failed = status == JobStatus::Failing;
    const bool cancelled = status == JobStatus::Cancelling;
    const bool keeps =
        suspended_ ||
        (failed && (config_.retention != CheckpointRetention::NoExternalized || isMigrationFailure(job_.failure()))) ||
        (cancelled && config_.retention == CheckpointRetention::RetainOnCancellation);
    if (keeps) return;
    const std::int64_t lastId = failed || cancelled || lastSavepoint_ != 0 ? -1 : nextId_ - 1;
    write(0, Message::Kind::Written, [store = store_, damaged = damaged_, lastId] {
        try {
            if (lastId >= 0) store->setFinished(lastId);
            keepNewest(*store, 0, damaged, INT64_MAX);
        } catch (const IoException& error) {
            // the checkpoints stay: the next run goes on behind what has been committed
            log(LogLevel::Warning, error.what());
        }
        return std::shared_ptr<CheckpointInfo>();
    });
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::failRequests(const char* why) {
    std::vector<std::shared_ptr<SnapshotRequest>> requests;
    {
        const std::lock_guard lock(mutex_);
        requests.swap(requests_);
        closed_ = true;
    }
    if (stopping_ != nullptr && reverted_ != nullptr) stopping_->fail(reverted_);
    if (stopping_ != nullptr) requests.push_back(std::move(stopping_));
    for (const auto& request : requests) {
        request->fail(std::make_exception_ptr(CheckpointException(
            message("no savepoint or checkpoint of job '{}' was taken: {}", {graph_->jobName, why}))));
    }
}

MILLRACE_INLINE_COLD void CheckpointCoordinator::wakeAt(Duration monotonic) {
    if (monotonic == Duration::max() || armed_ <= monotonic) return;  // an earlier one comes first, and asks again
    armed_ = monotonic;
    const Duration wait = std::max(monotonic - clock(), Duration{0});
    executor().wakeAt(saturatingAdd(executor().now(), wait), *this);
}

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_CHECKPOINT_COORDINATOR_IPP
