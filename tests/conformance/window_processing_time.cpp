#include "make_window_pipeline.hpp"

namespace millrace::conformance {

NamedPipelines processingTimePipelines(const json& op, const AssignerRule& rule) {
    return generalPipelines(op, rule, AnyAssigner<false, false>{rule.assign}, ProcessingTimeTrigger::create());
}

}  // namespace millrace::conformance
