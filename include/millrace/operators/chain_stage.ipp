#include <millrace/operators/chain_stage.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD OperatorStage::OperatorStage(List<OperatorId> operators) : operators_(std::move(operators)) {}

MILLRACE_INLINE_COLD OperatorStage::~OperatorStage() = default;

MILLRACE_INLINE_COLD void OperatorStage::addOutput(std::string_view tag, Port& port) {
    outputs_.add(tag, port);
}

MILLRACE_INLINE_COLD BindableStageFactory::~BindableStageFactory() = default;

MILLRACE_INLINE_COLD void BindableStageFactory::bind(List<OperatorId> operators) {
    operators_ = std::move(operators);
}

}  // namespace millrace::detail
