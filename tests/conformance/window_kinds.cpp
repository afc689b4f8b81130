#include "window_pipelines.hpp"

#include <millrace/api/data_stream.hpp>

#include <stdexcept>

// window

namespace millrace::conformance {

namespace {

NamedPipelines pipelinesOf(const json& op) {
    const AssignerRule rule = assignerRule(op.at("assigner"));
    if (rule.type == AssignerRule::Type::Global) return globalPipelines(op, rule);
    if (!rule.eventTime) {
        return rule.merging ? processingTimeSessionPipelines(op, rule) : processingTimePipelines(op, rule);
    }
    NamedPipelines pipelines = rule.merging ? eventTimeSessionPipelines(op, rule) : eventTimePipelines(op, rule);
    for (auto& pipeline : alignedPipelines(op)) pipelines.push_back(std::move(pipeline));
    for (auto& pipeline : plainPipelines(op, rule)) pipelines.push_back(std::move(pipeline));
    return pipelines;
}

json triggerOf(const json& op, const AssignerRule& rule) {
    if (op.contains("trigger") && !op.at("trigger").is_null()) return op.at("trigger");
    return {{"type", rule.defaultTrigger()}};
}

}  // namespace

WindowSettings::WindowSettings(const json& op, const AssignerRule& rule)
    : key(op.value("key", json())), function(functionName(op.at("function").get<std::string>())),
      lateness(durationOf(op, "allowed_lateness_ms")), lateSideOutput(op.value("late_side_output", false)),
      usualTrigger(triggerOf(op, rule).at("type") == rule.defaultTrigger()),
      trigger(AnyTrigger::of(triggerOf(op, rule))) {
    if (op.contains("evictor") && !op.at("evictor").is_null()) evictor = AnyEvictor::of(op.at("evictor"));
    if (rule.merging && !trigger.merges()) {
        // a compile error for a trigger that is known then
        throw ConfigurationException("this trigger cannot be used with windows that are merged");
    }
}

std::vector<Implementation> window(const json& op) {
    std::vector<std::string> sides;
    if (op.value("late_side_output", false)) sides.push_back("late");
    NamedPipelines pipelines;
    try {
        pipelines = pipelinesOf(op);
    } catch (const ConfigurationException& refused) {
        const ConfigurationException error = refused;
        const OneInputPipeline refuse = [error](const DataStream<Value>&) -> DataStream<Value> { throw error; };
        return {pipelineImplementation("configuration", refuse, {})};
    }
    std::vector<Implementation> implementations;
    for (auto& [name, pipeline] : pipelines) {
        implementations.push_back(pipelineImplementation(name, pipeline, sides));
    }
    return implementations;
}

}  // namespace millrace::conformance
