#ifndef MILLRACE_GRAPH_BATCH_STAGE_IPP
#define MILLRACE_GRAPH_BATCH_STAGE_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/graph/batch_stage.hpp>
#include <millrace/operators/sorting_stage.hpp>

#include <utility>
#include <vector>

namespace millrace::detail {

MILLRACE_INLINE_COLD Owner<Stage> makeBatchStage(Owner<Stage> stage, const GraphNode& node,
                                                 const BatchOptions& options) {
    if (!node.isStateful) return stage;
    int inputs = 0;
    bool isKeyed = false;
    for (const GraphEdge& edge : node.inputs) {
        inputs = std::max(inputs, edge.input + 1);
        isKeyed = isKeyed || edge.readsByKey();
    }
    if (!isKeyed) return stage;
    std::vector<std::unique_ptr<KeyedRecordCodec>> codecs(static_cast<std::size_t>(inputs));
    for (const GraphEdge& edge : node.inputs) {
        auto& codec = codecs[static_cast<std::size_t>(edge.input)];
        if (!edge.readsByKey() || codec != nullptr) continue;
        Owner<KeyEncoder> keys(edge.ports->newKeyEncoder());
        if (keys != nullptr) {
            codec = std::make_unique<KeyedRecordCodec>(std::move(keys), *edge.ports->recordCodec());
            continue;
        }
        raise<GraphException>(
            "batch execution sorts the records of '{}' by key, but their type has no codec or no default constructor; "
            "make it a plain aggregate or specialise millrace::Codec for it",
            {node.operators.front().name});
    }
    return Owner<Stage>(new SortingStage(std::move(stage), std::move(codecs), options.sortMemory, options.directory));
}

}  // namespace millrace::detail

#endif  // MILLRACE_GRAPH_BATCH_STAGE_IPP
