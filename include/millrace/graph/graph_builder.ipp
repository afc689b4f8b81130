#ifndef MILLRACE_GRAPH_GRAPH_BUILDER_IPP
#define MILLRACE_GRAPH_GRAPH_BUILDER_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/graph/stable_hash.hpp>

#include <string_view>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD int GraphBuilder::add(Owner<GraphNode> node, Shared<StageFactory> factory) {
    const int id = static_cast<int>(nodes_.size());
    node->id = id;
    for (const GraphEdge& edge : node->inputs) {
        if (edge.tag.empty()) continue;
        auto& tags = this->node(edge.from).sideOutputs;
        if (std::find(tags.begin(), tags.end(), edge.tag) == tags.end()) tags.push_back(edge.tag);
    }
    node->factory = std::move(factory);
    nodes_.add(node.release());
    return id;
}

MILLRACE_INLINE_COLD const std::string& nameOf(const GraphNode& node) {
    return node.operators.back().name;
}

// Uids hang on the input's uid, the kind and the place among equal siblings: not on fusion, names, parallelism or whether a
// part of an operator is in front of its exchange.
MILLRACE_INLINE_COLD void deriveUids(OwnerList<GraphNode>& nodes) {
    List<std::uint64_t> places;    // of all operators so far that have none of their own
    List<std::string> localParts;  // what is before them; by node
    for (GraphNode& node : nodes) {
        std::string before;
        for (const GraphEdge& edge : node.inputs) {
            // a tag's key ends in a compiler's name of its type, which must not reach a uid
            const std::string_view tag = std::string_view(edge.tag).substr(0, edge.tag.find('\x1f'));
            const auto from = static_cast<std::size_t>(edge.from);
            if (nodes[from].isLocalPart) {
                before += localParts[from];
            } else {
                before += message("{}/{};", {nodes[from].operators.back().uid, tag});
            }
        }
        localParts.push_back(node.isLocalPart ? before : std::string());
        for (OperatorInfo& op : node.operators) {
            if (!op.uidGiven) {
                StableHash place;
                place.add(before).add(op.kind);
                std::int64_t ordinal = 0;
                for (const std::uint64_t each : places) ordinal += each == place.value() ? 1 : 0;
                places.push_back(place.value());
                op.uid = place.add(ordinal).hex();
            }
            before = message("{};", {op.uid});
        }
        int parts = 0;
        for (const GraphEdge& edge : node.inputs) {
            GraphNode& from = nodes[static_cast<std::size_t>(edge.from)];
            if (!from.isLocalPart) continue;
            from.operators.back().uid = message("{}/local", {node.operators.front().uid});
            if (++parts > 1) from.operators.back().uid += message(" {}", {parts});
        }
    }
}

MILLRACE_INLINE_COLD void checkUids(const OwnerList<GraphNode>& nodes) {
    PointerList<const OperatorInfo> seen;
    for (const GraphNode& node : nodes) {
        for (const OperatorInfo& op : node.operators) {
            for (const OperatorInfo& other : seen) {
                if (other.uid != op.uid) continue;
                raise<GraphException>(
                    "the uid '{}' is given to two operators, '{}' and '{}'; state is found by uid, so each operator "
                    "needs its own",
                    {op.uid, other.name, op.name});
            }
            seen.add(op);
        }
    }
}

/// Without a wish of its own and without an exchange in front of it, an operator runs at the parallelism of its input.
MILLRACE_INLINE_COLD int deriveParallelism(const GraphNode& node, const OwnerList<GraphNode>& nodes, int otherwise) {
    if (node.fixedParallelism != 0) return node.fixedParallelism;
    int highest = 0;
    for (const GraphEdge& edge : node.inputs) {
        const bool inPlace = edge.exchange == ExchangeKind::Forward && edge.readsByKey();
        if (edge.exchangeGiven && !inPlace) return otherwise;
        highest = std::max(highest, nodes[static_cast<std::size_t>(edge.from)].parallelism);
    }
    return node.inputs.empty() ? otherwise : highest;
}

