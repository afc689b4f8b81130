#ifndef MILLRACE_GRAPH_EXECUTION_PLAN_HPP
#define MILLRACE_GRAPH_EXECUTION_PLAN_HPP

#include <millrace/core/config.hpp>
#include <millrace/graph/job_graph.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace millrace {

namespace detail {
/// "REBALANCE"
std::string_view exchangeName(ExchangeKind kind);
}  // namespace detail

/// A recorded pipeline as data: the operators with their uids, parallelism and parameters, the edges with how records
/// are spread, and the stages that operators were fused into. Building the same pipeline twice gives the same plan. @public
class ExecutionPlan {
public:
    explicit ExecutionPlan(detail::JobGraph graph) : graph_(std::move(graph)) {}

    /// `{"fingerprint", "nodes": [{"id", "uid", "name", "kind", "stage", "parallelism", "parameters", "states",
    /// "sideOutputs", "predecessors": [{"id", "exchange", "sideOutput"?}]}]}`
    std::string toJson() const;
    /// For Graphviz; one cluster per stage.
    std::string toDot() const;
    /// For Markdown pages.
    std::string toMermaid() const;
    /// 16 hexadecimal digits over operators, uids, parallelism and edges; names do not count.
    std::string fingerprint() const;

    // ---- for the library ----
    const detail::JobGraph& graph() const noexcept { return graph_; }

private:
    detail::JobGraph graph_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/graph/execution_plan.ipp>
#endif

#endif  // MILLRACE_GRAPH_EXECUTION_PLAN_HPP
