#ifndef MILLRACE_TESTS_CONFORMANCE_MAKE_WINDOW_PIPELINE_HPP
#define MILLRACE_TESTS_CONFORMANCE_MAKE_WINDOW_PIPELINE_HPP

#include "window_pipelines.hpp"

#include <millrace/api/windowed_stream.hpp>

namespace millrace::conformance {

enum class Form { List, Aggregate, Evictor };

template <Form kForm, class Windowed>
DataStream<Value> applyFunction(const Windowed& windowed, const WindowSettings& settings) {
    if constexpr (kForm == Form::Evictor) {
        return windowed.evictor(*settings.evictor).template process<Value>(FormatWindowFunction{settings.function});
    } else if constexpr (kForm == Form::Aggregate) {
        return windowed.template aggregate<Value>(SummaryAggregate{}, FormatResultFunction{settings.function});
    } else {
        return windowed.template process<Value>(FormatWindowFunction{settings.function});
    }
}

template <class Windowed>
Windowed withLateness(Windowed windowed, const WindowSettings& settings) {
    windowed = windowed.allowedLateness(settings.lateness);
    if (settings.lateSideOutput) windowed = windowed.sideOutputLateData(sideTag("late"));
    return windowed;
}

/// keyBy, window, trigger, lateness and function, with a trigger of its own.
template <Form kForm, class Assigner, class Trigger>
OneInputPipeline triggeredPipeline(const WindowSettings& settings, const Assigner& assigner, const Trigger& trigger) {
    return [=](const DataStream<Value>& in) -> DataStream<Value> {
        return applyFunction<kForm>(withLateness(in.keyBy(settings.key).window(assigner).trigger(trigger), settings),
                                    settings);
    };
}

/// The general operator: with a trigger that is known at run time only; where it is the assigner's usual one, with that
/// as well, which the operator treats in another way.
template <class Assigner, class UsualTrigger>
NamedPipelines generalPipelines(const json& op, const AssignerRule& rule, const Assigner& assigner,
                                const UsualTrigger& usualTrigger) {
    const WindowSettings settings(op, rule);
    if (settings.evictor.has_value()) {
        return {
            {"general operator with evictor", triggeredPipeline<Form::Evictor>(settings, assigner, settings.trigger)}};
    }
    NamedPipelines pipelines;
    pipelines.emplace_back("general operator", triggeredPipeline<Form::List>(settings, assigner, settings.trigger));
    if (!settings.usualTrigger) return pipelines;
    pipelines.emplace_back("general operator, usual trigger",
                           triggeredPipeline<Form::List>(settings, assigner, usualTrigger));
    if (isAggregate(settings.function)) {
        pipelines.emplace_back("general operator, usual trigger, aggregate",
                               triggeredPipeline<Form::Aggregate>(settings, assigner, usualTrigger));
    }
    return pipelines;
}

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_MAKE_WINDOW_PIPELINE_HPP
