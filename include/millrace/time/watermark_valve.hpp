#ifndef MILLRACE_TIME_WATERMARK_VALVE_HPP
#define MILLRACE_TIME_WATERMARK_VALVE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/list.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>

namespace millrace::detail {

/// Whether a stream has become idle or active again.
enum class StatusChange : unsigned char { None, Idle, Active };

/// What to pass on, the watermark first.
struct EventTimeChange {
    Timestamp watermark = kMinTimestamp;  ///< kMinTimestamp: none
    StatusChange status = StatusChange::None;

    bool hasWatermark() const noexcept { return watermark != kMinTimestamp; }
};

/// Combines the watermarks and idleness of the parallel channels of one logical input, as Flink's StatusWatermarkValve.
/// An idle channel does not count. It counts again only once its watermark has reached what was emitted: "aligned".
/// A channel that has ended needs no call: its last watermark is the largest, or (stopped without draining) it holds
/// event time where it was.
class WatermarkValve {
public:
    explicit WatermarkValve(std::size_t channels) : channels_(channels), alignedAtLast_(channels), active_(channels) {}

    EventTimeChange watermark(std::size_t index, Timestamp watermark) {
        Channel& channel = channels_[index];
        if (channel.idle || watermark <= channel.watermark) return {};
        if (channel.aligned) {
            if (channel.watermark == last_) --alignedAtLast_;
        } else if (watermark >= last_) {
            channel.aligned = true;
            if (watermark == last_) ++alignedAtLast_;
        }
        channel.watermark = watermark;
        return {advance(), StatusChange::None};
    }

    [[gnu::cold]] EventTimeChange idle(std::size_t index) {
        Channel& channel = channels_[index];
        if (channel.idle) return {};
        channel.idle = true;
        --active_;
        if (channel.aligned && channel.watermark == last_) --alignedAtLast_;
        channel.aligned = false;
        const bool heldBack = channel.watermark == last_;
        if (active_ > 0) return {heldBack ? advance() : kMinTimestamp, StatusChange::None};
        EventTimeChange result{kMinTimestamp, StatusChange::Idle};
        if (heldBack) {
            Timestamp largest = last_;
            for (const Channel& each : channels_) largest = std::max(largest, each.watermark);
            if (largest > last_) result.watermark = last_ = largest;
        }
        return result;
    }

    EventTimeChange active(std::size_t index) {
        Channel& channel = channels_[index];
        if (!channel.idle) return {};
        channel.idle = false;
        if (channel.watermark >= last_) {
            channel.aligned = true;
            if (channel.watermark == last_) ++alignedAtLast_;
        }
        return {kMinTimestamp, active_++ == 0 ? StatusChange::Active : StatusChange::None};
    }

    // ---- where it is, for who saves it
    /// What it has passed on.
    Timestamp reached() const noexcept { return last_; }
    Timestamp watermarkOf(std::size_t index) const noexcept { return channels_[index].watermark; }
    bool isIdle(std::size_t index) const noexcept { return channels_[index].idle; }
    /// Whether what is passed on does not go beyond the watermark of this channel.
    bool waitsFor(std::size_t index) const noexcept { return channels_[index].aligned && !channels_[index].idle; }
    bool isIdle() const noexcept { return active_ == 0; }

private:
    struct Channel {
        Timestamp watermark = kMinTimestamp;
        bool idle = false;
        bool aligned = true;
    };

    /// The minimum over the aligned channels when it has grown, else kMinTimestamp. Aligned channels are never below `last_`, so
    /// there is nothing to look for while one of them is still there: n channels that advance together cost n steps, not n * n.
    Timestamp advance() {
        if (alignedAtLast_ > 0) return kMinTimestamp;
        Timestamp smallest = kMinTimestamp;
        std::size_t count = 0;
        for (const Channel& channel : channels_) {
            if (!channel.aligned) continue;
            if (count == 0 || channel.watermark < smallest) {
                smallest = channel.watermark;
                count = 0;
            }
            if (channel.watermark == smallest) ++count;
        }
        if (smallest <= last_) return kMinTimestamp;
        alignedAtLast_ = count;
        last_ = smallest;
        return smallest;
    }

    List<Channel> channels_;
    Timestamp last_ = kMinTimestamp;
    std::size_t alignedAtLast_;  ///< aligned channels whose watermark is `last_`
    std::size_t active_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_TIME_WATERMARK_VALVE_HPP
