#include <millrace/core/errors.hpp>
#include <millrace/runtime/job_wiring.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>

namespace millrace::detail {

inline constexpr Duration kLeastAlignmentDrift = std::chrono::seconds(1);

/// Builds the tasks of one job, node by node in the order of the graph.
class JobWiring {
public:
    JobWiring(const JobGraph& graph, JobControl& job, TaskExecutor& executor, Accumulators& accumulators,
              JobSegmentPool& segments)
        : graph_(graph), job_(job), executor_(executor), accumulators_(accumulators), segments_(segments),
          places_(graph.nodes.size()) {}

    [[gnu::cold]] JobTasks wire() {
        if (graph_.nodes.empty()) throw GraphException("the job '" + graph_.jobName + "' has no operators");
        for (const GraphNode& node : graph_.nodes) check(node);
        for (const GraphNode& node : graph_.nodes) makeStages(node);
        for (const GraphNode& node : graph_.nodes) {
            for (const GraphEdge& edge : node.inputs) connect(edge, node);
        }
        for (const auto& task : out_.tasks) task->finishWiring();
        if (graph_.alignSources) alignSources();
        return std::move(out_);
    }

private:
    struct Place {
        Task* task;
        StageSlot* slot;
    };
    struct Resolved {
        ExchangeKind kind;
        const PortFactory* ports;
    };

    const GraphNode& node(int id) const { return graph_.nodes[static_cast<std::size_t>(id)]; }
    std::vector<Place>& placesOf(const GraphNode& node) { return places_[static_cast<std::size_t>(node.id)]; }

    [[gnu::cold]] void check(const GraphNode& node) const {
        const std::string name = "'" + operatorNames(node) + "'";
        if (!node.parallelism || *node.parallelism < 1 || *node.parallelism > graph_.maxParallelism) {
            throw ConfigurationException(
                "the parallelism of " + name + " is " +
                (node.parallelism ? std::to_string(*node.parallelism) : std::string("not resolved")) +
                "; it must be between 1 and the maximum parallelism, which is " +
                std::to_string(graph_.maxParallelism));
        }
        if (node.isSource != node.inputs.empty()) {
            throw GraphException(
                name + (node.isSource ? " is a source, but has an input" : " has no input and is not a source"));
        }
        for (const GraphEdge& edge : node.inputs) {
            if (edge.from < 0 || edge.from >= node.id) {
                throw GraphException("an input of " + name + " does not come from a node before it");
            }
        }
    }

    [[gnu::cold]] Resolved resolve(const GraphEdge& edge, const GraphNode& consumer) const {
        const bool equal = node(edge.from).parallelism == consumer.parallelism;
        if (edge.exchange != ExchangeKind::Forward || equal) return {edge.exchange, edge.ports.get()};
        if (!edge.exchangeGiven) return {ExchangeKind::Rebalance, edge.rebalancePorts.get()};
        throw GraphException("forward() between '" + operatorNames(node(edge.from)) + "' (parallelism " +
                             std::to_string(*node(edge.from).parallelism) + ") and '" + operatorNames(consumer) +
                             "' (parallelism " + std::to_string(*consumer.parallelism) +
                             ") needs equal parallelism; set it, or use rebalance() or rescale()");
    }

    bool isCalledDirectly(const GraphNode& consumer) const {
        if (consumer.inputs.size() != 1 || consumer.startsChain || !consumer.chainable) return false;
        const GraphNode& producer = node(consumer.inputs.front().from);
        if (!producer.chainable || producer.parallelism != consumer.parallelism) return false;
        return *consumer.parallelism == 1 || resolve(consumer.inputs.front(), consumer).kind == ExchangeKind::Forward;
    }

    [[gnu::cold]] void makeStages(const GraphNode& node) {
        if (node.factory == nullptr) throw GraphException("'" + operatorNames(node) + "' has no stage factory");
        const int parallelism = *node.parallelism;
        const std::shared_ptr<SharedState> shared = node.factory->createShared(parallelism);
        const std::vector<Place>* const callers =
            isCalledDirectly(node) ? &placesOf(this->node(node.inputs.front().from)) : nullptr;
        for (int subtask = 0; subtask < parallelism; ++subtask) {
            Task& task =
                callers != nullptr ? *(*callers)[static_cast<std::size_t>(subtask)].task : newTask(node, subtask);
            StageSlot& slot = task.addStage(node.factory->create(shared), node, subtask);
            placesOf(node).push_back({&task, &slot});
        }
    }

    [[gnu::cold]] Task& newTask(const GraphNode& node, int subtask) {
        out_.tasks.push_back(std::make_unique<Task>(job_, executor_, static_cast<int>(out_.tasks.size()), accumulators_,
                                                    graph_.bufferTimeout));
        TaskContext& context = out_.tasks.back()->context();
        context.jobName = graph_.jobName;
        context.subtaskIndex = subtask;
        context.parallelism = *node.parallelism;
        context.maxParallelism = graph_.maxParallelism;
        context.seed = seedOf(node.id, subtask, -1);
        return *out_.tasks.back();
    }

