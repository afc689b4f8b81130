#ifndef MILLRACE_GRAPH_GRAPH_BUILDER_IPP
#define MILLRACE_GRAPH_GRAPH_BUILDER_IPP

#include <millrace/graph/graph_builder.hpp>
#include <millrace/graph/stable_hash.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD int GraphBuilder::add(GraphNode node, std::shared_ptr<BindableStageFactory> factory) {
    node.id = static_cast<int>(recorded_.size());
    for (const GraphEdge& edge : node.inputs) {
        if (edge.tag.empty()) continue;
        auto& tags = recorded_[static_cast<std::size_t>(edge.from)].node.sideOutputs;
        if (std::find(tags.begin(), tags.end(), edge.tag) == tags.end()) tags.push_back(edge.tag);
    }
    node.factory = factory;
    recorded_.push_back({std::move(node), std::move(factory)});
    return recorded_.back().node.id;
}

MILLRACE_INLINE_COLD std::string named(const GraphNode& node) {
    return "'" + node.operators.back().name + "'";
}

// Uids hang on the input's uid, the kind and the place among equal siblings: not on fusion, names or parallelism.
MILLRACE_INLINE_COLD void deriveUids(std::vector<GraphNode>& nodes) {
    std::map<std::string, int> siblings;
    std::map<std::string, std::string> owners;
    for (GraphNode& node : nodes) {
        std::string before;
        for (const GraphEdge& edge : node.inputs) {
            // a tag's key ends in a compiler's name of its type, which must not reach a uid
            before += nodes[static_cast<std::size_t>(edge.from)].operators.back().uid + "/" +
                      edge.tag.substr(0, edge.tag.find('\x1f')) + ";";
        }
        for (OperatorInfo& op : node.operators) {
            if (!op.uidGiven) {
                const int ordinal = siblings[before + "|" + op.kind]++;
                op.uid = StableHash().add(before).add(op.kind).add(ordinal).hex();
            }
            const auto [owner, isNew] = owners.emplace(op.uid, op.name);
            if (!isNew) {
                throw GraphException("the uid '" + op.uid + "' is given to two operators, '" + owner->second +
                                     "' and '" + op.name + "'; state is found by uid, so each operator needs its own");
            }
            before = op.uid + ";";
        }
    }
}

MILLRACE_INLINE_COLD void resolveParallelism(std::vector<GraphNode>& nodes, const JobGraph& settings) {
    for (GraphNode& node : nodes) {
        int parallelism = settings.defaultParallelism;
        if (node.parallelism.has_value()) {
            parallelism = *node.parallelism;
        } else if (node.fixedParallelism.has_value()) {
            parallelism = *node.fixedParallelism;
        } else if (!node.inputs.empty() && std::none_of(node.inputs.begin(), node.inputs.end(),
                                                        [](const GraphEdge& edge) { return edge.exchangeGiven; })) {
            // no exchange in between: an operator runs at the parallelism of its input
            parallelism = 0;
            for (const GraphEdge& edge : node.inputs) {
                parallelism = std::max(parallelism, *nodes[static_cast<std::size_t>(edge.from)].parallelism);
            }
        }
        if (node.fixedParallelism.has_value() && parallelism != *node.fixedParallelism) {
            throw ConfigurationException("the operator " + named(node) + " cannot run at parallelism " +
                                         std::to_string(parallelism) + ": it is made for " +
                                         std::to_string(*node.fixedParallelism) + "; remove its setParallelism");
        }
        if (parallelism > settings.maxParallelism) {
            throw ConfigurationException("the operator " + named(node) + " has parallelism " +
                                         std::to_string(parallelism) + ", more than the maximum " +
                                         std::to_string(settings.maxParallelism) +
                                         "; lower it or raise setMaxParallelism");
        }
        node.parallelism = parallelism;
        for (GraphEdge& edge : node.inputs) {
            const GraphNode& producer = nodes[static_cast<std::size_t>(edge.from)];
            const bool equal = *producer.parallelism == parallelism;
            if (!edge.exchangeGiven) {
                edge.exchange = equal ? ExchangeKind::Forward : ExchangeKind::Rebalance;
                if (!equal) edge.ports = edge.rebalancePorts;
            } else if (edge.exchange == ExchangeKind::Forward && !equal) {
                throw GraphException("forward() from " + named(producer) + " (parallelism " +
                                     std::to_string(*producer.parallelism) + ") to " + named(node) + " (parallelism " +
                                     std::to_string(parallelism) +
                                     "): both need the same parallelism; use rebalance() or rescale() instead");
            }
        }
    }
}

MILLRACE_INLINE_COLD void checkSinks(const std::vector<GraphNode>& nodes) {
    std::vector<bool> read(nodes.size(), false);
    for (const GraphNode& node : nodes) {
        for (const GraphEdge& edge : node.inputs) read[static_cast<std::size_t>(edge.from)] = true;
    }
    for (const GraphNode& node : nodes) {
        if (!node.isSink && !read[static_cast<std::size_t>(node.id)]) {
            throw GraphException(
                "the stream behind " + named(node) +
                " goes nowhere: nothing reads it; end it with print(), addSink(fn) or sinkTo(sink), or "
                "remove it");
        }
    }
}

