#include "make_window_pipeline.hpp"

#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

namespace millrace::conformance {

namespace {

template <class Assigner>
NamedPipelines alignedPipelinesOf(const WindowSettings& settings, const Assigner& assigner) {
    NamedPipelines pipelines;
    pipelines.emplace_back("aligned operator", [=](const DataStream<Value>& in) -> DataStream<Value> {
        return applyFunction<Form::List>(withLateness(in.keyBy(settings.key).window(assigner), settings), settings);
    });
    if (isAggregate(settings.function)) {
        pipelines.emplace_back("aligned operator, aggregate", [=](const DataStream<Value>& in) -> DataStream<Value> {
            return applyFunction<Form::Aggregate>(withLateness(in.keyBy(settings.key).window(assigner), settings),
                                                  settings);
        });
    }
    return pipelines;
}

}  // namespace

NamedPipelines alignedPipelines(const json& op) {
    const json& assigner = op.at("assigner");
    const AssignerRule rule = assignerRule(assigner);
    const WindowSettings settings(op, rule);
    if (!settings.usualTrigger || settings.evictor.has_value()) return {};
    const std::string type = assigner.at("type").get<std::string>();
    const Duration size = durationOf(assigner, "size_ms");
    const Duration slide = durationOf(assigner, "slide_ms");
    if (type == "tumbling_event_time") {
        return alignedPipelinesOf(settings, TumblingEventTimeWindows::of(size, reducedOffset(assigner, size)));
    }
    if (type == "sliding_event_time") {
        return alignedPipelinesOf(settings, SlidingEventTimeWindows::of(size, slide, reducedOffset(assigner, slide)));
    }
    return {};
}

}  // namespace millrace::conformance
