#ifndef MILLRACE_FUNCTIONS_PROCESS_FUNCTION_HPP
#define MILLRACE_FUNCTIONS_PROCESS_FUNCTION_HPP

#include <millrace/record/collector.hpp>
#include <millrace/record/output_tag.hpp>
#include <millrace/time/timestamp.hpp>

#include <concepts>
#include <optional>

namespace millrace {

/// What `processElement(value, ctx, out)` may ask and do besides emitting. Take it as `auto& ctx`. @public
/// `Host` is the operator behind it; the interface is what counts.
template <class Host>
class ProcessContext {
public:
    explicit ProcessContext(Host& host) : host_(host) {}

    /// Event time of the element; none when no timestamps are assigned.
    std::optional<Timestamp> timestamp() const {
        if (element_ == kMinTimestamp) return std::nullopt;
        return element_;
    }
    Timestamp currentWatermark() const { return host_.currentWatermark(); }
    Timestamp currentProcessingTime() const { return host_.currentProcessingTime(); }

    /// Emits to a side output, with the timestamp of the element.
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) {
        host_.emitSide(tag, std::forward<U>(value), element_);
    }

    // ---- for operators ----
    void setElement(Timestamp timestamp) noexcept { element_ = timestamp; }

private:
    Host& host_;
    Timestamp element_ = kMinTimestamp;
};

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_PROCESS_FUNCTION_HPP
