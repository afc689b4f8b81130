#ifndef MILLRACE_API_SOURCE_STREAM_HPP
#define MILLRACE_API_SOURCE_STREAM_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/functions/source.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/operators/source_stage.hpp>

#include <string>
#include <utility>

namespace millrace::detail {

struct SourceTraits {
    bool isBounded = true;
    bool assignsTimestamps = false;
    bool emitsWatermarks = false;
    int fixedParallelism = 0;  ///< 0: any
    WatermarkAlignment alignment;
};

/// What an operator behind the source will read.
StreamInput recordSourceNode(const Shared<GraphBuilder>& graph, std::string name, const SourceTraits& traits,
                             Shared<StageFactory> factory, Ports ports);

/// Records a source with its watermark strategy; the stream behind it.
template <class Source, class Strategy>
[[gnu::cold]] auto recordSource(const Shared<GraphBuilder>& graph, Source source, Strategy strategy, std::string name) {
    if constexpr (!SourceType<Source>) {
        static_assert(
            kRejected<Source>,
            "millrace: fromSource(source, strategy): this is not a source; see functions/source.hpp for its parts: "
            "Output, Split, boundedness(), createReader(context), and createEnumerator(parallelism) const, or "
            "kSingleSplit = true and a Split that can be default constructed.");
        return RejectedStream{};
    } else {
        using T = typename Source::Output;
        static_assert(
            TimestampAssignerFor<std::remove_cvref_t<decltype(strategy.assigner())>, T>,
            "millrace: withTimestampAssigner(fn): fn must be a pointer to a Timestamp member of the source's record, "
            "or callable with a const reference to it and return a Timestamp.");
        SourceTraits traits;
        traits.isBounded = source.boundedness() == Boundedness::Bounded;
        traits.assignsTimestamps = Strategy::kAssignsTimestamps || kSourceHasTimestamps<Source>;
        traits.emitsWatermarks = Strategy::kEmitsWatermarks || kSourceEmitsWatermarks<Source>;
        if constexpr (requires { Source::kFixedParallelism; }) traits.fixedParallelism = Source::kFixedParallelism;
        if constexpr (SingleSplitSource<Source>) {
            static_assert(
                !requires { requires Source::kFixedParallelism != 1; },
                "millrace: fromSource(source, strategy): a source with kSingleSplit = true runs at parallelism 1.");
            traits.fixedParallelism = 1;
        }
        traits.alignment = strategy.settings().alignment;
        StageFactory* const factory = new SourceStageFactory<Source, Strategy>(std::move(source), std::move(strategy));
        return StreamAccess::stream<T>(
            recordSourceNode(graph, std::move(name), traits, Shared<StageFactory>(factory), plainPorts<T>()));
    }
}

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/source_stream.ipp>
#endif

#endif  // MILLRACE_API_SOURCE_STREAM_HPP
