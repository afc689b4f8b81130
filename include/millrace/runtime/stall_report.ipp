#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/message.hpp>
#include <millrace/operators/split_board.hpp>
#include <millrace/runtime/job.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/stall_report.hpp>
#include <millrace/types/describe.hpp>

#include <cstddef>
#include <utility>

namespace millrace {

MILLRACE_INLINE_COLD std::string_view toString(StallCause cause) noexcept {
    constexpr std::string_view kNames[] = {"NoWatermarkStrategy", "NoRecordYet",   "NoWatermarkEmitted", "QuietInput",
                                           "SlowestInput",        "AllInputsIdle", "PausedByAlignment",  "BlockedSink",
                                           "FullChannel",         "LongCall",      "NotScheduled"};
    return kNames[static_cast<std::size_t>(cause)];
}

MILLRACE_INLINE_COLD std::string StallReport::toString() const {
    std::string all = detail::message("job '{}' is {}\n", {jobName, millrace::toString(status)});
    for (const StallWaiting& each : waiting) {
        all += detail::message("event time at '{}' (subtask {} of {}): {}\n",
                               {each.name, each.subtask, each.parallelism, detail::describeTime(each.watermark)});
    }
    std::size_t number = 0;
    for (const StallFinding& each : findings) {
        all += detail::message("{}. {}: {}\n", {++number, millrace::toString(each.cause), each.text});
    }
    if (findings.empty() && status == JobStatus::Running) all += "nothing holds event time back at present\n";
    for (const std::string& each : idleInputs) all += detail::message("idle, does not count: {}\n", {each});
    return all;
}

namespace detail {

/// Walks from the operators that need event time up to whoever holds it back, and from there down to what blocks it.
/// All that it reads is atomic, or does not change while the job runs.
class StallExplainer {
public:
    StallExplainer(const JobGraph& graph, const JobTasks& tasks, const JobSegmentPool& segments, bool steps,
                   Duration monotonicNow, StallReport& report)
        : graph_(graph), tasks_(tasks), segments_(segments), steps_(steps), now_(monotonicNow), report_(report) {}

    void explain();

private:
    static constexpr Duration kLongCall = std::chrono::seconds(1);
    static constexpr std::size_t kMostFindings = 16;

    /// A stage of a subtask with its counters at one moment.
    struct View {
        const StageSlot* slot = nullptr;
        StageCounters counters;
        bool visited = false;
        const GraphNode& node() const { return *slot->node; }
        const Task& task() const { return *slot->task; }
        bool generates() const { return node().isSource || node().emitsWatermarks; }
        std::uint64_t records() const { return node().isSource ? counters.recordsOut : counters.recordsIn; }
    };
    struct Split {
        std::string id;
        std::uint64_t records = 0;
        Timestamp watermark = kMinTimestamp;
        bool paused = false;
        std::size_t open = 0;  ///< how many the source reads side by side
    };

    View& view(int node, int subtask) {
        return views_[first_[static_cast<std::size_t>(node)] + static_cast<std::size_t>(subtask)];
    }
    View& viewOf(const StageSlot& slot) { return view(slot.node->id, slot.subtask); }
    template <class Fn>
    void forEachUpstream(const View& view, Fn fn);
    static std::string place(const View& view, const std::string& split = {});
    static Split slowestSplit(const View& view);

    void explain(const GraphNode& node);
    void trace(View& view);
    void explainOrigin(View& view);
    bool explainUpstream(View& view);
    bool explainPause(View& view);
    bool explainHeld(const View& victim, const Task& task);
    bool explainFullChannels(const View& victim, const Task& task);
    bool someCallIsLong() const;
    void add(StallCause cause, const View& view, std::string text, Duration since = Duration{0},
             const Split* split = nullptr);

