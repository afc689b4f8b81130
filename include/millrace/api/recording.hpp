#ifndef MILLRACE_API_RECORDING_HPP
#define MILLRACE_API_RECORDING_HPP

#include <millrace/api/exchanges.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/operators/chain_stage.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::detail {

/// False, but only once a template is instantiated: for static_asserts about arguments of type T.
template <class T>
inline constexpr bool kRejected = false;

/// An operator of a chain that has not been recorded yet.
struct PendingOperator {
    OperatorInfo info;
    StageTraits traits;
};

inline OperatorInfo operatorInfo(std::string kind) {
    OperatorInfo info;
    info.name = kind;
    info.kind = std::move(kind);
    return info;
}

inline GraphNode nodeFor(const StreamInput& input, const std::vector<PendingOperator>& pending) {
    GraphNode node;
    StageTraits traits;
    for (const PendingOperator& op : pending) {
        node.operators.push_back(op.info);
        traits.add(op.traits);
    }
    traits.applyTo(node);
    node.inputs = input.edges();
    return node;
}

/// Seals a chain into a stage of the graph.
template <class Ops>
int recordStage(GraphBuilder& graph, const StreamInput& input, Ops ops, const std::vector<PendingOperator>& pending) {
    return graph.add(nodeFor(input, pending), stageFactory(new ChainStageFactory<Ops>(std::move(ops))));
}

/// The main output of a recorded stage, as the next one's input.
template <class T>
StreamInput outputOf(const StreamInput& from, int node) {
    StreamInput output;
    output.graph = from.graph;
    output.generation = from.generation;
    output.upstreams.emplace_back().from = node;
    output.ports = plainPorts<T>();
    return output;
}

/// Adds the outputs of `other` to a union.
inline void appendUnion(StreamInput& joined, const StreamInput& other) {
    if (&joined.checked() != &other.checked()) {
        throw GraphException("unionWith: the streams belong to different environments");
    }
    if (joined.exchangeGiven || other.exchangeGiven) {
        throw GraphException(
            "unionWith: join the streams first, then spread them with rebalance(), broadcast() and so on");
    }
    joined.upstreams.insert(joined.upstreams.end(), other.upstreams.begin(), other.upstreams.end());
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_RECORDING_HPP
