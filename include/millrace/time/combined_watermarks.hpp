#ifndef MILLRACE_TIME_COMBINED_WATERMARKS_HPP
#define MILLRACE_TIME_COMBINED_WATERMARKS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/time/watermark_valve.hpp>

#include <cstddef>

namespace millrace::detail {

/// Combines the watermarks and idleness of the separate inputs of one operator: the smallest watermark of the inputs that
/// are not idle, or the largest of all when every input is idle; never lowered.
///
/// Unlike the channels of one input (`WatermarkValve`), an input that becomes active again counts at once: while it lags
/// behind what was emitted, event time stands still. A watermark of an idle input makes it active.
class CombinedWatermarks {
public:
    explicit CombinedWatermarks(std::size_t inputs) : inputs_(new Input[inputs]()), count_(inputs) {}

    EventTimeChange watermark(std::size_t index, Timestamp watermark) {
        Input& input = inputs_[index];
        input.watermark = std::max(input.watermark, watermark);
        input.idle = false;
        return {advance(), StatusChange::None};
    }
    EventTimeChange idle(std::size_t index) { return status(index, true); }
    EventTimeChange active(std::size_t index) { return status(index, false); }

    /// The largest watermark emitted so far.
    Timestamp current() const noexcept { return last_; }

private:
    struct Input {
        Timestamp watermark = kMinTimestamp;
        bool idle = false;
    };

    bool allIdle() const noexcept {
        return std::all_of(inputs_.get(), inputs_.get() + count_, [](const Input& input) { return input.idle; });
    }
    EventTimeChange status(std::size_t index, bool idle) {
        const bool before = allIdle();
        inputs_[index].idle = idle;
        EventTimeChange result{advance(), StatusChange::None};
        if (before != idle && allIdle() != before) result.status = idle ? StatusChange::Idle : StatusChange::Active;
        return result;
    }
    /// The combined watermark when it has grown, else kMinTimestamp.
    Timestamp advance() {
        Timestamp smallest = kMaxTimestamp;
        Timestamp largest = kMinTimestamp;
        bool anyActive = false;
        for (std::size_t i = 0; i < count_; ++i) {
            const Input& input = inputs_[i];
            largest = std::max(largest, input.watermark);
            if (input.idle) continue;
            smallest = std::min(smallest, input.watermark);
            anyActive = true;
        }
        const Timestamp combined = anyActive ? smallest : largest;
        if (combined <= last_) return kMinTimestamp;
        last_ = combined;
        return combined;
    }

    Owner<Input[]> inputs_;
    std::size_t count_;
    Timestamp last_ = kMinTimestamp;
};

}  // namespace millrace::detail

#endif  // MILLRACE_TIME_COMBINED_WATERMARKS_HPP
