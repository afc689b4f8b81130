#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/runtime/job_wiring.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace millrace::detail {

inline constexpr Duration kLeastAlignmentDrift = std::chrono::seconds(1);

/// Builds the tasks of one job, node by node in the order of the graph.
class JobWiring {
public:
    JobWiring(const JobGraph& graph, JobControl& job, TaskExecutor& executor, Accumulators& accumulators,
              JobSegmentPool& segments, StateMemoryBudget& stateMemory, JobSupervisor* supervisor,
              const JobTasks* before, int region)
        : graph_(graph), job_(job), executor_(executor), accumulators_(accumulators), segments_(segments),
          stateMemory_(stateMemory), supervisor_(supervisor), before_(before), region_(region),
          regions_(supervisor != nullptr ? supervisor->regions(graph) : List<int>(graph.nodes.size())) {}
    [[gnu::cold]] ~JobWiring() = default;

    Shared<JobTasks> wire();

private:
    const GraphNode& node(int id) const { return graph_.nodes[static_cast<std::size_t>(id)]; }
    StageSlot& slotOf(const GraphNode& node, int subtask) const;
    int regionOf(const GraphNode& node) const { return regions_[static_cast<std::size_t>(node.id)]; }
    /// Whether the node gets new tasks.
    bool isMade(const GraphNode& node) const { return before_ == nullptr || regionOf(node) == region_; }
    RegionTasks& region(const GraphNode& node) const {
        return *tasks_->regions[static_cast<std::size_t>(regionOf(node))];
    }

    void check(const GraphNode& node) const;
    bool isBatch() const noexcept { return graph_.mode == RuntimeExecutionMode::Batch; }
    ExchangeKind resolve(const GraphEdge& edge, const GraphNode& consumer) const;
    bool isCalledDirectly(const GraphNode& consumer) const;
    void makeStages(const GraphNode& node);
    void keepStages(const GraphNode& node);
    Task& newTask(const GraphNode& node, int subtask);
    void connect(const GraphEdge& edge, const GraphNode& consumer);
    void connectByChannels(const GraphEdge& edge, ExchangeKind exchange, int producer, const GraphNode& consumer);
    std::uint64_t seedOf(int nodeId, int subtask, int consumerId) const;
    void alignSources();
    void alignGroups();

    const JobGraph& graph_;
    JobControl& job_;
    TaskExecutor& executor_;
    Accumulators& accumulators_;
    JobSegmentPool& segments_;
    StateMemoryBudget& stateMemory_;
    JobSupervisor* supervisor_;
    const JobTasks* before_;
    const int region_;
    const List<int> regions_;  ///< by node
    List<StageSlot*> slots_;   ///< by node, then by subtask; null: not made anew
    Shared<JobTasks> tasks_{new JobTasks};
};

MILLRACE_INLINE_COLD Shared<JobTasks> JobWiring::wire() {
    if (graph_.nodes.empty()) raise<GraphException>("the job '{}' has no operators", {graph_.jobName});
    for (const GraphNode& node : graph_.nodes) check(node);
    for (const GraphNode& node : graph_.nodes) {
        const auto number = static_cast<std::size_t>(regionOf(node));
        if (number == tasks_->regions.size()) {
            tasks_->regions.push_back(isMade(node) ? Shared<RegionTasks>(new RegionTasks) : before_->regions[number]);
        }
        isMade(node) ? makeStages(node) : keepStages(node);
    }
    for (const GraphNode& node : graph_.nodes) {
        if (!isMade(node)) continue;
        for (const GraphEdge& edge : node.inputs) connect(edge, node);
    }
    for (std::size_t i = 0; i < tasks_->regions.size(); ++i) {
        if (before_ != nullptr && static_cast<int>(i) != region_) continue;
        for (Task& task : tasks_->regions[i]->tasks) task.finishWiring();
    }
    if (graph_.alignSources && !isBatch()) alignSources();
    if (!isBatch()) alignGroups();
    if (supervisor_ != nullptr) supervisor_->attach(*tasks_, before_ != nullptr ? region_ : -1);
    return std::move(tasks_);
}

