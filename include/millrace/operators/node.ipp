#include <millrace/operators/node.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void OpenContext::account(StateMemory& memory, const OperatorId& id, std::string state) const {
    memory.bind(stage.stateMemory, metrics.state,
                {id.name, id.uid, std::move(state), stage.subtaskIndex, stage.parallelism});
}

MILLRACE_INLINE_COLD RuntimeContext OpenContext::runtimeContext(const OperatorId& id) const {
    return {stage.jobName,
            id.name,
            id.uid,
            stage.subtaskIndex,
            stage.parallelism,
            stage.maxParallelism,
            stage.accumulators(),
            stage.attemptNumber};
}

}  // namespace millrace::detail
