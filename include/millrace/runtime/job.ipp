#include <millrace/core/chrono.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/graph/graph_scale.hpp>
#include <millrace/runtime/job.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD Job::Job(JobGraph graph, Shared<TaskExecutor> executor)
    : graph_(std::move(graph)), segments_(graph_.channelBytes), stateMemory_(graph_.stateBytes, graph_.stateOverflow),
      executor_(std::move(executor)), runsOnCaller_(executor_->runsOnCaller()) {
    if (graph_.supervision != nullptr && graph_.mode != RuntimeExecutionMode::Batch) {
        supervisor_ = graph_.supervision->create(*this);
        supervisor_->prepare(graph_);
    }
    wired_ = wire();
}

MILLRACE_INLINE_COLD Shared<JobTasks> Job::wire(const JobTasks* before, int region) {
    const Shared<JobTasks> made =
        wireJob(graph_, *this, *executor_, accumulators_, segments_, stateMemory_, supervisor_.get(), before, region);
    attempts_.resize(made->regions.size());
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
        if (before != nullptr && static_cast<int>(i) != region) continue;
        const int attempt = attempts_[i]++;
        for (Task& task : made->regions[i]->tasks) task.context().attemptNumber = attempt;
    }
    return made;
}

MILLRACE_INLINE_COLD Job::~Job() = default;

MILLRACE_INLINE_COLD void Job::start() {
    executor_->jobStarted();  // may fail: before the job keeps itself alive
    self_ = Shared<Job>(this);
    startedAt_ = ratesSince_ = executor_->monotonicNow();
    openTasks_.store(wired_->tasks.size());
    status_.store(JobStatus::Running);
    if (supervisor_ != nullptr) supervisor_->start();
    wakeAll();
}

MILLRACE_INLINE_COLD Shared<JobTasks> Job::attempt() const {
    const std::lock_guard lock(mutex_);
    return wired_;
}

MILLRACE_INLINE_COLD void Job::wakeAll() {
    const Shared<JobTasks> wired = attempt();
    for (Task& task : wired->tasks) task.wake();
}

MILLRACE_INLINE_COLD void Job::cancel() {
    {
        const std::lock_guard lock(mutex_);
        const JobStatus status = status_.load();
        if (status == JobStatus::Failing) cancelled_ = true;  // its failure stays, but it does not start again
        if (status != JobStatus::Running && status != JobStatus::Restarting) return;
        failure_ = nullptr;  // of an attempt before
        status_.store(JobStatus::Cancelling);
        aborting_.store(true);
    }
    wakeAll();
    if (supervisor_ != nullptr) supervisor_->stateChanged();
}

MILLRACE_INLINE_COLD void Job::stop(bool drain) {
    auto none = StopRequest::None;
    if (stopRequest_.compare_exchange_strong(none, drain ? StopRequest::Drain : StopRequest::NoDrain)) wakeAll();
}

MILLRACE_INLINE_COLD void Job::fail(std::exception_ptr error) {
    {
        const std::lock_guard lock(mutex_);
        if (status_.load() != JobStatus::Running) {
            std::string also = "something else failed, too";
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& e) {
                also = message("also failed: {}", {describeException(e)});
            } catch (...) {
                // no more can be said
            }
            log(LogLevel::Warning, message("job '{}' is already ending; {}", {graph_.jobName, also}));
            return;
        }
        status_.store(JobStatus::Failing);
        failure_ = std::move(error);
    }
    aborting_.store(true);
    wakeAll();
}

MILLRACE_INLINE_COLD Shared<TaskExecutor> Job::runningOn() const {
    const std::lock_guard lock(mutex_);
    return executor_;
}

/// What the copies of one callback have in common.
class Job::Waker final : public SharedObject {
public:
    Waker(const Job& job, Actor& task) : job_(job), region_(task.keeper()), task_(task) {}

    [[gnu::cold]] void wake() const {
        const Shared<const Job> job = job_.lock();
        const SharedReference region = region_.lock();
        if (!job || !region) return;
        // the executor, too, must outlive the call: what it wakes may end the job, and with it the pool, meanwhile
        const Shared<TaskExecutor> executor = job->runningOn();
        if (executor) task_.wake();
    }

private:
    const Weak<const Job> job_;
    const WeakReference region_;
    Actor& task_;
};

MILLRACE_INLINE_COLD std::function<void()> Job::wakeUp(Actor& task) {
    return [waker = Shared<Waker>(new Waker(*this, task))] { waker->wake(); };
}

MILLRACE_INLINE_COLD void Job::taskFailed(Task& task, std::exception_ptr error) {
    if (supervisor_ != nullptr && !aborting() && attempt()->regions.size() > 1) {
        supervisor_->regionFailed(task, std::move(error));
    } else {
        fail(std::move(error));
    }
}