MILLRACE_INLINE_COLD StageSlot& JobWiring::slotOf(const GraphNode& node, int subtask) const {
    int index = subtask;
    for (int before = 0; before < node.id; ++before) index += this->node(before).parallelism;
    return *slots_[static_cast<std::size_t>(index)];
}

MILLRACE_INLINE_COLD void JobWiring::check(const GraphNode& node) const {
    const std::string name = operatorNames(node);
    if (const int parallelism = node.parallelism; parallelism < 1 || parallelism > graph_.maxParallelism) {
        const std::string found = parallelism != 0 ? message("{}", {parallelism}) : "not resolved";
        raise<ConfigurationException>(
            "the parallelism of '{}' is {}; it must be between 1 and the maximum parallelism, which is {}",
            {name, found, graph_.maxParallelism});
    }
    if (node.isSource != node.inputs.empty()) {
        raise<GraphException>(
            "'{}{}", {name, node.isSource ? "' is a source, but has an input" : "' has no input and is not a source"});
    }
    for (const GraphEdge& edge : node.inputs) {
        if (edge.from < 0 || edge.from >= node.id) {
            raise<GraphException>("an input of '{}' does not come from a node before it", {name});
        }
    }
}

MILLRACE_INLINE_COLD ExchangeKind JobWiring::resolve(const GraphEdge& edge, const GraphNode& consumer) const {
    const GraphNode& producer = node(edge.from);
    if (edge.exchange != ExchangeKind::Forward || producer.parallelism == consumer.parallelism) return edge.exchange;
    if (!edge.exchangeGiven) return ExchangeKind::Rebalance;
    raise<GraphException>(
        "forward() between '{}' (parallelism {}) and '{}' (parallelism {}) needs equal parallelism; set it, or use "
        "rebalance() or rescale()",
        {operatorNames(producer), producer.parallelism, operatorNames(consumer), consumer.parallelism});
}

MILLRACE_INLINE_COLD bool JobWiring::isCalledDirectly(const GraphNode& consumer) const {
    if (consumer.inputs.size() != 1 || consumer.startsChain || !consumer.chainable) return false;
    const GraphEdge& edge = consumer.inputs.front();
    if (!node(edge.from).chainable || node(edge.from).parallelism != consumer.parallelism) return false;
    return consumer.parallelism == 1 || resolve(edge, consumer) == ExchangeKind::Forward;
}

/// The input that batch execution reads before the others: a broadcast beside inputs without a key (those with one are sorted,
/// and wait for the rest of themselves). -1 if there is none.
inline int broadcastInputOf(const GraphNode& node) noexcept {
    int found = -1;
    bool others = false;
    for (const GraphEdge& edge : node.inputs) {
        if (edge.exchange == ExchangeKind::Hash) return -1;
        if (edge.exchange == ExchangeKind::Broadcast) {
            found = edge.input;
        } else {
            others = true;
        }
    }
    return others ? found : -1;
}

MILLRACE_INLINE_COLD void JobWiring::makeStages(const GraphNode& node) {
    if (node.factory == nullptr) raise<GraphException>("'{}' has no stage factory", {operatorNames(node)});
    const Shared<SharedState> shared =
        node.factory->createShared(node.parallelism, supervisor_ != nullptr ? supervisor_->restoredShared() : nullptr);
    if (shared != nullptr) region(node).shared.add(new SharedSlot{&node, shared});
    const bool directly = isCalledDirectly(node);
    for (int subtask = 0; subtask < node.parallelism; ++subtask) {
        Task& task = directly ? *slotOf(this->node(node.inputs.front().from), subtask).task : newTask(node, subtask);
        Owner<Stage> stage = supervisor_ != nullptr ? supervisor_->replacement(node) : nullptr;
        if (stage == nullptr) stage = node.factory->create(shared);
        if (isBatch()) {
            stage = graph_.batchStage(std::move(stage), node, graph_.batch);
            if (!directly) task.readFirst(broadcastInputOf(node));
        }
        slots_.push_back(&task.addStage(std::move(stage), node, subtask));
    }
}

