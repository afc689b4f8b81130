#ifndef MILLRACE_GRAPH_GRAPH_SCALE_IPP
#define MILLRACE_GRAPH_GRAPH_SCALE_IPP

#include <millrace/core/message.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/graph/graph_scale.hpp>

#include <cstddef>

namespace millrace::detail {

MILLRACE_INLINE_COLD GraphScale::GraphScale(const JobGraph& graph) {
    for (const GraphNode& node : graph.nodes) {
        Node& added = nodes_.emplace_back();
        added.parallelism = std::max(node.parallelism, 1);
        added.isDerived = node.parallelismDerived;
        for (const GraphEdge& edge : node.inputs) added.exchanges.push_back(edge.exchange);
    }
}

MILLRACE_INLINE_COLD GraphScale GraphScale::changed(const JobGraph& graph, const std::string& uid, int parallelism) {
    const std::string call = message("rescale(\"{}\", {}): ", {uid, parallelism});
    int found = -1;
    for (const GraphNode& node : graph.nodes) {
        for (const OperatorInfo& op : node.operators) {
            if (op.uid == uid) found = node.id;
        }
    }
    if (found < 0) {
        std::string known;
        for (const GraphNode& node : graph.nodes) {
            for (const OperatorInfo& op : node.operators)
                known += message("{}{}'", {known.empty() ? "'" : ", '", op.uid});
        }
        raise<ConfigurationException>("{}job '{}' has no operator of that uid; it has {}. Give operators a uid(…)",
                                      {call, graph.jobName, known});
    }
    const GraphNode& node = graph.nodes[static_cast<std::size_t>(found)];
    if (parallelism < 1 || parallelism > graph.maxParallelism) {
        raise<ConfigurationException>(
            "{}the parallelism must be between 1 and the maximum parallelism, which is {} (setMaxParallelism, for the "
            "whole life of its state)",
            {call, graph.maxParallelism});
    }
    if (node.fixedParallelism != 0 && parallelism != node.fixedParallelism) {
        raise<ConfigurationException>("{}'{}' always runs at parallelism {}; rescale the operators behind it",
                                      {call, node.operators.back().name, node.fixedParallelism});
    }
    JobGraph copy;
    static_cast<JobSettings&>(copy) = graph;
    copy.nodes = graph.nodes;
    GraphNode& target = copy.nodes[static_cast<std::size_t>(found)];
    target.parallelism = parallelism;
    target.parallelismDerived = false;
    resolveParallelism(copy.nodes, copy);
    return GraphScale(copy);
}

MILLRACE_INLINE_COLD void GraphScale::applyTo(JobGraph& graph) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        GraphNode& node = graph.nodes[i];
        node.parallelism = nodes_[i].parallelism;
        node.parallelismDerived = nodes_[i].isDerived;
        for (std::size_t k = 0; k < node.inputs.size(); ++k) node.inputs[k].exchange = nodes_[i].exchanges[k];
    }
}

MILLRACE_INLINE_COLD bool GraphScale::spreads(const JobGraph& graph) const noexcept {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const List<GraphEdge>& edges = graph.nodes[i].inputs;
        for (std::size_t k = 0; k < edges.size(); ++k) {
            if (edges[k].exchange == ExchangeKind::Forward && nodes_[i].exchanges[k] != ExchangeKind::Forward)
                return true;
        }
    }
    return false;
}

MILLRACE_INLINE_COLD bool GraphScale::operator==(const GraphScale& other) const noexcept {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].parallelism != other.nodes_[i].parallelism) return false;
    }
    return true;
}

}  // namespace millrace::detail

#endif  // MILLRACE_GRAPH_GRAPH_SCALE_IPP
