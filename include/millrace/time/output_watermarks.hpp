#ifndef MILLRACE_TIME_OUTPUT_WATERMARKS_HPP
#define MILLRACE_TIME_OUTPUT_WATERMARKS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/list.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>

namespace millrace::detail {

/// Combines the watermarks of the splits that a source reads side by side: the smallest of those that are not idle, or
/// the largest of all when all are idle; it never steps back. Outputs are named by small numbers, which are used again.
class OutputWatermarks {
public:
    /// What to pass on, the watermark first.
    struct Result {
        Timestamp watermark = kMinTimestamp;  ///< if it has grown; kMinTimestamp: it has not
        bool allIdle = false;
    };

    /// A new output without a watermark: it holds the others back until it has one, or is idle.
    std::size_t add() {
        std::size_t slot = 0;
        while (slot < outputs_.size() && outputs_[slot].used) ++slot;
        if (slot == outputs_.size()) outputs_.emplace_back();
        outputs_[slot] = {.used = true};
        return slot;
    }
    /// Emits nothing by itself: what the others had reached shows with the next `combine`.
    void remove(std::size_t slot) noexcept { outputs_[slot] = {}; }

    /// Ends its idleness, too. True if it has grown; `combine` then tells what follows from it.
    bool advance(std::size_t slot, Timestamp watermark) noexcept {
        Output& output = outputs_[slot];
        output.idle = false;
        if (watermark <= output.watermark) return false;
        output.watermark = watermark;
        return true;
    }
    void setIdle(std::size_t slot, bool idle) noexcept { outputs_[slot].idle = idle; }

    Result combine() {
        Result result;
        Timestamp smallest = kMaxTimestamp;
        Timestamp largest = kMinTimestamp;
        bool any = false;
        bool allIdle = true;
        for (const Output& output : outputs_) {
            if (!output.used) continue;
            any = true;
            largest = std::max(largest, output.watermark);
            if (output.idle) continue;
            allIdle = false;
            smallest = std::min(smallest, output.watermark);
        }
        if (!any) return result;
        if (const Timestamp reached = allIdle ? largest : smallest; reached > combined_) {
            combined_ = reached;
            result.watermark = reached;
        }
        result.allIdle = allIdle;
        return result;
    }

    Timestamp watermark() const noexcept { return combined_; }
    Timestamp watermarkOf(std::size_t slot) const noexcept { return outputs_[slot].watermark; }
    bool isIdle(std::size_t slot) const noexcept { return outputs_[slot].idle; }

private:
    struct Output {
        Timestamp watermark = kMinTimestamp;
        bool idle = false;
        bool used = false;
    };

    List<Output> outputs_;
    Timestamp combined_ = kMinTimestamp;
};

}  // namespace millrace::detail

#endif  // MILLRACE_TIME_OUTPUT_WATERMARKS_HPP