MILLRACE_INLINE_COLD void JobWiring::keepStages(const GraphNode& node) {
    const bool directly = isCalledDirectly(node);
    for (int subtask = 0; subtask < node.parallelism; ++subtask) {
        slots_.push_back(nullptr);
        if (!directly) tasks_->tasks.add(before_->tasks[tasks_->tasks.size()]);
    }
}

MILLRACE_INLINE_COLD Task& JobWiring::newTask(const GraphNode& node, int subtask) {
    const int id = static_cast<int>(tasks_->tasks.size());
    Accumulators& accumulators = accumulators_.part(static_cast<std::size_t>(regionOf(node)));
    Task& task = region(node).tasks.add(new Task(job_, executor_, id, accumulators, graph_.bufferTimeout));
    tasks_->tasks.add(task);
    task.belongTo(WeakReference(region(node)), regionOf(node));
    TaskContext& context = task.context();
    context.jobName = graph_.jobName;
    context.subtaskIndex = subtask;
    context.parallelism = node.parallelism;
    context.maxParallelism = graph_.maxParallelism;
    context.isBatch = isBatch();
    context.isCheckpointed = supervisor_ != nullptr;
    context.autoWatermarkInterval = graph_.autoWatermarkInterval;
    context.seed = seedOf(node.id, subtask, -1);
    context.stateMemory = &stateMemory_;
    return task;
}

MILLRACE_INLINE_COLD void JobWiring::connect(const GraphEdge& edge, const GraphNode& consumer) {
    const GraphNode& producer = node(edge.from);
    const bool directly = isCalledDirectly(consumer);
    const ExchangeKind exchange = resolve(edge, consumer);
    if (!directly && edge.ports == nullptr) {
        raise<GraphException>("the edge from '{}' to '{}' has no port factory for its exchange",
                              {operatorNames(producer), operatorNames(consumer)});
    }
    for (int subtask = 0; subtask < producer.parallelism; ++subtask) {
        if (directly) {
            StageSlot& from = slotOf(producer, subtask);
            Owner<Port> port(new DirectPort(slotOf(consumer, subtask), edge.input));
            from.stage->addOutput(edge.tag, from.task->addPort(std::move(port)));
        } else {
            connectByChannels(edge, exchange, subtask, consumer);
        }
    }
}

MILLRACE_INLINE_COLD void JobWiring::connectByChannels(const GraphEdge& edge, ExchangeKind exchange, int producer,
                                                       const GraphNode& consumer) {
    StageSlot& from = slotOf(node(edge.from), producer);
    const int producers = node(edge.from).parallelism;
    std::pair<int, int> reach{0, consumer.parallelism};
    if (exchange == ExchangeKind::Forward) reach = {producer, producer + 1};
    if (exchange == ExchangeKind::Rescale) reach = rescaleTargets(producer, producers, consumer.parallelism);
    PointerList<ChannelWriter> writers;
    for (int target = reach.first; target < reach.second; ++target) {
        Task& to = *slotOf(consumer, target).task;
        Channel& channel = region(consumer).channels.add(
            new Channel(*from.task, from.task->blockedOutputs(), to, segments_, executor_.ringCapacity()));
        from.task->addOutput();
        to.addInput(channel, edge, exchange);
        writers.add(channel);
    }
    const PortContext context{exchange, producer, producers, graph_.maxParallelism,
                              seedOf(edge.from, producer, consumer.id)};
    Port& port = from.task->addPort(edge.ports->create(writers, context));
    from.stage->addOutput(edge.tag, port);
}

