#include <millrace/operators/chain_stage.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD OperatorStage::OperatorStage(const List<OperatorId>& operators) : operators_(operators) {}

MILLRACE_INLINE_COLD OperatorStage::~OperatorStage() = default;

MILLRACE_INLINE_COLD void OperatorStage::addOutput(std::string_view tag, Port& port) {
    outputs_.add(tag, port);
}

MILLRACE_INLINE_COLD void OperatorStage::open(StageContext& context) {
    checkpoints.restoredFrom = restoreFrom_;  // what operators add to the checkpoints on opening is restored at once
    OpenContext open{context, outputs_, metrics, checkpoints, operators_};
    try {
        openNodes(open);
        opened_ = true;
        checkpoints.restoredFrom = nullptr;
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

MILLRACE_INLINE_COLD void BindableStageFactory::bind(List<OperatorId> operators) {
    operators_ = std::move(operators);
}

}  // namespace millrace::detail