// Every source that reaches an event-time window must have a generator of watermarks and timestamps on the way.
MILLRACE_INLINE_COLD void checkEventTime(const std::vector<GraphNode>& nodes) {
    for (const GraphNode& window : nodes) {
        if (!window.needsWatermarks) continue;
        std::vector<std::tuple<int, bool, bool>> open;  // node, has watermarks, has timestamps on the way down
        std::set<std::tuple<int, bool, bool>> seen;
        for (const GraphEdge& edge : window.inputs) open.emplace_back(edge.from, false, false);
        while (!open.empty()) {
            auto [id, watermarks, timestamps] = open.back();
            open.pop_back();
            const GraphNode& node = nodes[static_cast<std::size_t>(id)];
            watermarks = watermarks || node.emitsWatermarks;
            timestamps = timestamps || node.assignsTimestamps;
            if (!seen.emplace(id, watermarks, timestamps).second || (watermarks && timestamps)) continue;
            if (node.isSource) {
                const std::string what = watermarks ? "timestamps" : "watermarks";
                throw GraphException("the event-time window '" + window.operators.front().name +
                                     "' gets records from the source " + named(node) + " without " + what +
                                     ": it would never fire. Give the source a WatermarkStrategy with a timestamp "
                                     "assigner or put assignTimestampsAndWatermarks(…) in front of the window");
            }
            for (const GraphEdge& edge : node.inputs) open.emplace_back(edge.from, watermarks, timestamps);
        }
    }
}

MILLRACE_INLINE_COLD JobGraph GraphBuilder::resolve(const JobGraph& settings) const {
    if (recorded_.empty()) {
        throw GraphException(
            "No operators defined in streaming topology: nothing was recorded since the last execute; "
            "build a pipeline with a source and a sink first");
    }
    JobGraph graph = settings;
    graph.nodes.clear();
    for (const Recorded& recorded : recorded_) graph.nodes.push_back(recorded.node);
    if (!directCalls) {
        for (GraphNode& node : graph.nodes) node.chainable = false;
    }
    resolveParallelism(graph.nodes, graph);
    deriveUids(graph.nodes);
    checkSinks(graph.nodes);
    checkEventTime(graph.nodes);
    return graph;
}

MILLRACE_INLINE_COLD JobGraph GraphBuilder::take(const JobGraph& settings) {
    JobGraph graph = resolve(settings);
    for (const Recorded& recorded : recorded_) {
        std::vector<OperatorId> ids;
        for (const OperatorInfo& op : graph.nodes[static_cast<std::size_t>(recorded.node.id)].operators) {
            ids.push_back({op.name, op.uid});
        }
        recorded.factory->bind(std::move(ids));
    }
    recorded_.clear();
    ++generation_;
    return graph;
}

MILLRACE_INLINE_COLD int GraphBuilder::highestParallelism() const {
    int highest = defaultParallelism;
    for (const Recorded& recorded : recorded_) highest = std::max(highest, recorded.node.parallelism.value_or(1));
    return highest;
}

MILLRACE_INLINE_COLD void checkParallelism(int parallelism, const std::string& whose) {
    if (parallelism < 1) {
        throw ConfigurationException("parallelism " + std::to_string(parallelism) + " for " + whose +
                                     ": it must be at least 1");
    }
}

MILLRACE_INLINE_COLD void giveUid(OperatorInfo& op, std::string uid) {
    if (uid.empty()) throw ConfigurationException("uid(\"\") of '" + op.name + "': a uid must not be empty");
    op.uid = std::move(uid);
    op.uidGiven = true;
}

MILLRACE_INLINE_COLD GraphBuilder& StreamInput::checked() const {
    if (graph == nullptr) {
        throw GraphException(
            "this stream was moved from: its operators belong to the stream it was moved into; use that "
            "one, or keep a named DataStream<T> and use it without std::move");
    }
    if (generation != graph->generation()) {
        throw GraphException(
            "this stream belongs to a pipeline that was already executed; an execute consumes the graph, "
            "so build the pipeline anew");
    }
    return *graph;
}

MILLRACE_INLINE_COLD std::vector<GraphEdge> StreamInput::edges() const {
    std::vector<GraphEdge> edges;
    for (const Upstream& upstream : upstreams) {
        edges.push_back({upstream.node, upstream.tag, 0, exchange, exchangeGiven, ports, rebalancePorts});
    }
    if (second != nullptr) {
        for (GraphEdge& edge : second->edges()) {
            edge.input = 1;
            edges.push_back(std::move(edge));
        }
    }
    return edges;
}

MILLRACE_INLINE_COLD StreamInput twoInputs(StreamInput first, StreamInput second) {
    if (&first.checked() != &second.checked()) {
        throw GraphException(
            "connect or join: the two streams belong to different environments; build both in the one that executes "
            "them");
    }
    first.second = std::make_shared<const StreamInput>(std::move(second));
    return first;
}

MILLRACE_INLINE_COLD void StageTraits::add(const StageTraits& other) {
    isSink = isSink || other.isSink;
    isStateful = isStateful || other.isStateful;
    emitsWatermarks = emitsWatermarks || other.emitsWatermarks;
    assignsTimestamps = assignsTimestamps || other.assignsTimestamps;
    needsWatermarks = needsWatermarks || other.needsWatermarks;
    alignmentDrift = std::max(alignmentDrift, other.alignmentDrift);
    if (other.fixedParallelism.has_value()) fixedParallelism = other.fixedParallelism;
}

MILLRACE_INLINE_COLD void StageTraits::applyTo(GraphNode& node) const {
    node.isSink = isSink;
    node.isStateful = isStateful;
    node.emitsWatermarks = emitsWatermarks;
    node.assignsTimestamps = assignsTimestamps;
    node.needsWatermarks = needsWatermarks;
    node.alignmentDrift = alignmentDrift;
    node.fixedParallelism = fixedParallelism;
}

}  // namespace millrace::detail

#endif  // MILLRACE_GRAPH_GRAPH_BUILDER_IPP
