#ifndef MILLRACE_API_BATCH_IPP
#define MILLRACE_API_BATCH_IPP

#include <millrace/api/batch.hpp>
#include <millrace/graph/batch_stage.hpp>

#include <utility>

namespace millrace {

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setRuntimeMode(RuntimeExecutionMode mode,
                                                                          BatchOptions options) {
    settings_.mode = mode;
    settings_.batch = std::move(options);
    settings_.batchStage = detail::makeBatchStage;
    return *this;
}

}  // namespace millrace

#endif  // MILLRACE_API_BATCH_IPP
