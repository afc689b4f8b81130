#ifndef MILLRACE_TESTING_FAULT_TRIAL_IPP
#define MILLRACE_TESTING_FAULT_TRIAL_IPP

#include <millrace/api/checkpointing.hpp>
#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/graph/execution_plan.hpp>
#include <millrace/graph/graph_scale.hpp>
#include <millrace/runtime/channel_state.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/runtime/snapshot_request.hpp>
#include <millrace/testing/failures.hpp>
#include <millrace/testing/fault_trial.hpp>
#include <millrace/testing/faulty_checkpoint_store.hpp>
#include <millrace/testing/faulty_file_system.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <utility>

namespace millrace::detail {

/// What is behind a client.
struct JobInside {
    static Job& of(const JobClient& client) { return *client.job_; }
};

class FaultTrial {
    using Fault = testing::Fault;
    using Kind = Fault::Kind;

public:
    FaultTrial(const testing::FaultPlan& plan, const TrialJob& job)
        : plan_(plan), job_(job), injector_(job.injector), parallelism_(plan.parallelism),
          storeFaults_(std::make_shared<StoreFaults>()), disk_(std::make_shared<testing::MemoryFileSystem>()),
          files_(std::make_shared<testing::FaultyFileSystem>(disk_)) {
        injector_.arm(plan.faults);
        storeFaults_->faults = plan.faults;
        storeFaults_->injector = injector_;
        newDirectory();
    }

    TrialReport run() {
        while (runProcess()) {
            if (report_.processes > 100) report_.error = "the job was started 100 times and has not come to its end";
            if (!report_.error.empty()) break;
        }
        return report_;
    }

private:
    // ---- what outlives a process ----

    /// Where the checkpoints of the next processes are: a job that begins with a savepoint gets a new place.
    void newDirectory() {
        directory_ = "/checkpoints-" + std::to_string(++directories_);
        memory_ = std::make_shared<MemoryCheckpointStore>();
    }
    std::shared_ptr<CheckpointStore> store() {
        std::shared_ptr<CheckpointStore> behind;
        if (plan_.onDisk) {
            behind = std::shared_ptr<CheckpointStore>(new FileCheckpointStore(
                directory_, files_, plan_.compressed ? SnapshotCompression::Zstd : SnapshotCompression::None,
                plan_.incremental));
        } else {
            behind = memory_;
        }
        if (job_.store) behind = job_.store(std::move(behind));
        return std::shared_ptr<CheckpointStore>(new FaultyCheckpointStore(std::move(behind), storeFaults_));
    }
    std::shared_ptr<const StoredCheckpoint> open(const std::string& path) {
        if (plan_.onDisk) return std::shared_ptr<const StoredCheckpoint>(new FileCheckpoint(files_, path));
        return savepoint_;
    }

    // ---- a process ----

    /// Whether barriers may overtake in this pipeline.
    static bool savesRecords(const StreamEnvironment& env) {
        const ExecutionPlan plan = env.getExecutionPlan();
        for (const GraphNode& node : plan.graph().nodes) {
            for (const GraphEdge& edge : node.inputs) {
                if (channelCodec(*edge.ports, edge.exchange) == nullptr) return false;
            }
        }
        return true;
    }

