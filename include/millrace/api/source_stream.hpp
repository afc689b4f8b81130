#ifndef MILLRACE_API_SOURCE_STREAM_HPP
#define MILLRACE_API_SOURCE_STREAM_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/functions/source.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/operators/source_stage.hpp>

#include <memory>
#include <string>
#include <utility>

namespace millrace::detail {

/// Records a source with its watermark strategy; the stream behind it.
template <class Source, class Strategy>
auto recordSource(const std::shared_ptr<GraphBuilder>& graph, Source source, Strategy strategy, std::string name) {
    static_assert(
        SourceType<Source>,
        "millrace: fromSource(source, strategy): this is not a source; see functions/source.hpp for its parts: "
        "Output, Split, boundedness(), createEnumerator(parallelism), createReader(context).");
    using T = typename Source::Output;
    static_assert(
        TimestampAssignerFor<std::remove_cvref_t<decltype(strategy.assigner())>, T>,
        "millrace: withTimestampAssigner(fn): fn must be a pointer to a Timestamp member of the source's record, "
        "or callable with a const reference to it and return a Timestamp.");
    GraphNode node;
    OperatorInfo info = operatorInfo("source");
    info.name = std::move(name);
    node.operators.push_back(std::move(info));
    node.isSource = true;
    node.isBounded = source.boundedness() == Boundedness::Bounded;
    node.assignsTimestamps = Strategy::kAssignsTimestamps || kSourceHasTimestamps<Source>;
    node.emitsWatermarks = Strategy::kEmitsWatermarks || kSourceEmitsWatermarks<Source>;
    if constexpr (requires { Source::kFixedParallelism; }) node.fixedParallelism = Source::kFixedParallelism;
    StreamInput output;
    output.graph = graph;
    output.generation = graph->generation();
    const int id =
        graph->add(std::move(node),
                   stageFactory(new SourceStageFactory<Source, Strategy>(std::move(source), std::move(strategy))));
    return StreamAccess::stream<T>(outputOf<T>(output, id));
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_SOURCE_STREAM_HPP
