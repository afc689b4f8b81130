#include <millrace/api/recording.hpp>
#include <millrace/core/message.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD OperatorInfo operatorInfo(std::string kind) {
    OperatorInfo info;
    info.name = kind;
    info.kind = std::move(kind);
    return info;
}

MILLRACE_INLINE_COLD void appendOperator(const StreamInput& input, List<PendingOperator>& pending, bool isRecorded,
                                         std::string_view kind, const StageTraits& traits) {
    input.checked();
    if (isRecorded) {
        raise<GraphException>(
            "the stream behind '{}' was already used by its name, so it is recorded; go on by its name, without "
            "std::move",
            {pending.back().info.name});
    }
    PendingOperator& added = pending.emplace_back();
    added.info = operatorInfo(std::string(kind));
    added.traits = traits;
}

MILLRACE_INLINE_COLD void failAlreadyRecorded(const char* call) {
    raise<GraphException>("{}: this operator is already recorded; call it directly behind the operator", {call});
}

MILLRACE_INLINE_COLD int recordNode(GraphBuilder& graph, const StreamInput& input, const List<PendingOperator>& pending,
                                    Shared<StageFactory> factory) {
    Owner<GraphNode> node(new GraphNode);
    StageTraits traits;
    for (const PendingOperator& op : pending) {
        node->operators.add(new OperatorInfo(op.info));
        traits.add(op.traits);
    }
    traits.applyTo(*node);
    node->inputs = input.edges();
    return graph.add(std::move(node), std::move(factory));
}

MILLRACE_INLINE_COLD int recordSink(const StreamInput& input, std::string_view kind, Shared<StageFactory> factory) {
    StageTraits traits;
    traits.isSink = true;
    List<PendingOperator> sink;
    appendOperator(input, sink, false, kind, traits);
    return recordNode(*input.graph, input, sink, std::move(factory));
}

MILLRACE_INLINE_COLD StreamInput outputOf(const StreamInput& from, int node, Ports ports) {
    StreamInput output;
    output.graph = from.graph;
    output.generation = from.generation;
    output.upstreams.emplace_back().from = node;
    output.ports = std::move(ports);
    return output;
}

MILLRACE_INLINE_COLD void appendLocalPart(StreamInput& parts, const StreamInput& from, const GraphEdge& upstream,
                                          Ports ports, std::string_view kind, Shared<StageFactory> factory) {
    StreamInput input = outputOf(from, upstream.from, std::move(ports));
    input.upstreams.front().tag = upstream.tag;
    List<PendingOperator> local;
    appendOperator(input, local, false, kind, {});
    const int node = recordNode(*input.graph, input, local, std::move(factory));
    input.graph->node(node).isLocalPart = true;
    parts.upstreams.emplace_back().from = node;
}

MILLRACE_INLINE_COLD void keepInPlace(StreamInput& input) {
    input.checked();
    if (input.exchangeGiven) {
        throw GraphException(
            "reinterpretAsKeyedStream: the stream ends in an exchange, which would move its elements; call it on what "
            "an "
            "operator returned, or use keyBy");
    }
    input.exchange = ExchangeKind::Forward;
    input.exchangeGiven = true;
}

MILLRACE_INLINE_COLD void appendUnion(StreamInput& joined, const StreamInput& other) {
    if (&joined.checked() != &other.checked()) {
        throw GraphException("unionWith: the streams belong to different environments");
    }
    if (joined.exchangeGiven || other.exchangeGiven) {
        throw GraphException(
            "unionWith: join the streams first, then spread them with rebalance(), broadcast() and so on");
    }
    for (const GraphEdge& edge : other.upstreams) joined.upstreams.push_back(edge);
}

}  // namespace millrace::detail