    const JobGraph& graph_;
    const JobTasks& tasks_;
    const JobSegmentPool& segments_;
    const bool steps_;  ///< tasks run on the caller's thread only
    const Duration now_;
    StallReport& report_;
    std::vector<View> views_;
    std::vector<std::size_t> first_;  ///< of each node, in views_
    PointerList<const Task> seenTasks_;
};

MILLRACE_INLINE_COLD void StallExplainer::explain() {
    std::size_t count = 0;
    for (const GraphNode& node : graph_.nodes) {
        first_.push_back(count);
        count += static_cast<std::size_t>(node.parallelism);
    }
    views_.resize(count);
    for (const Task& task : tasks_.tasks) {
        for (const StageSlot& slot : task.stages()) {
            View& view = viewOf(slot);
            view.slot = &slot;
            view.counters = slot.stage->metrics.read();
            if (view.generates() && view.counters.idle && !task.ended()) report_.idleInputs.push_back(place(view));
        }
    }
    const auto explainThose = [&](bool GraphNode::*property) {
        for (const GraphNode& node : graph_.nodes) {
            if (node.*property) explain(node);
        }
    };
    explainThose(&GraphNode::needsWatermarks);
    if (report_.waiting.empty()) explainThose(&GraphNode::isStateful);
    if (report_.waiting.empty()) explainThose(&GraphNode::isSink);
}

MILLRACE_INLINE_COLD void StallExplainer::explain(const GraphNode& node) {
    View* behind = nullptr;
    for (int subtask = 0; subtask < node.parallelism; ++subtask) {
        View& each = view(node.id, subtask);
        if (each.task().ended()) continue;
        if (behind == nullptr || each.counters.watermark < behind->counters.watermark) behind = &each;
    }
    if (behind == nullptr) return;
    report_.waiting.push_back({operatorNames(node), node.operators.empty() ? "" : node.operators.back().uid,
                               behind->slot->subtask, node.parallelism, behind->counters.watermark});
    trace(*behind);
}

template <class Fn>
void StallExplainer::forEachUpstream(const View& view, Fn fn) {
    for (const GraphEdge& edge : view.node().inputs) {
        const int producers = graph_.nodes[static_cast<std::size_t>(edge.from)].parallelism;
        const int consumers = view.node().parallelism;
        for (int producer = 0; producer < producers; ++producer) {
            bool reaches = true;
            if (edge.exchange == ExchangeKind::Forward && producers == consumers) {
                reaches = producer == view.slot->subtask;
            } else if (edge.exchange == ExchangeKind::Rescale) {
                const auto [from, to] = rescaleTargets(producer, producers, consumers);
                reaches = from <= view.slot->subtask && view.slot->subtask < to;
            }
            if (reaches) fn(this->view(edge.from, producer));
        }
    }
}

MILLRACE_INLINE_COLD std::string StallExplainer::place(const View& view, const std::string& split) {
    std::string text =
        message("'{}' (subtask {} of {})", {operatorNames(view.node()), view.slot->subtask, view.node().parallelism});
    if (!split.empty()) text += message(", split '{}',", {split});
    return text;
}

/// Of the splits that a source reads, the one that is behind; those that are idle do not count.
MILLRACE_INLINE_COLD StallExplainer::Split StallExplainer::slowestSplit(const View& view) {
    Split slowest;
    const SplitBoard* const board = view.slot->stage->splits();
    if (board == nullptr) return slowest;
    bool found = false;
    board->visit([&](const SplitBoard::Entry& entry) {
        ++slowest.open;
        const Timestamp watermark{Duration{entry.watermark.load(std::memory_order_relaxed)}};
        if (entry.idle.load(std::memory_order_relaxed) || (found && watermark >= slowest.watermark)) return;
        found = true;
        slowest.id = entry.id;
        slowest.watermark = watermark;
        slowest.records = entry.records.load(std::memory_order_relaxed);
        slowest.paused = entry.paused.load(std::memory_order_relaxed);
    });
    if (slowest.open == 1 && slowest.id.starts_with('#'))
        slowest.id.clear();  // without a name, the only one needs none
    return slowest;
}

MILLRACE_INLINE_COLD void StallExplainer::add(StallCause cause, const View& view, std::string text, Duration since,
                                              const Split* split) {
    const auto& operators = view.node().operators;
    StallFinding finding{cause,
                         operatorNames(view.node()),
                         operators.empty() ? "" : operators.back().uid,
                         view.slot->subtask,
                         view.node().parallelism,
                         split != nullptr ? split->id : "",
                         view.counters.watermark,
                         since,
                         view.records(),
                         std::move(text)};
    if (split != nullptr && split->open > 1) {
        finding.watermark = split->watermark;
        finding.records = split->records;
    }
    for (const StallFinding& each : report_.findings) {
        if (each.text == finding.text) return;
    }
    if (report_.findings.size() < kMostFindings) report_.findings.push_back(std::move(finding));
}

/// Event time at `view` is that of its smallest active input.
MILLRACE_INLINE_COLD void StallExplainer::trace(View& view) {
    if (std::exchange(view.visited, true)) return;
    if (view.generates()) return explainOrigin(view);
    Timestamp smallest = kMaxTimestamp;
    bool anyOpen = false;
    bool anyActive = false;
    forEachUpstream(view, [&](const View& each) {
        if (each.task().ended()) return;
        anyOpen = true;
        if (each.counters.idle) return;
        anyActive = true;
        smallest = std::min(smallest, each.counters.watermark);
    });
    const bool onItsWay = !anyActive || smallest > view.counters.watermark;
    if (onItsWay && explainHeld(view, view.task())) return;
    if (anyOpen && !anyActive) {
        add(StallCause::AllInputsIdle, view,
            message("all inputs of {} are idle; event time goes on with the next record of any of them",
                    {place(view)}));
        return;
    }
    forEachUpstream(view, [&](View& each) {
        if (each.task().ended() || each.counters.idle || each.counters.watermark > smallest) return;
        trace(each);
    });
}

/// `view` makes the watermarks: why none comes from there.
MILLRACE_INLINE_COLD void StallExplainer::explainOrigin(View& view) {
    if (explainHeld(view, view.task()) || explainPause(view) || explainUpstream(view)) return;
    const Split split = slowestSplit(view);
    const bool ofSplit = split.open > 1;
    const Timestamp watermark = ofSplit ? split.watermark : view.counters.watermark;
    const std::uint64_t records = ofSplit ? split.records : view.records();
    const std::string where = place(view, split.id);
    const bool waits = view.task().waitsFor() == TaskWait::Input && view.task().runningSince() == Duration{0};
    const Duration since = waits ? now_ - view.task().waitsSince() : Duration{0};
    const char* const idleness = ".withIdleness(1min) on its strategy makes it not count while it is quiet.";
    if (!view.node().emitsWatermarks) {
        add(StallCause::NoWatermarkStrategy, view,
            message(
                "{} makes no watermarks: its strategy is WatermarkStrategy::noWatermarks(), and nothing behind it "
                "makes any. Give fromSource a strategy that does, or put assignTimestampsAndWatermarks(…) behind it.",
                {where}),
            since, &split);
    } else if (records == 0) {
        add(StallCause::NoRecordYet, view,
            message("{} has had no record yet, so it has no watermark, and the smallest of all inputs counts. It needs "
                    "a record; {}",
                    {where, idleness}),
            since, &split);
    } else if (watermark == kMinTimestamp) {
        add(StallCause::NoWatermarkEmitted, view,
            message("{} has had {} records, but its watermark generator has emitted nothing. See that the records have "
                    "timestamps, that the ones which a punctuated generator waits for do come, and that onEvent or "
                    "onPeriodicEmit calls output.emitWatermark(t).",
                    {where, records}),
            since, &split);
    } else if (waits) {
        add(StallCause::QuietInput, view,
            message(
                "{} has had nothing to read for {}; it has got to {}, the smallest of all inputs. It needs records; {}",
                {where, describeDuration(since), describeTime(watermark), idleness}),
            since, &split);
    } else {
        Timestamp fastest = watermark;
        for (const View& each : views_) {
            if (each.generates() && each.counters.watermark != kMaxTimestamp) {
                fastest = std::max(fastest, each.counters.watermark);
            }
        }
        add(StallCause::SlowestInput, view,
            message(
                "{} is the slowest input: records come, but have only got to {}, {} behind the furthest one. It may be "
                "catching up; if it is not, look at the unit of its timestamps and at the bound of its strategy.",
                {where, describeTime(watermark), describeDuration(fastest - watermark)}),
            Duration{0}, &split);
    }
}

/// A generator in the middle of a pipeline gets no records when its sources are held up.
MILLRACE_INLINE_COLD bool StallExplainer::explainUpstream(View& view) {
    bool found = false;
    forEachUpstream(view, [&](View& each) {
        if (each.task().ended()) return;
        if (&each.task() != &view.task() && explainHeld(each, each.task())) {
            found = true;
        } else if (explainPause(each) || explainUpstream(each)) {
            found = true;
        }
    });
    return found;
}

MILLRACE_INLINE_COLD bool StallExplainer::explainPause(View& view) {
    const Task& task = view.task();
    const SourceAlignment* const alignment = task.alignment();
    if (alignment == nullptr || task.waitsFor() != TaskWait::Alignment || task.runningSince() != Duration{0})
        return false;
    const auto [member, watermark] = alignment->slowest();
    if (member >= alignment->members()) return false;
    View* slowest = nullptr;
    for (const Task& each : tasks_.tasks) {
        if (&alignment->actorOf(member) == &each) slowest = &viewOf(each.stages().front());
    }
    if (slowest == nullptr || slowest == &view) return false;
    const std::string of =
        alignment->group().empty()
            ? std::string(
                  "among the sources that reach the same stateful operator (setSourceAlignment(false) lets them "
                  "run apart)")
            : message("in the alignment group '{}'", {alignment->group()});
    add(StallCause::PausedByAlignment, view,
        message("{} pauses at {} until {}, now at {}, has come nearer: it is the slowest {}. Look at that one; if it "
                "is quiet, .withIdleness(1min) on its strategy frees the others.",
                {place(view), describeTime(view.counters.watermark), place(*slowest), describeTime(watermark), of}),
        now_ - task.waitsSince());
    if (!std::exchange(slowest->visited, true)) explainOrigin(*slowest);
    return true;
}

/// Whether the task, or something behind it, keeps it from going on. `victim` is who suffers.
MILLRACE_INLINE_COLD bool StallExplainer::explainHeld(const View& victim, const Task& task) {
    const View& first = viewOf(task.stages().front());
    if (const Duration since = task.runningSince(); since != Duration{0}) {
        if (now_ - since < kLongCall) return false;
        add(StallCause::LongCall, first,
            message("{}{} has held its thread for {}: a function of it does not return. Split the work into smaller "
                    "calls, or move what blocks out of the operator.",
                    {place(first), task.stages().size() > 1 ? " or an operator that it calls directly" : "",
                     describeDuration(now_ - since)}),
            now_ - since);
        return true;
    }
    if (task.isDue()) {
        if (!steps_ && !someCallIsLong()) return false;  // its turn comes soon
        add(StallCause::NotScheduled, first,
            message("{} could go on, but no thread runs it: {}",
                    {place(first),
                     steps_ ? "its runtime runs tasks only on the caller's thread. Call step(), runFor(n) or result()."
                            : "other operators hold the threads of the pool. Give the runtime more threads, or split "
                              "their work into smaller calls."}));
        return true;
    }
    const Duration since = now_ - task.waitsSince();
    if (task.waitsFor() == TaskWait::Sink) {
        const View* sink = &first;
        for (const StageSlot& slot : task.stages()) {
            if (slot.node->isSink) sink = &viewOf(slot);
        }
        add(StallCause::BlockedSink, *sink,
            message("the sink {} has taken nothing for {}, because what it writes to is full; {} waits for it. Read "
                    "what it writes to (a Channel needs a reader), or make that larger.",
                    {place(*sink), describeDuration(since), place(victim)}),
            since);
        return true;
    }
    return task.waitsFor() == TaskWait::Room && explainFullChannels(victim, task);
}

MILLRACE_INLINE_COLD bool StallExplainer::explainFullChannels(const View& victim, const Task& task) {
    for (const Task& each : seenTasks_) {
        if (&each == &task) return true;
    }
    seenTasks_.add(task);
    const bool noMemory = segments_.exhausted();
    bool found = false;
    for (const Task& consumer : tasks_.tasks) {
        for (const Task::InputChannel& input : consumer.channels()) {
            const Channel& channel = input.channel;
            if (&channel.producer() != &task || channel.size() == 0) continue;
            if (channel.size() <= channel.capacity() / 2 && !noMemory) continue;  // then its producer is woken
            found = true;
            if (explainHeld(victim, consumer)) continue;
            const View& slow = viewOf(consumer.stages().front());
            add(StallCause::FullChannel, slow,
                message("the channel to {} is full{}: it takes records more slowly than {} and others send them. Give "
                        "it more parallelism, or find out what it is busy with{}",
                        {place(slow), noMemory ? ", as the memory for channels is used up" : "", place(victim),
                         noMemory ? "; setChannelMemory(bytes) gives all channels more room." : "."}));
        }
    }
    return found;
}

MILLRACE_INLINE_COLD bool StallExplainer::someCallIsLong() const {
    for (const Task& task : tasks_.tasks) {
        const Duration since = task.runningSince();
        if (since != Duration{0} && now_ - since >= kLongCall) return true;
    }
    return false;
}

MILLRACE_INLINE_COLD void Job::explainStall(Duration monotonicNow, StallReport& report) {
    report.jobName = graph_.jobName;
    const std::lock_guard lock(metricsMutex_);  // the tasks stay until it is given back
    report.status = status();
    if (metricsAtEnd_ || lacksRegion_) return;
    const Shared<JobTasks> wired = attempt();
    StallExplainer(graph_, *wired, segments_, runsOnCaller_, monotonicNow, report).explain();
}

}  // namespace detail

MILLRACE_INLINE_COLD void JobClient::explain(StallReport& report) const {
    job_->explainStall(executor_->monotonicNow(), report);
}

}  // namespace millrace
