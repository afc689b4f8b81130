#ifndef MILLRACE_GRAPH_EXECUTION_PLAN_IPP
#define MILLRACE_GRAPH_EXECUTION_PLAN_IPP

#include <millrace/graph/execution_plan.hpp>
#include <millrace/graph/stable_hash.hpp>

#include <cstdio>
#include <vector>

namespace millrace {
namespace detail {

MILLRACE_INLINE_COLD std::string_view exchangeName(ExchangeKind kind) {
    switch (kind) {
        case ExchangeKind::Forward:
            return "FORWARD";
        case ExchangeKind::Hash:
            return "HASH";
        case ExchangeKind::Rebalance:
            return "REBALANCE";
        case ExchangeKind::Rescale:
            return "RESCALE";
        case ExchangeKind::Shuffle:
            return "SHUFFLE";
        case ExchangeKind::Broadcast:
            return "BROADCAST";
        case ExchangeKind::Global:
            return "GLOBAL";
        case ExchangeKind::Custom:
            return "CUSTOM";
    }
    return "?";
}

// The key of a tag ends in a compiler's name for its type.
MILLRACE_INLINE_COLD std::string tagId(const std::string& key) {
    return key.substr(0, key.find('\x1f'));
}

MILLRACE_INLINE_COLD std::string jsonText(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            quoted += escape;
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

/// An operator of the plan; operators of one stage are joined by fused edges.
struct PlanOperator {
    int id = 0;
    const GraphNode* stage = nullptr;
    const OperatorInfo* info = nullptr;
    struct Predecessor {
        int id;
        std::string exchange;
        std::string tag;
    };
    List<Predecessor> predecessors;
    bool last = false;
};

MILLRACE_INLINE_COLD List<PlanOperator> planOperators(const JobGraph& graph) {
    List<PlanOperator> operators;
    List<int> lastOf(graph.nodes.size());
    for (const GraphNode& node : graph.nodes) {
        for (std::size_t i = 0; i < node.operators.size(); ++i) {
            PlanOperator op;
            op.id = static_cast<int>(operators.size()) + 1;
            op.stage = &node;
            op.info = &node.operators[i];
            op.last = i + 1 == node.operators.size();
            if (i > 0) {
                op.predecessors.push_back({op.id - 1, "FUSED", {}});
            } else {
                for (const GraphEdge& edge : node.inputs) {
                    op.predecessors.push_back({lastOf[static_cast<std::size_t>(edge.from)],
                                               std::string(exchangeName(edge.exchange)), tagId(edge.tag)});
                }
            }
            operators.push_back(std::move(op));
        }
        lastOf[static_cast<std::size_t>(node.id)] = static_cast<int>(operators.size());
    }
    return operators;
}

}  // namespace detail

MILLRACE_INLINE_COLD std::string ExecutionPlan::fingerprint() const {
    detail::StableHash hash;
    hash.add(graph_.maxParallelism);
    for (const detail::PlanOperator& op : detail::planOperators(graph_)) {
        hash.add(op.id).add(op.info->kind).add(op.info->uid).add(op.stage->parallelism);
        for (const auto& [name, value] : op.info->parameters) hash.add(name).add(value);
        for (const auto& before : op.predecessors) hash.add(before.id).add(before.exchange).add(before.tag);
    }
    return hash.hex();
}

MILLRACE_INLINE_COLD std::string ExecutionPlan::toJson() const {
    using detail::jsonText;
    const auto list = [](const detail::List<std::string>& texts) {
        std::string out = "[";
        for (std::size_t i = 0; i < texts.size(); ++i) out += (i == 0 ? "" : ", ") + jsonText(texts[i]);
        return out + "]";
    };
    std::string out = "{\n  \"fingerprint\": " + jsonText(fingerprint()) +
                      ",\n  \"maxParallelism\": " + std::to_string(graph_.maxParallelism) + ",\n  \"nodes\": [";
    bool first = true;
    for (const detail::PlanOperator& op : detail::planOperators(graph_)) {
        out += first ? "\n" : ",\n";
        first = false;
        out += "    {\"id\": " + std::to_string(op.id) + ", \"uid\": " + jsonText(op.info->uid) +
               ", \"name\": " + jsonText(op.info->name) + ", \"kind\": " + jsonText(op.info->kind) +
               ", \"stage\": " + std::to_string(op.stage->id + 1) +
               ", \"parallelism\": " + std::to_string(op.stage->parallelism);
        if (!op.info->parameters.empty()) {
            out += ", \"parameters\": {";
            bool firstParameter = true;
            for (const auto& [name, value] : op.info->parameters) {
                out += (firstParameter ? "" : ", ") + jsonText(name) + ": " + jsonText(value);
                firstParameter = false;
            }
            out += "}";
        }
        if (!op.info->states.empty()) out += ", \"states\": " + list(op.info->states);
        if (op.last && !op.stage->sideOutputs.empty()) {
            detail::List<std::string> tags;
            for (const std::string& key : op.stage->sideOutputs) tags.push_back(detail::tagId(key));
            out += ", \"sideOutputs\": " + list(tags);
        }
        out += ", \"predecessors\": [";
        for (std::size_t i = 0; i < op.predecessors.size(); ++i) {
            const auto& before = op.predecessors[i];
            out += (i == 0 ? "" : ", ");
            out += "{\"id\": " + std::to_string(before.id) + ", \"exchange\": " + jsonText(before.exchange);
            if (!before.tag.empty()) out += ", \"sideOutput\": " + jsonText(before.tag);
            out += "}";
        }
        out += "]}";
    }
    return out + "\n  ]\n}\n";
}

MILLRACE_INLINE_COLD std::string ExecutionPlan::toDot() const {
    using detail::jsonText;
    std::string out = "digraph job {\n  rankdir=LR;\n  node [shape=box];\n";
    std::string edges;
    const detail::GraphNode* stage = nullptr;
    for (const detail::PlanOperator& op : detail::planOperators(graph_)) {
        if (op.stage != stage) {
            if (stage != nullptr) out += "  }\n";
            stage = op.stage;
            out += "  subgraph cluster_" + std::to_string(stage->id + 1) + " {\n    label=" +
                   jsonText("stage " + std::to_string(stage->id + 1) + ", parallelism " +
                            std::to_string(stage->parallelism)) +
                   ";\n";
        }
        out += "    n" + std::to_string(op.id) + " [label=" + jsonText(op.info->name) + "];\n";
        for (const auto& before : op.predecessors) {
            edges += "  n" + std::to_string(before.id) + " -> n" + std::to_string(op.id);
            const std::string label = (before.exchange == "FUSED" ? std::string() : before.exchange) +
                                      (before.tag.empty() ? "" : " " + before.tag);
            if (!label.empty()) edges += " [label=" + jsonText(label) + "]";
            edges += ";\n";
        }
    }
    if (stage != nullptr) out += "  }\n";
    return out + edges + "}\n";
}

MILLRACE_INLINE_COLD std::string ExecutionPlan::toMermaid() const {
    const auto quoted = [](const std::string& text) {
        std::string out = "\"";
        for (const char c : text) {
            if (c == '"') {
                out += "#quot;";
            } else {
                out += c;
            }
        }
        return out + '"';
    };
    std::string out = "flowchart LR\n";
    std::string edges;
    const detail::GraphNode* stage = nullptr;
    for (const detail::PlanOperator& op : detail::planOperators(graph_)) {
        if (op.stage != stage) {
            if (stage != nullptr) out += "  end\n";
            stage = op.stage;
            const std::string number = std::to_string(stage->id + 1);
            out += "  subgraph stage" + number + "[" +
                   quoted("stage " + number + ", parallelism " + std::to_string(stage->parallelism)) + "]\n";
        }
        out += "    n" + std::to_string(op.id) + "[" + quoted(op.info->name) + "]\n";
        for (const auto& before : op.predecessors) {
            const std::string label = before.exchange + (before.tag.empty() ? "" : " " + before.tag);
            edges += "  n" + std::to_string(before.id) +
                     (before.exchange == "FUSED" ? " --> " : " -->|" + quoted(label) + "| ") + "n" +
                     std::to_string(op.id) + "\n";
        }
    }
    if (stage != nullptr) out += "  end\n";
    return out + edges;
}

}  // namespace millrace

#endif  // MILLRACE_GRAPH_EXECUTION_PLAN_IPP