/// splitmix64 over the job's seed and the place, so that neighbours differ in every bit.
MILLRACE_INLINE_COLD std::uint64_t JobWiring::seedOf(int nodeId, int subtask, int consumerId) const {
    std::uint64_t z = graph_.seed + 0x9e3779b97f4a7c15ULL * (static_cast<std::uint64_t>(nodeId + 1) * 1000003ULL +
                                                             static_cast<std::uint64_t>(subtask) * 8191ULL +
                                                             static_cast<std::uint64_t>(consumerId + 2));
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/// Sources that reach the same stateful node (directly or through others' nodes) form one group.
MILLRACE_INLINE_COLD void JobWiring::alignSources() {
    struct Place {
        bool reached = false;    // from the stateful node at hand, going up
        bool isAligned = false;  // a source that reaches a stateful node
        std::size_t group = 0;   // of a source: itself, or another one of the same group
        Duration drift = kLeastAlignmentDrift;
    };
    const std::size_t count = graph_.nodes.size();
    List<Place> places(count);
    for (std::size_t i = 0; i < count; ++i) places[i].group = i;
    const auto root = [&](std::size_t i) {
        while (places[i].group != i) i = places[i].group;
        return i;
    };
    for (const GraphNode& stateful : graph_.nodes) {
        if (!stateful.isStateful) continue;
        for (Place& place : places) place.reached = false;
        std::size_t group = count;  // none yet
        std::size_t i = static_cast<std::size_t>(stateful.id);
        places[i].reached = true;
        for (++i; i-- > 0;) {  // nodes come before their consumers
            if (!places[i].reached) continue;
            for (const GraphEdge& edge : graph_.nodes[i].inputs) {
                // what is broadcast (rules, prices) may be quiet for hours: it must not stop the others
                const bool isSideInput = &graph_.nodes[i] == &stateful && edge.exchange == ExchangeKind::Broadcast;
                if (!isSideInput) places[static_cast<std::size_t>(edge.from)].reached = true;
            }
            // who has named a group has said with whom it wants to be aligned
            if (!graph_.nodes[i].isSource || !graph_.nodes[i].alignment.group.empty()) continue;
            places[i].isAligned = true;
            const std::size_t other = root(i);
            if (group == count) group = other;
            places[group].drift = std::max({places[group].drift, places[other].drift, stateful.alignmentDrift});
            places[other].group = group;
        }
    }
    for (std::size_t group = 0; group < count; ++group) {
        PointerList<Task> members;
        for (std::size_t i = 0; i < count; ++i) {
            if (!places[i].isAligned || root(i) != group) continue;
            const GraphNode& source = graph_.nodes[i];
            if (!isMade(source)) break;
            for (int subtask = 0; subtask < source.parallelism; ++subtask) members.add(*slotOf(source, subtask).task);
        }
        if (members.size() < 2) continue;
        SourceAlignment& alignment = region(graph_.nodes[group]).alignments.add(new SourceAlignment(std::string()));
        for (Task& member : members) member.align(alignment, places[group].drift);
    }
}

/// The groups that strategies name.
MILLRACE_INLINE_COLD void JobWiring::alignGroups() {
    for (const GraphNode& source : graph_.nodes) {
        if (source.alignment.group.empty() || !isMade(source)) continue;
        SourceAlignment* group = nullptr;
        for (SourceAlignment& each : region(source).alignments) {
            if (each.group() == source.alignment.group) group = &each;
        }
        if (group == nullptr) group = &region(source).alignments.add(new SourceAlignment(source.alignment.group));
        for (int subtask = 0; subtask < source.parallelism; ++subtask) {
            slotOf(source, subtask).task->align(*group, source.alignment.maxDrift);
        }
    }
}

MILLRACE_INLINE_COLD std::pair<int, int> rescaleTargets(int producer, int producers, int consumers) {
    if (producers < consumers) {
        const auto bound = [&](int i) { return (i * consumers + producers - 1) / producers; };
        return {bound(producer), bound(producer + 1)};
    }
    // consumer c reads from producers [c * P / C, (c + 1) * P / C)
    int consumer = static_cast<int>(static_cast<std::int64_t>(producer) * consumers / producers);
    while ((consumer + 1) * producers / consumers <= producer) ++consumer;
    while (consumer * producers / consumers > producer) --consumer;
    return {consumer, consumer + 1};
}

MILLRACE_INLINE_COLD Shared<JobTasks> wireJob(const JobGraph& graph, JobControl& job, TaskExecutor& executor,
                                              Accumulators& accumulators, JobSegmentPool& segments,
                                              StateMemoryBudget& stateMemory, JobSupervisor* supervisor,
                                              const JobTasks* before, int region) {
    return JobWiring(graph, job, executor, accumulators, segments, stateMemory, supervisor, before, region).wire();
}

}  // namespace millrace::detail