    /// True if there is to be another one.
    bool runProcess() {
        ++report_.processes;
        SimulatedRuntime runtime(plan_.seed + 1'000'003 * static_cast<std::uint64_t>(report_.processes));
        runtime.setStepDuration(std::chrono::milliseconds(1));
        std::shared_ptr<JobClient> client;
        bool again = false;
        try {
            StreamExecutionEnvironment env(runtime);
            env.setParallelism(parallelism_);
            env.setBufferTimeout(plan_.bufferTimeout);
            env.setChannelMemory(plan_.channelMemory);
            if (!plan_.chaining) env.disableOperatorChaining();
            env.setSourceAlignment(plan_.alignment);
            job_.build(env);
            if (plan_.checkpoints) {
                CheckpointConfig config;
                config.interval = plan_.interval;
                config.mode = job_.mode.value_or(plan_.mode);
                config.timeout = calm_ ? std::chrono::hours(1) : plan_.timeout;
                config.minPause = plan_.minPause;
                config.maxConcurrent = calm_ ? 1 : plan_.maxConcurrent;
                config.unaligned =
                    plan_.unaligned && config.mode == CheckpointingMode::ExactlyOnce && savesRecords(env);
                if (config.unaligned) config.alignedCheckpointTimeout = plan_.alignedCheckpointTimeout;
                config.tolerableFailures = plan_.tolerableFailures;
                config.retained = plan_.retained;
                config.restoreFrom = restoreFrom_;
                config.restart = RestartStrategy::fixedDelay(1'000'000, std::chrono::milliseconds(5));
                enableCheckpointing(
                    env, config, [this](const CheckpointConfig&) { return store(); },
                    [this](const std::string& path) { return open(path); });
            }
            client = env.executeAsync("trial");
        } catch (const std::exception& error) {
            // a fault may hit the start of a process, too: then it is started again
            const bool injected = describeException(error).find("njected") != std::string::npos || files_->hasFailed();
            if (!injected && !injector_.killed()) report_.error = "cannot start: " + describeException(error);
            again = true;
        }
        if (client != nullptr) again = runToEnd(*client);
        killed_ = killed_ || injector_.killed() || (crashed_ && files_->hasFailed());
        if (killed_) {
            if (client != nullptr) isOver_ = hasNothingLeft(*client);
            injector_.kill();
            if (plan_.onDisk && !crashed_) files_->crashAt(1);
            if (job_.killed) job_.killed();
        }
        if (client != nullptr) {
            for (const CheckpointStatistics& each : client->checkpoints()) {
                report_.checkpoints += each.status == CheckpointStatus::Completed ? 1 : 0;
                report_.failedCheckpoints += each.status == CheckpointStatus::Failed ? 1 : 0;
                report_.overtakingCheckpoints += each.persistedInFlight > 0 ? 1 : 0;
            }
        }
        client.reset();
        countRescales();
        if (std::exchange(killed_, false)) {
            if (plan_.onDisk) {
                const testing::Unsynced kinds[] = {testing::Unsynced::Kept, testing::Unsynced::Lost,
                                                   testing::Unsynced::Some};
                disk_->crash(kinds[(plan_.seed + report_.steps) % 3], plan_.seed + report_.steps);
                files_->restart();
            }
            crashed_ = false;
            again = !isOver_;
            // whoever wanted the savepoint looks whether it is there
            if (stopping_ != nullptr && stopping_->kind == CheckpointKind::Savepoint && findSavepoint()) {
                if (parallelismAfterStop_ != 0) nextParallelism_ = parallelismAfterStop_;
            }
        }
        stopped_ = false;
        injector_.revive();
        stopping_ = nullptr;
        if (const int next = std::exchange(nextParallelism_, 0); next != 0) parallelism_ = next;
        return again;
    }

    /// True if the job is not over with it.
    bool runToEnd(JobClient& client) {
        const std::uint64_t patience = 3 * plan_.faults.size() * 200 + 20'000;
        JobStatus before = client.status();
        while (!client.isDone()) {
            if (++report_.steps > patience) {
                report_.error = "the job does not come to its end: " + JobInside::of(client).describeOpenTasks();
                return false;
            }
            applyDue(client);
            if (killed_) return true;
            injector_.release(false);
            if (!client.step() && !injector_.release(true)) {
                report_.error = "the job can go no further: " + JobInside::of(client).describeOpenTasks();
                return false;
            }
            const JobStatus status = client.status();
            if (status == JobStatus::Restarting && before != status) ++report_.restarts;
            before = status;
            noteStopped();
            if (crashed_ && files_->hasFailed()) injector_.kill();
            if (injector_.killed()) {
                noteKill();
                return true;
            }
            // checkpoints that cannot be in time, or barriers that fill short channels, would keep the job for ever from its end
            if (!calm_ && report_.steps > 3'000 && (plan_.timeout < std::chrono::hours(1) || plan_.maxConcurrent > 1)) {
                calm_ = true;
                killed_ = true;
                return true;
            }
        }
        if (stopped_) {
            stopped_ = false;
            return true;
        }
        try {
            client.result();
        } catch (const std::exception& error) {
            report_.error = "the job fails: " + describeException(error);
        }
        return false;
    }

