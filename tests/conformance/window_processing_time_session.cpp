#include "make_window_pipeline.hpp"

namespace millrace::conformance {

NamedPipelines processingTimeSessionPipelines(const json& op, const AssignerRule& rule) {
    return generalPipelines(op, rule, AnyAssigner<false, true>{rule.assign}, ProcessingTimeTrigger::create());
}

}  // namespace millrace::conformance
