#include "make_window_pipeline.hpp"

namespace millrace::conformance {

NamedPipelines eventTimeSessionPipelines(const json& op, const AssignerRule& rule) {
    return generalPipelines(op, rule, AnyAssigner<true, true>{rule.assign}, EventTimeTrigger::create());
}

}  // namespace millrace::conformance
