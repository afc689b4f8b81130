#include "make_window_pipeline.hpp"

namespace millrace::conformance {

NamedPipelines eventTimePipelines(const json& op, const AssignerRule& rule) {
    return generalPipelines(op, rule, AnyAssigner<true, false>{rule.assign}, EventTimeTrigger::create());
}

}  // namespace millrace::conformance