MILLRACE_INLINE_COLD void Job::taskEnded(Task& task) {
    if (supervisor_ != nullptr) {
        supervisor_->taskEnded(task);  // which will finish the job, or start it again
    } else if (openTasks_.fetch_sub(1) == 1) {
        finish();
    }
}

MILLRACE_INLINE_COLD bool Job::beginRestart() {
    const std::lock_guard lock(mutex_);
    if (status_.load() != JobStatus::Failing || cancelled_) return false;
    status_.store(JobStatus::Restarting);
    return true;
}

MILLRACE_INLINE_COLD bool Job::beginRescale() {
    const std::lock_guard lock(mutex_);
    if (status_.load() != JobStatus::Running) return false;
    status_.store(JobStatus::Restarting);
    return true;
}

MILLRACE_INLINE_COLD void Job::setScale(const GraphScale& scale) {
    keepMetrics();  // by the tasks that are there; from here on nobody looks at them
    const std::lock_guard metricsLock(metricsMutex_);
    scale.applyTo(graph_);
}

MILLRACE_INLINE_COLD bool Job::restart(bool goesOn) {
    {
        const std::lock_guard lock(mutex_);
        if (status_.load() != JobStatus::Restarting) return false;
        aborting_.store(false);
    }
    keepMetrics();
    endAttempt();
    if (!goesOn) accumulators_.clear();
    Shared<JobTasks> wired;
    std::exception_ptr error;
    try {
        wired = wire();
    } catch (...) {
        error = std::current_exception();
    }
    {
        const std::lock_guard metricsLock(metricsMutex_);
        const std::lock_guard lock(mutex_);
        if (status_.load() != JobStatus::Restarting) return false;
        failure_ = error;
        if (error != nullptr) {
            status_.store(JobStatus::Failing);
            return false;
        }
        metricsAtEnd_ = false;
        lacksRegion_ = false;
        rateBase_.clear();
        wired_.swap(wired);
        status_.store(JobStatus::Running);
    }
    wakeAll();
    return true;
}

MILLRACE_INLINE_COLD void Job::restartRegion(int region) {
    RegionTasks& old = *wired_->regions[static_cast<std::size_t>(region)];
    {
        const std::lock_guard metricsLock(metricsMutex_);
        lacksRegion_ = true;
        for (Task& task : old.tasks) {
            for (StageSlot& slot : task.stages()) slot.countersAtEnd = slot.stage->metrics.read();
            task.stages().front().queueFillAtEnd = 0;
            task.release();
        }
        old.channels.clear();
        old.shared.clear();
    }
    accumulators_.clearPart(static_cast<std::size_t>(region));
    Shared<JobTasks> wired;
    try {
        wired = wire(wired_.get(), region);
    } catch (...) {
        return fail(std::current_exception());
    }
    const Shared<RegionTasks> made = wired->regions[static_cast<std::size_t>(region)];
    {
        const std::lock_guard metricsLock(metricsMutex_);
        const std::lock_guard lock(mutex_);
        wired_.swap(wired);
        lacksRegion_ = false;
        rateBase_.clear();
        ratesSince_ = executor_->monotonicNow();
    }
    // if the job is ending meanwhile they see it, and end
    for (Task& task : made->tasks) task.wake();
}

MILLRACE_INLINE_COLD void Job::failRestart(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (status_.load() != JobStatus::Restarting) return;  // cancelled
    failure_ = std::move(error);
    status_.store(JobStatus::Failing);
}

MILLRACE_INLINE_COLD void Job::endStopped() {
    {
        const std::lock_guard lock(mutex_);
        if (status_.load() != JobStatus::Running) return;
        aborting_.store(true);
    }
    wakeAll();
}

MILLRACE_INLINE_COLD void Job::endAttempt() {
    for (const auto& region : wired_->regions) {
        for (Task& task : region->tasks) task.release();
        region->channels.clear();
        region->shared.clear();
    }
}

MILLRACE_INLINE_COLD void Job::finish() {
    const Shared<Job> self = std::move(self_);  // until the end of this function
    keepMetrics();
    endAttempt();
    // prototypes of sources and sinks may hold what somebody waits for: the other ends of host channels
    for (GraphNode& node : graph_.nodes) {
        node.factory = nullptr;
        node.inputs.clear();
    }
    segments_.endJob();
    const Duration runTime = executor_->monotonicNow() - startedAt_;
    executor_->jobEnded();
    // before the end is announced: a thread of the pool must not be the last to hold the pool, it would have to join itself
    Shared<TaskExecutor> executor;
    {
        const std::lock_guard lock(mutex_);
        executor.swap(executor_);
    }
    executor = nullptr;
    const std::lock_guard lock(mutex_);
    runTime_ = runTime;
    status_.store(failure_ != nullptr                       ? JobStatus::Failed
                  : status_.load() == JobStatus::Cancelling ? JobStatus::Canceled
                                                            : JobStatus::Finished);
    changed_.notify_all();
}

