#ifndef MILLRACE_GRAPH_GRAPH_SCALE_HPP
#define MILLRACE_GRAPH_GRAPH_SCALE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/graph/job_graph.hpp>

#include <string>

namespace millrace::detail {

/// How many subtasks the nodes of a job have, and what follows from it for their edges.
class GraphScale {
public:
    /// As it is.
    explicit GraphScale(const JobGraph& graph);
    /// As if `setParallelism(parallelism)` had been called on the operator of that uid: with it go the operators that are fused
    /// with it, and those behind it that have no parallelism of their own.
    /// *Failure:* ConfigurationException for an unknown uid and for what the operator cannot have, GraphException for a
    /// `forward()` that would join unequal sides. The graph is as it was in any case.
    static GraphScale changed(const JobGraph& graph, const std::string& uid, int parallelism);

    void applyTo(JobGraph& graph) const;
    /// Whether records that go straight on in the graph as it is would be dealt out in turn: those of a key then lose their
    /// order.
    bool spreads(const JobGraph& graph) const noexcept;
    bool operator==(const GraphScale& other) const noexcept;

private:
    struct Node {
        int parallelism;
        bool isDerived;
        List<ExchangeKind> exchanges;  ///< by input
    };
    List<Node> nodes_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/graph/graph_scale.ipp>
#endif

#endif  // MILLRACE_GRAPH_GRAPH_SCALE_HPP