MILLRACE_INLINE_COLD void resolveParallelism(OwnerList<GraphNode>& nodes, const JobSettings& settings) {
    for (GraphNode& node : nodes) {
        if (node.parallelism == 0 || node.parallelismDerived) {
            node.parallelism = deriveParallelism(node, nodes, settings.defaultParallelism);
            node.parallelismDerived = true;
        }
        const int parallelism = node.parallelism;
        if (node.fixedParallelism != 0 && parallelism != node.fixedParallelism) {
            raise<ConfigurationException>(
                "the operator '{}' cannot run at parallelism {}: it is made for {}; remove its setParallelism",
                {nameOf(node), parallelism, node.fixedParallelism});
        }
        if (parallelism > settings.maxParallelism) {
            raise<ConfigurationException>(
                "the operator '{}' has parallelism {}, more than the maximum {}; lower it or raise setMaxParallelism",
                {nameOf(node), parallelism, settings.maxParallelism});
        }
        for (GraphEdge& edge : node.inputs) {
            const GraphNode& producer = nodes[static_cast<std::size_t>(edge.from)];
            const bool equal = producer.parallelism == parallelism;
            if (!edge.exchangeGiven) {
                edge.exchange = equal ? ExchangeKind::Forward : ExchangeKind::Rebalance;
            } else if (edge.exchange == ExchangeKind::Forward && !equal) {
                raise<GraphException>(
                    "forward() from '{}' (parallelism {}) to '{}' (parallelism {}): both need the same parallelism; "
                    "use rebalance() or rescale() instead",
                    {nameOf(producer), producer.parallelism, nameOf(node), parallelism});
            }
        }
    }
}

MILLRACE_INLINE_COLD bool isRead(const GraphNode& producer, const OwnerList<GraphNode>& nodes) {
    for (const GraphNode& node : nodes) {
        for (const GraphEdge& edge : node.inputs) {
            if (edge.from == producer.id) return true;
        }
    }
    return false;
}

MILLRACE_INLINE_COLD void checkSinks(const OwnerList<GraphNode>& nodes) {
    for (const GraphNode& node : nodes) {
        if (node.isSink || isRead(node, nodes)) continue;
        raise<GraphException>(
            "the stream behind '{}' goes nowhere: nothing reads it; end it with print(), addSink(fn) or sinkTo(sink), "
            "or remove it",
            {nameOf(node)});
    }
}

// Every source that reaches an event-time window must have a generator of watermarks and timestamps on the way. Nodes come
// before their consumers, so one pass up from the window sees all ways.
MILLRACE_INLINE_COLD void checkEventTime(const GraphNode& window, const OwnerList<GraphNode>& nodes) {
    // what is on a way up from the window: a bit for each of the four possible answers, a byte of them for each node
    constexpr unsigned kWatermarks = 1;
    constexpr unsigned kTimestamps = 2;
    std::string ways(nodes.size(), '\0');
    const auto goUp = [&](const GraphNode& node, unsigned has) {
        for (const GraphEdge& edge : node.inputs) {
            char& known = ways[static_cast<std::size_t>(edge.from)];
            known = static_cast<char>(static_cast<unsigned>(known) | 1u << has);
        }
    };
    goUp(window, 0);
    for (std::size_t id = static_cast<std::size_t>(window.id); id-- > 0;) {
        const GraphNode& node = nodes[id];
        const unsigned own = (node.emitsWatermarks ? kWatermarks : 0) | (node.assignsTimestamps ? kTimestamps : 0);
        for (unsigned way = 0; way < 4; ++way) {
            const unsigned has = way | own;
            if ((static_cast<unsigned>(ways[id]) >> way & 1) == 0 || has == (kWatermarks | kTimestamps)) continue;
            if (node.isSource) {
                const bool isWindow = window.operators.front().kind.find("window") != std::string::npos;
                raise<GraphException>(
                    "the event-time {}{}' gets records from the source '{}' without {}: it would never fire. Give the "
                    "source a WatermarkStrategy with a timestamp assigner or put assignTimestampsAndWatermarks(…) in "
                    "front of the window",
                    {isWindow ? "window '" : "operator '", window.operators.front().name, nameOf(node),
                     (has & kWatermarks) != 0 ? "timestamps" : "watermarks"});
            }
            goUp(node, has);
        }
    }
}

/// A source that never ends, among those that a node reads; null if there is none.
MILLRACE_INLINE_COLD const GraphNode* unboundedSourceOf(const GraphNode& node, const OwnerList<GraphNode>& nodes) {
    if (node.isSource) return node.isBounded ? nullptr : &node;
    for (const GraphEdge& edge : node.inputs) {
        if (const GraphNode* found = unboundedSourceOf(nodes[static_cast<std::size_t>(edge.from)], nodes)) return found;
    }
    return nullptr;
}

MILLRACE_INLINE_COLD void checkBounded(const GraphNode& node, const OwnerList<GraphNode>& nodes) {
    const GraphNode* const source = unboundedSourceOf(node, nodes);
    if (source == nullptr) return;
    raise<GraphException>(
        "'{}' gives its results when its input ends, but the source '{}' never ends; cut the stream into windows "
        "first, or read a bounded source",
        {nameOf(node), nameOf(*source)});
}

