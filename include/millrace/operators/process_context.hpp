#ifndef MILLRACE_OPERATORS_PROCESS_CONTEXT_HPP
#define MILLRACE_OPERATORS_PROCESS_CONTEXT_HPP

#include <millrace/operators/outputs.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/record/output_tag.hpp>
#include <millrace/time/timestamp.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

/// In place of a TimerService, so that one mistake prints one error.
struct NoTimers {
    void registerEventTimeTimer(Timestamp) const {}
    void registerProcessingTimeTimer(Timestamp) const {}
    void deleteEventTimeTimer(Timestamp) const {}
    void deleteProcessingTimeTimer(Timestamp) const {}
    Timestamp currentWatermark() const { return {}; }
    Timestamp currentProcessingTime() const { return {}; }
};
template <class Context>
NoTimers rejectTimers() {
    static_assert(
        std::is_void_v<Context>,
        "millrace: timerService(): timers belong to a key, and here is none. Put keyBy(selector) in front of "
        "process(fn) (of both streams of a connect, but not of one that is broadcast), and take a "
        "KeyedProcessContext<Key>&, or beside a broadcast a KeyedReadOnlyContext<Key>&. currentWatermark() and "
        "currentProcessingTime() are in every context.");
    return {};
}

}  // namespace detail

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
    /// Only for messages: timers belong to a key, so they are in `KeyedProcessContext`.
    template <class Context = ProcessContext>
    detail::NoTimers timerService() const {
        return detail::rejectTimers<Context>();
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
