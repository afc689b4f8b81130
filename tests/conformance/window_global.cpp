#include "make_window_pipeline.hpp"

#include <millrace/windowing/global_windows.hpp>

namespace millrace::conformance {

NamedPipelines globalPipelines(const json& op, const AssignerRule& rule) {
    return generalPipelines(op, rule, GlobalWindows::create(), NeverTrigger::create());
}

}  // namespace millrace::conformance
