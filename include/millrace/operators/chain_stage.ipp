#include <millrace/operators/chain_stage.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD OperatorStage::OperatorStage(std::vector<OperatorId> operators)
    : operators_(std::move(operators)) {}

MILLRACE_INLINE_COLD OperatorStage::~OperatorStage() = default;

MILLRACE_INLINE_COLD void OperatorStage::addOutput(std::string_view tag, Port& port) {
    outputs_.add(tag, port);
}

MILLRACE_INLINE_COLD void OperatorStage::open(StageContext& context) {
    OpenContext open{context, outputs_, metrics, operators_};
    try {
        openNodes(open);
        opened_ = true;
        if (const SnapshotSource* const source = std::exchange(restoreFrom_, nullptr)) restoreNodes(*source);
    } catch (...) {
        // the host closes only what has been opened: what came that far is closed here
        closeBoth([] { throw; }, [this] { close(); });
    }
}

MILLRACE_INLINE_COLD void OperatorStage::restore(const SnapshotSource& source) {
    if (opened_) {
        restoreNodes(source);
    } else {
        restoreFrom_ = &source;
    }
}

MILLRACE_INLINE_COLD BindableStageFactory::~BindableStageFactory() = default;

MILLRACE_INLINE_COLD void BindableStageFactory::bind(std::vector<OperatorId> operators) {
    operators_ = std::move(operators);
}

}  // namespace millrace::detail