MILLRACE_INLINE_COLD bool Job::waitUntilEnded(Duration timeout) {
    std::unique_lock lock(mutex_);
    const auto isOver = [this] { return ended(); };
    // the largest durations would overflow the clock
    constexpr Duration kYear{std::int64_t{365 * 24 * 3600} * 1'000'000'000};
    if (timeout < kYear) return changed_.wait_for(lock, timeout, isOver);
    changed_.wait(lock, isOver);
    return true;
}

MILLRACE_INLINE_COLD std::exception_ptr Job::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

MILLRACE_INLINE_COLD Duration Job::runTime(Duration monotonicNow) const {
    const std::lock_guard lock(mutex_);
    return runTime_ < Duration{0} ? monotonicNow - startedAt_ : runTime_;
}

MILLRACE_INLINE_COLD void Job::keepMetrics() {
    const std::lock_guard lock(metricsMutex_);
    if (metricsAtEnd_) return;  // the stages are gone: the attempt that was to follow could not be wired
    for (Task& task : wired_->tasks) {
        if (task.stages().front().stage == nullptr) continue;  // of a region that could not be made anew
        for (StageSlot& slot : task.stages()) slot.countersAtEnd = slot.stage->metrics.read();
        task.stages().front().queueFillAtEnd = task.inputFill();
    }
    metricsAtEnd_ = true;
}

MILLRACE_INLINE_COLD void Job::addMetrics(OwnerList<OperatorMetrics>& rows) const {
    for (const Task& task : wired_->tasks) {
        for (const StageSlot& slot : task.stages()) {
            const bool isGone = metricsAtEnd_ || slot.stage == nullptr;
            const StageCounters counters = isGone ? slot.countersAtEnd : slot.stage->metrics.read();
            OperatorMetrics& row = rows.add(new OperatorMetrics);
            row.nodeId = slot.node->id;
            row.name = operatorNames(*slot.node);
            if (!slot.node->operators.empty()) row.uid = slot.node->operators.back().uid;
            row.subtask = slot.subtask;
            row.parallelism = slot.parallelism;
            row.recordsIn = counters.recordsIn;
            row.recordsOut = counters.recordsOut;
            row.lateRecordsDropped = counters.lateRecordsDropped;
            row.recordsSkipped = counters.recordsSkipped;
            row.deadLetters = counters.deadLetters;
            row.stateBytes = counters.stateBytes;
            row.stateEntries = counters.stateEntries;
            row.watermark = counters.watermark;
            row.idle = counters.idle;
            row.queueFill = slot.queueFillAtEnd;
            if (!isGone && &slot == &task.stages().front()) row.queueFill = task.inputFill();
        }
    }
}

MILLRACE_INLINE_COLD void Job::readMetrics(Duration monotonicNow, OwnerList<OperatorMetrics>& rows) {
    const std::lock_guard lock(metricsMutex_);
    addMetrics(rows);
    // after the end the rates are the averages of the whole run
    const bool over = metricsAtEnd_;
    if (over || rateBase_.empty()) rateBase_ = List<RateBase>(rows.size());
    const Duration span = over ? runTime(monotonicNow) : monotonicNow - ratesSince_;
    const double seconds = static_cast<double>(span.count()) / 1e9;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (seconds > 0) {
            rows[i].recordsInPerSecond = static_cast<double>(rows[i].recordsIn - rateBase_[i].in) / seconds;
            rows[i].recordsOutPerSecond = static_cast<double>(rows[i].recordsOut - rateBase_[i].out) / seconds;
        }
        if (!over) rateBase_[i] = {rows[i].recordsIn, rows[i].recordsOut};
    }
    ratesSince_ = monotonicNow;
}

MILLRACE_INLINE_COLD std::string Job::describeOpenTasks() const {
    std::string text;
    const Shared<JobTasks> wired = attempt();
    for (const Task& task : wired->tasks) {
        if (!task.ended()) text += message("{}{}", {text.empty() ? "" : "; ", task.describe()});
    }
    return text;
}

MILLRACE_INLINE_COLD void Job::reportLongCalls(Duration monotonicNow) {
    const Shared<JobTasks> wired = attempt();
    for (Task& task : wired->tasks) {
        const Duration since = task.runningSince();
        if (since == Duration{0} || since == task.reportedCall || monotonicNow - since < std::chrono::seconds(1))
            continue;
        task.reportedCall = since;
        log(LogLevel::Warning,
            message("job '{}': {} has held its thread for more than a second; other operators wait for it. Split the "
                    "work into smaller calls, or move what blocks out of the operator",
                    {graph_.jobName, task.describe()}));
    }
}

}  // namespace millrace::detail