    /// It had finished, and removed its checkpoints: whoever starts it again does all once more.
    bool hasNothingLeft(const JobClient& client) const {
        if (stopped_) return false;
        if (client.status() == JobStatus::Finished) return true;
        for (const auto& request : rescales_) {
            if (!request->isDone()) return false;  // no task is open, since they are to be made anew
        }
        if (plan_.checkpoints && JobInside::of(client).supervisor()->awaitsRegion()) return false;
        const bool finished =
            client.status() == JobStatus::Running && JobInside::of(client).describeOpenTasks().empty();
        return finished && stopping_ == nullptr && (storeFaults_->checkpoints == 0 || storeFaults_->leftOver);
    }

    void noteKill() {
        // of whatever made it end
        for (const Fault& fault : plan_.faults) {
            const bool kills = fault.kind == Kind::KillCall || fault.kind == Kind::KillStore ||
                               fault.kind == Kind::KillStoreAfter || fault.kind == Kind::KillDisk;
            if (kills && fault.parallelism != 0) nextParallelism_ = fault.parallelism;
        }
    }

    /// The savepoint or checkpoint that the job is to end with has been taken: what follows begins with it.
    void noteStopped() {
        if (stopping_ == nullptr || !stopping_->isDone()) return;
        if (stopping_->error == nullptr) {
            stopped_ = true;
            if (stopping_->kind == CheckpointKind::Savepoint && !findSavepoint()) {
                report_.error = "the savepoint with which the job was stopped is not there";
            }
            nextParallelism_ = parallelismAfterStop_;
        }
        stopping_ = nullptr;
    }

    /// The savepoint that was asked for last: if it is complete, what follows begins with it, in a new place.
    bool findSavepoint() {
        const std::string& target = stopping_->target;
        try {
            if (plan_.onDisk) {
                FileCheckpoint(disk_, target);
            } else {
                std::shared_ptr<const StoredCheckpoint> found;
                for (const CheckpointInfo& info : memory_->completed()) {
                    const auto stored = memory_->load(info.id);
                    if (stored->description().target == target) found = stored;
                }
                if (found == nullptr) return false;
                savepoint_ = std::move(found);
            }
        } catch (const MillraceException&) {
            return false;
        }
        restoreFrom_ = target;
        // where the older checkpoints are, or somewhere else: the newest counts
        if (savepoints_ % 2 == 0) newDirectory();
        return true;
    }

    void applyDue(JobClient& client) {
        for (const Fault& fault : plan_.faults) {
            if (fault.at != report_.steps || !plan_.checkpoints) continue;
            switch (fault.kind) {
                case Kind::FailTask:
                    failTask(client, fault);
                    break;
                case Kind::Kill:
                    nextParallelism_ = fault.parallelism;
                    killed_ = true;
                    return;
                case Kind::FailDisk:
                    if (plan_.onDisk && !crashed_) {
                        const testing::FileFault kinds[] = {testing::FileFault::NoSpace, testing::FileFault::IoError,
                                                            testing::FileFault::ShortWrite};
                        files_->failAt(static_cast<std::uint64_t>(fault.choice) + 1, kinds[fault.choice % 3]);
                    }
                    break;
                case Kind::KillDisk:
                    if (plan_.onDisk) {
                        files_->crashAt(static_cast<std::uint64_t>(fault.choice) + 1);
                        crashed_ = true;
                    }
                    break;
                case Kind::Checkpoint:
                case Kind::Savepoint:
                case Kind::StopWithSavepoint:
                case Kind::Suspend:
                    request(client, fault);
                    break;
                case Kind::Rescale:
                    rescale(client, fault);
                    break;
                default:
                    break;
            }
        }
    }

