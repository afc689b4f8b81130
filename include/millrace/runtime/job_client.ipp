#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/snapshot_request.hpp>

#include <exception>
#include <utility>

namespace millrace {

MILLRACE_INLINE_COLD JobClient::JobClient(detail::Shared<detail::Job> job,
                                          detail::Shared<detail::TaskExecutor> executor)
    : executor_(std::move(executor)), job_(std::move(job)) {}

MILLRACE_INLINE_COLD JobClient::~JobClient() {
    if (isDone() || status() == JobStatus::Created) return;
    job_->cancel();
    if (!detail::Actor::insideActor()) executor_->waitFor(*job_, detail::kForever);
}

MILLRACE_INLINE_COLD const std::string& JobClient::jobName() const noexcept {
    return job_->graph().jobName;
}
MILLRACE_INLINE_COLD JobStatus JobClient::status() const noexcept {
    return job_->status();
}
MILLRACE_INLINE_COLD void JobClient::cancel() {
    job_->cancel();
}
MILLRACE_INLINE_COLD void JobClient::stop(bool drain) {
    if (!drain && job_->supervisor() != nullptr) {
        request("stop(false)", CheckpointKind::Checkpoint, {}, true);
    } else {
        job_->stop(drain);
    }
}

MILLRACE_INLINE_COLD detail::JobSupervisor& JobClient::supervisor(const char* call) const {
    if (job_->supervisor() != nullptr) return *job_->supervisor();
    detail::raise<ConfigurationException>(
        "{}: job '{}' takes no checkpoints; call env.enableCheckpointing(CheckpointConfig{…}) before execute",
        {call, jobName()});
}

MILLRACE_INLINE_COLD CheckpointInfo JobClient::await(std::shared_ptr<detail::SnapshotRequest> request) {
    std::unique_lock lock(request->mutex);
    while (!request->done) {
        lock.unlock();
        const bool ran = executor_->step();
        lock.lock();
        if (request->done || ran) continue;
        if (!executor_->runsOnCaller()) {
            request->changed.wait(lock);
        } else {
            request->changed.wait_for(lock, std::chrono::milliseconds(1));  // its timers go by the clock
        }
    }
    if (request->error != nullptr) std::rethrow_exception(request->error);
    return request->info;
}

/// Asks for a checkpoint or savepoint; `await` waits for it.
MILLRACE_INLINE_COLD std::shared_ptr<detail::SnapshotRequest> JobClient::request(const char* call, CheckpointKind kind,
                                                                                 std::string directory, bool stop,
                                                                                 bool drain) {
    detail::JobSupervisor& supervisor = this->supervisor(call);
    std::shared_ptr<detail::SnapshotRequest> request(new detail::SnapshotRequest);
    request->kind = kind;
    request->target = std::move(directory);
    request->stop = stop;
    request->drain = drain;
    supervisor.request(request);
    return request;
}

MILLRACE_INLINE_COLD CheckpointInfo JobClient::triggerCheckpoint() {
    return await(request("triggerCheckpoint()", CheckpointKind::Checkpoint));
}

MILLRACE_INLINE_COLD CheckpointInfo JobClient::triggerSavepoint(std::string directory) {
    return await(request("triggerSavepoint(directory)", CheckpointKind::Savepoint, std::move(directory)));
}

MILLRACE_INLINE_COLD CheckpointInfo JobClient::stopWithSavepoint(std::string directory, bool drain) {
    return await(request("stopWithSavepoint(directory)", CheckpointKind::Savepoint, std::move(directory), true, drain));
}

MILLRACE_INLINE_COLD void JobClient::rescale(std::string uid, int parallelism) {
    detail::JobSupervisor& supervisor = this->supervisor("rescale(uid, parallelism)");
    if (uid.empty()) throw ConfigurationException("rescale: the uid must not be empty; give the operator a uid(…)");
    std::shared_ptr<detail::SnapshotRequest> request(new detail::SnapshotRequest);
    request->stop = true;
    request->uid = std::move(uid);
    request->parallelism = parallelism;
    supervisor.request(request);
    await(std::move(request));
}

MILLRACE_INLINE_COLD std::vector<CheckpointStatistics> JobClient::checkpoints() const {
    if (job_->supervisor() == nullptr) return {};
    return job_->supervisor()->statistics();
}
MILLRACE_INLINE_COLD bool JobClient::waitFor(Duration timeout) {
    return executor_->waitFor(*job_, std::min(timeout, detail::kForever - Duration{1}));
}
MILLRACE_INLINE_COLD bool JobClient::step() {
    return executor_->step();
}

MILLRACE_INLINE_COLD std::size_t JobClient::runFor(std::size_t steps) {
    std::size_t done = 0;
    while (done < steps && executor_->step()) ++done;
    return done;
}

MILLRACE_INLINE_COLD JobExecutionResult JobClient::result() {
    executor_->waitFor(*job_, detail::kForever);
    if (status() == JobStatus::Canceled) {
        detail::raise<JobCancelledException>("job '{}' was cancelled", {jobName()});
    }
    if (const std::exception_ptr failure = job_->failure(); failure != nullptr) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            detail::raise<detail::Caused<JobExecutionException>>("job '{}' failed: {}",
                                                                 {jobName(), describeException(error)});
        }
    }
    return {jobName(), status(), job_->runTime(executor_->monotonicNow()), accumulators(), traceHash()};
}

MILLRACE_INLINE_COLD AccumulatorValues JobClient::accumulators() const {
    return job_->accumulators().values();
}
MILLRACE_INLINE_COLD void JobClient::readMetrics(detail::OwnerList<OperatorMetrics>& rows) const {
    job_->readMetrics(executor_->monotonicNow(), rows);
}
MILLRACE_INLINE_COLD std::size_t JobClient::channelBytes() const noexcept {
    return job_->segments().liveBytes();
}
MILLRACE_INLINE_COLD std::size_t JobClient::peakChannelBytes() const noexcept {
    return job_->segments().peakBytes();
}
MILLRACE_INLINE_COLD std::size_t JobClient::stateBytes() const noexcept {
    return job_->stateMemory().used();
}
MILLRACE_INLINE_COLD std::uint64_t JobClient::traceHash() const {
    return executor_->traceHash();
}

namespace detail {

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> startJob(JobGraph graph, const Shared<TaskExecutor>& executor) {
    const Shared<Job> job(new Job(std::move(graph), executor));
    executor->watch(*job);  // may fail: before anything waits for the job's end
    std::shared_ptr<JobClient> client(new JobClient(job, executor));
    job->start();
    return client;
}

}  // namespace detail

}  // namespace millrace
