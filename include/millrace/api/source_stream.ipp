#include <millrace/api/source_stream.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD StreamInput recordSourceNode(const Shared<GraphBuilder>& graph, std::string name,
                                                  const SourceTraits& traits, Shared<StageFactory> factory,
                                                  Ports ports) {
    Owner<GraphNode> node(new GraphNode);
    OperatorInfo& source = node->operators.add(new OperatorInfo(operatorInfo("source")));
    source.name = std::move(name);
    node->isSource = true;
    node->isBounded = traits.isBounded;
    node->assignsTimestamps = traits.assignsTimestamps;
    node->emitsWatermarks = traits.emitsWatermarks;
    node->alignment = traits.alignment;
    node->fixedParallelism = traits.fixedParallelism;
    StreamInput environment;
    environment.graph = graph;
    environment.generation = graph->generation();
    return outputOf(environment, graph->add(std::move(node), std::move(factory)), std::move(ports));
}

}  // namespace millrace::detail
