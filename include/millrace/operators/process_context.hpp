#ifndef MILLRACE_OPERATORS_PROCESS_CONTEXT_HPP
#define MILLRACE_OPERATORS_PROCESS_CONTEXT_HPP

#include <millrace/operators/outputs.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/record/output_tag.hpp>
#include <millrace/time/timestamp.hpp>

#include <optional>
#include <utility>

namespace millrace {

/// What `processElement(value, ProcessContext& ctx, Collector<Out>& out)` may ask and do besides emitting. @public
/// *Thread safety:* for the subtask's own thread, during the call that it was passed to.
class ProcessContext {
public:
    /// Event time of the element; none when no timestamps are assigned.
    std::optional<Timestamp> timestamp() const {
        if (element_ == kMinTimestamp) return std::nullopt;
        return element_;
    }
    Timestamp currentWatermark() const noexcept { return watermark_; }
    Timestamp currentProcessingTime() const { return stage_->currentProcessingTime(); }

    /// Emits to a side output, with the timestamp of the element.
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) {
        outputs_->emitSide(tag, std::forward<U>(value), element_);
    }

    // ---- for operators ----
    void open(detail::StageContext& stage, detail::StageOutputs& outputs) noexcept {
        stage_ = &stage;
        outputs_ = &outputs;
    }
    void setElement(Timestamp timestamp) noexcept { element_ = timestamp; }
    Timestamp element() const noexcept { return element_; }
    void setWatermark(Timestamp watermark) noexcept { watermark_ = watermark; }

private:
    detail::StageContext* stage_ = nullptr;
    detail::StageOutputs* outputs_ = nullptr;
    Timestamp element_ = kMinTimestamp;
    Timestamp watermark_ = kMinTimestamp;
};

}  // namespace millrace

#endif  // MILLRACE_OPERATORS_PROCESS_CONTEXT_HPP