    [[gnu::cold]] void connect(const GraphEdge& edge, const GraphNode& consumer) {
        auto& consumers = placesOf(consumer);
        auto& producers = placesOf(node(edge.from));
        if (isCalledDirectly(consumer)) {
            for (std::size_t i = 0; i < producers.size(); ++i) {
                Port& port = producers[i].task->addPort(std::make_unique<DirectPort>(*consumers[i].slot, edge.input));
                producers[i].slot->stage->addOutput(edge.tag, port);
            }
            return;
        }
        const Resolved exchange = resolve(edge, consumer);
        if (exchange.ports == nullptr) {
            throw GraphException("the edge from '" + operatorNames(node(edge.from)) + "' to '" +
                                 operatorNames(consumer) + "' has no port factory for its exchange");
        }
        for (std::size_t i = 0; i < producers.size(); ++i) {
            const int producer = static_cast<int>(i);
            const auto [first, last] =
                reach(exchange.kind, producer, static_cast<int>(producers.size()), static_cast<int>(consumers.size()));
            std::vector<ChannelWriter*> writers;
            for (int target = first; target < last; ++target) {
                Task& to = *consumers[static_cast<std::size_t>(target)].task;
                out_.channels.push_back(std::make_unique<Channel>(
                    *producers[i].task, producers[i].task->blockedOutputs(), to, segments_, executor_.ringCapacity()));
                Channel& channel = *out_.channels.back();
                producers[i].task->addOutput(channel);
                to.addInput(channel, edge.input);
                writers.push_back(&channel);
            }
            const PortContext context{producer, static_cast<int>(producers.size()), graph_.maxParallelism,
                                      seedOf(edge.from, producer, consumer.id)};
            Port& port = producers[i].task->addPort(exchange.ports->create(writers, context));
            producers[i].slot->stage->addOutput(edge.tag, port);
        }
    }

    static std::pair<int, int> reach(ExchangeKind kind, int producer, int producers, int consumers) {
        if (kind == ExchangeKind::Forward) return {producer, producer + 1};
        if (kind == ExchangeKind::Rescale) return rescaleTargets(producer, producers, consumers);
        return {0, consumers};
    }

    /// splitmix64 over the job's seed and the place, so that neighbours differ in every bit.
    std::uint64_t seedOf(int nodeId, int subtask, int consumerId) const {
        std::uint64_t z = graph_.seed + 0x9e3779b97f4a7c15ULL * (static_cast<std::uint64_t>(nodeId + 1) * 1000003ULL +
                                                                 static_cast<std::uint64_t>(subtask) * 8191ULL +
                                                                 static_cast<std::uint64_t>(consumerId + 2));
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

    /// Sources that reach the same stateful node (directly or through others' nodes) form one group.
    [[gnu::cold]] void alignSources() {
        const std::size_t count = graph_.nodes.size();
        std::vector<std::vector<bool>> reachedBy(count, std::vector<bool>(count, false));  // [node][source]
        std::vector<std::size_t> groupOf(count);
        std::iota(groupOf.begin(), groupOf.end(), std::size_t{0});
        std::vector<Duration> drifts(count, kLeastAlignmentDrift);
        const auto root = [&](std::size_t i) {
            while (groupOf[i] != i) i = groupOf[i];
            return i;
        };
        std::vector<bool> aligned(count, false);
        for (std::size_t i = 0; i < count; ++i) {
            if (graph_.nodes[i].isSource) reachedBy[i][i] = true;
            for (const GraphEdge& edge : graph_.nodes[i].inputs) {
                const auto& before = reachedBy[static_cast<std::size_t>(edge.from)];
                for (std::size_t s = 0; s < count; ++s) reachedBy[i][s] = reachedBy[i][s] || before[s];
            }
            if (!graph_.nodes[i].isStateful) continue;
            std::optional<std::size_t> group;
            for (std::size_t s = 0; s < count; ++s) {
                if (!reachedBy[i][s]) continue;
                aligned[s] = true;
                if (group) {
                    const std::size_t other = root(s);
                    drifts[*group] = std::max(drifts[*group], drifts[other]);
                    groupOf[other] = *group;
                } else {
                    group = root(s);
                }
                drifts[*group] = std::max(drifts[*group], graph_.nodes[i].alignmentDrift);
            }
        }
        for (std::size_t group = 0; group < count; ++group) {
            std::vector<Task*> members;
            for (std::size_t s = 0; s < count; ++s) {
                if (!aligned[s] || root(s) != group) continue;
                for (const Place& place : places_[s]) members.push_back(place.task);
            }
            if (members.size() < 2) continue;
            out_.alignments.push_back(std::make_unique<SourceAlignment>(drifts[group]));
            for (Task* member : members) member->align(*out_.alignments.back());
        }
    }

    const JobGraph& graph_;
    JobControl& job_;
    TaskExecutor& executor_;
    Accumulators& accumulators_;
    JobSegmentPool& segments_;
    std::vector<std::vector<Place>> places_;  // [node][subtask]
    JobTasks out_;
};

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

MILLRACE_INLINE_COLD JobTasks wireJob(const JobGraph& graph, JobControl& job, TaskExecutor& executor,
                                      Accumulators& accumulators, JobSegmentPool& segments) {
    return JobWiring(graph, job, executor, accumulators, segments).wire();
}

}  // namespace millrace::detail
