#include <millrace/core/message.hpp>
#include <millrace/operators/print_stage.hpp>
#include <millrace/operators/user_function.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD PrintStage::PrintStage(const RecordPrinter& records, std::FILE* file, const std::string& label,
                                            const List<OperatorId>& operators)
    : OperatorStage(operators), records_(records), file_(file), prefix_(label) {}

MILLRACE_INLINE_COLD PrintStage::~PrintStage() = default;

MILLRACE_INLINE_COLD void PrintStage::openNodes(OpenContext& context) {
    subtask_ = context.stage.subtaskIndex;
    if (context.stage.parallelism > 1) {
        prefix_ = message("{}{}{}", {prefix_, prefix_.empty() ? "" : ":", subtask_ + 1});
    }
    if (!prefix_.empty()) prefix_ += "> ";
}

MILLRACE_INLINE_COLD void PrintStage::close() {
    std::fflush(file_);
}

MILLRACE_INLINE void PrintStage::onBlock(int, BlockRef block) {
    StageMetrics::add(metrics.recordsIn, block.size);
    const auto* record = static_cast<const std::byte*>(block.values);
    for (std::size_t i = 0; i < block.size; ++i, record += records_.recordBytes) {
        try {
            line_.clear();
            appendText(line_, prefix_);
            records_.describe(record, line_);
        } catch (...) {
            const Timestamp timestamp = block.timestamps != nullptr ? block.timestamps[i] : kMinTimestamp;
            throwUserFunctionError(operators_.front(), subtask_, timestamp, {}, "describing a record");
        }
        appendText(line_, "\n");
        std::fwrite(line_.data(), 1, line_.size(), file_);  // one call: lines of several subtasks do not mix
    }
}

MILLRACE_INLINE Progress PrintStage::onWatermark(int, Timestamp watermark) {
    metrics.setWatermark(watermark);
    return outputs_.onWatermark(watermark);
}

MILLRACE_INLINE void PrintStage::onIdle(int) {
    metrics.idle.store(true, std::memory_order_relaxed);
    outputs_.onIdle();
}

MILLRACE_INLINE void PrintStage::onActive(int) {
    metrics.idle.store(false, std::memory_order_relaxed);
    outputs_.onActive();
}

MILLRACE_INLINE_COLD Progress PrintStage::endInput(int) {
    return outputs_.endInput();
}

MILLRACE_INLINE_COLD PrintStageFactory::~PrintStageFactory() = default;

MILLRACE_INLINE_COLD Owner<Stage> PrintStageFactory::create(const Shared<SharedState>&) const {
    return Owner<Stage>(new PrintStage(records_, file_, label_, operators()));
}

}  // namespace millrace::detail
