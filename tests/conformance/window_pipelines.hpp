#ifndef MILLRACE_TESTS_CONFORMANCE_WINDOW_PIPELINES_HPP
#define MILLRACE_TESTS_CONFORMANCE_WINDOW_PIPELINES_HPP

#include "any_assigner.hpp"
#include "harness_subject.hpp"
#include "window_functions.hpp"

#include <string>
#include <utility>
#include <vector>

// The pipelines behind the kind `window`. Every combination of assigner, trigger and function is a class of its own for
// the compiler, so the files of this folder share them out.

namespace millrace::conformance {

using NamedPipelines = std::vector<std::pair<std::string, OneInputPipeline>>;

NamedPipelines eventTimePipelines(const json& op, const AssignerRule& rule);
NamedPipelines eventTimeSessionPipelines(const json& op, const AssignerRule& rule);
NamedPipelines processingTimePipelines(const json& op, const AssignerRule& rule);
NamedPipelines processingTimeSessionPipelines(const json& op, const AssignerRule& rule);
NamedPipelines globalPipelines(const json& op, const AssignerRule& rule);
/// Tumbling and sliding event-time windows with the default trigger and no evictor; none for other configurations.
NamedPipelines alignedPipelines(const json& op);

/// Event-time windows with the default trigger and no evictor, over plain records; none for other configurations.
NamedPipelines plainPipelines(const json& op, const AssignerRule& rule);

/// Everything that does not depend on how the windows are made.
struct WindowSettings {
    KeyOfRecord key;
    FunctionName function;
    Duration lateness;
    bool lateSideOutput;
    std::optional<AnyEvictor> evictor;
    bool usualTrigger;  ///< the assigner's own
    AnyTrigger trigger;

    WindowSettings(const json& op, const AssignerRule& rule);
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_WINDOW_PIPELINES_HPP