MILLRACE_INLINE_COLD const OwnerList<GraphNode>& GraphBuilder::resolve(const JobSettings& settings) {
    if (nodes_.empty()) {
        throw GraphException(
            "No operators defined in streaming topology: nothing was recorded since the last execute; "
            "build a pipeline with a source and a sink first");
    }
    for (GraphNode& node : nodes_) node.chainable = node.chainable && directCalls;
    resolveParallelism(nodes_, settings);
    deriveUids(nodes_);
    checkUids(nodes_);
    checkSinks(nodes_);
    for (const GraphNode& node : nodes_) {
        if (node.needsWatermarks) checkEventTime(node, nodes_);
        if (node.needsBoundedInput) checkBounded(node, nodes_);
    }
    return nodes_;
}

MILLRACE_INLINE_COLD void chooseMode(JobGraph& graph) {
    const GraphNode* unbounded = nullptr;
    for (const GraphNode& node : graph.nodes) {
        if (node.isSource && !node.isBounded) unbounded = &node;
    }
    if (unbounded == nullptr) {
        graph.mode = RuntimeExecutionMode::Batch;
    } else if (graph.mode == RuntimeExecutionMode::Automatic) {
        graph.mode = RuntimeExecutionMode::Streaming;
    } else {
        raise<GraphException>(
            "batch execution needs bounded sources, but '{}' never ends; use RuntimeExecutionMode::Streaming or "
            "Automatic",
            {nameOf(*unbounded)});
    }
}

MILLRACE_INLINE_COLD JobGraph GraphBuilder::take(const JobSettings& settings) {
    resolve(settings);
    for (GraphNode& node : nodes_) {
        List<OperatorId> ids;
        for (const OperatorInfo& op : node.operators) ids.push_back({op.name, op.uid});
        node.factory->bind(std::move(ids));
    }
    ++generation_;
    JobGraph graph(settings);
    graph.nodes.swap(nodes_);
    if (graph.mode != RuntimeExecutionMode::Streaming) chooseMode(graph);
    return graph;
}

MILLRACE_INLINE_COLD int GraphBuilder::highestParallelism() const {
    int highest = defaultParallelism;
    for (const GraphNode& node : nodes_) {
        if (!node.parallelismDerived) highest = std::max(highest, node.parallelism);
    }
    return highest;
}

MILLRACE_INLINE_COLD void checkParallelism(int parallelism, const std::string& whose) {
    if (parallelism < 1) {
        raise<ConfigurationException>("parallelism {} for {}: it must be at least 1", {parallelism, whose});
    }
}

MILLRACE_INLINE_COLD void giveUid(OperatorInfo& op, std::string uid) {
    if (uid.empty()) raise<ConfigurationException>("uid(\"\") of '{}': a uid must not be empty", {op.name});
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

MILLRACE_INLINE_COLD List<GraphEdge> StreamInput::edges() const {
    List<GraphEdge> edges = upstreams;
    for (GraphEdge& edge : edges) {
        edge.exchange = exchange;
        edge.exchangeGiven = exchangeGiven;
        edge.ports = ports;
    }
    if (second) {
        for (GraphEdge& edge : second->input.edges()) {
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
    first.second = Shared<const SecondInput>(new SecondInput(std::move(second)));
    return first;
}

MILLRACE_INLINE_COLD void refuseAlignment(const WatermarkAlignment& alignment) {
    if (alignment.group.empty()) return;
    raise<ConfigurationException>(
        "assignTimestampsAndWatermarks with a strategy of the alignment group '{}': only a source can pause to wait "
        "for others; give the strategy to fromSource(source, strategy), or leave withWatermarkAlignment out",
        {alignment.group});
}

MILLRACE_INLINE_COLD void StageTraits::add(const StageTraits& other) {
    isSink = isSink || other.isSink;
    isStateful = isStateful || other.isStateful;
    emitsWatermarks = emitsWatermarks || other.emitsWatermarks;
    assignsTimestamps = assignsTimestamps || other.assignsTimestamps;
    needsWatermarks = needsWatermarks || other.needsWatermarks;
    needsBoundedInput = needsBoundedInput || other.needsBoundedInput;
    alignmentDrift = std::max(alignmentDrift, other.alignmentDrift);
    if (other.fixedParallelism != 0) fixedParallelism = other.fixedParallelism;
}

MILLRACE_INLINE_COLD void StageTraits::applyTo(GraphNode& node) const {
    node.isSink = isSink;
    node.isStateful = isStateful;
    node.emitsWatermarks = emitsWatermarks;
    node.assignsTimestamps = assignsTimestamps;
    node.needsWatermarks = needsWatermarks;
    node.needsBoundedInput = needsBoundedInput;
    node.alignmentDrift = alignmentDrift;
    node.fixedParallelism = fixedParallelism;
}

}  // namespace millrace::detail

#endif  // MILLRACE_GRAPH_GRAPH_BUILDER_IPP