    void failTask(JobClient& client, const Fault& fault) {
        Job& job = JobInside::of(client);
        if (job.status() != JobStatus::Running) return;
        const PointerList<Task>& tasks = job.tasks();
        Task& task = tasks[static_cast<std::size_t>(fault.choice) % tasks.size()];
        task.postMail(0, [text = describeFault(fault)] { throw testing::InjectedFailure(text); });
    }

    void rescale(JobClient& client, const Fault& fault) {
        Job& job = JobInside::of(client);
        if (job.status() != JobStatus::Running) return;
        // what it would spread is known only once the one before has come about
        if (!plan_.spreads && !rescales_.empty() && !rescales_.back()->isDone()) return;
        const JobGraph& graph = job.graph();
        const int parallelism = std::max(fault.parallelism, 1);
        std::vector<std::string> able;
        for (const GraphNode& node : graph.nodes) {
            // splits of sources that are read one after the other are late
            if (node.isSource || node.fixedParallelism != 0) continue;
            const std::string& uid = node.operators.back().uid;
            if (!plan_.spreads && GraphScale::changed(graph, uid, parallelism).spreads(graph)) continue;
            able.push_back(uid);
        }
        if (able.empty()) return;
        const auto request = std::make_shared<SnapshotRequest>();
        request->stop = true;
        request->uid = able[static_cast<std::size_t>(fault.choice) % able.size()];
        request->parallelism = parallelism;
        rescales_.push_back(request);
        job.supervisor()->request(request);
    }
    /// Those that were asked for in this process.
    void countRescales() {
        for (const auto& request : rescales_) {
            if (!request->isDone()) report_.error = "a rescale was never answered";
            if (request->error == nullptr) ++report_.rescales;
        }
        rescales_.clear();
    }

    void request(JobClient& client, const Fault& fault) {
        if (stopping_ != nullptr || stopped_) return;
        const auto request = std::make_shared<SnapshotRequest>();
        const bool isSavepoint = fault.kind == Kind::Savepoint || fault.kind == Kind::StopWithSavepoint;
        request->kind = isSavepoint ? CheckpointKind::Savepoint : CheckpointKind::Checkpoint;
        if (isSavepoint) request->target = "/savepoint-" + std::to_string(++savepoints_);
        request->stop = fault.kind == Kind::StopWithSavepoint || fault.kind == Kind::Suspend;
        if (request->stop) {
            stopping_ = request;
            parallelismAfterStop_ = fault.parallelism;
        }
        JobInside::of(client).supervisor()->request(request);
    }

    const testing::FaultPlan& plan_;
    const TrialJob& job_;
    testing::FaultInjector injector_;
    TrialReport report_;

    int parallelism_;
    int nextParallelism_ = 0;
    bool calm_ = false;  ///< no longer in a hurry
    std::shared_ptr<StoreFaults> storeFaults_;
    std::shared_ptr<testing::MemoryFileSystem> disk_;
    std::shared_ptr<testing::FaultyFileSystem> files_;
    std::shared_ptr<MemoryCheckpointStore> memory_;
    std::shared_ptr<const StoredCheckpoint> savepoint_;  ///< in memory
    std::string directory_;
    std::string restoreFrom_;
    int directories_ = 0;
    int savepoints_ = 0;

    // the process at hand
    bool killed_ = false;
    bool crashed_ = false;  ///< the disk is to fail for good
    bool stopped_ = false;
    bool isOver_ = false;
    int parallelismAfterStop_ = 0;
    std::shared_ptr<SnapshotRequest> stopping_;
    std::vector<std::shared_ptr<SnapshotRequest>> rescales_;
};

MILLRACE_INLINE_COLD TrialReport runTrial(const testing::FaultPlan& plan, const TrialJob& job) {
    return FaultTrial(plan, job).run();
}

}  // namespace millrace::detail

#endif  // MILLRACE_TESTING_FAULT_TRIAL_IPP
