#ifndef MILLRACE_TIME_WATERMARK_OUTPUT_MULTIPLEXER_HPP
#define MILLRACE_TIME_WATERMARK_OUTPUT_MULTIPLEXER_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// Combines the watermarks of several outputs of one source (splits read side by side) into the source's own. @evolving
/// The combined watermark is the smallest of the outputs that are not idle, or the largest of all when all are idle; it
/// never steps back. An *immediate* change is passed on at once; a *deferred* one is kept until the next periodic emit,
/// or until an immediate change recomputes everything.
/// *Thread safety:* none. *Failure:* ConfigurationException for an id registered twice or not at all.
class WatermarkOutputMultiplexer {
public:
    /// What to pass on: the watermark first, then that the source has become idle. A watermark that follows ends the
    /// idleness without further notice.
    struct Result {
        std::optional<Timestamp> watermark;
        bool becameIdle = false;
    };

    void registerOutput(std::string id) {
        if (find(id) != nullptr) fail(id, "is registered already");
        outputs_.push_back({std::move(id)});
    }
    /// Emits nothing by itself: what the others had reached shows with the next change.
    void unregisterOutput(std::string_view id) {
        const Output& output = get(id);
        outputs_.erase(outputs_.begin() + (&output - outputs_.data()));
    }

    Result emitImmediate(std::string_view id, Timestamp watermark) {
        return get(id).advance(watermark) ? combine() : Result{};
    }
    Result markIdleImmediate(std::string_view id) {
        get(id).idle = true;
        return combine();
    }
    void emitDeferred(std::string_view id, Timestamp watermark) { get(id).advance(watermark); }
    void markIdleDeferred(std::string_view id) { get(id).idle = true; }
    Result onPeriodicEmit() { return combine(); }

    Timestamp watermark() const noexcept { return combined_; }

private:
    struct Output {
        std::string id;
        Timestamp watermark = kMinTimestamp;
        bool idle = false;

        bool advance(Timestamp to) noexcept {
            idle = false;
            if (to <= watermark) return false;
            watermark = to;
            return true;
        }
    };

    Result combine() {
        Result result;
        if (outputs_.empty()) return result;
        Timestamp smallest = kMaxTimestamp;
        Timestamp largest = kMinTimestamp;
        bool allIdle = true;
        for (const Output& output : outputs_) {
            largest = std::max(largest, output.watermark);
            if (output.idle) continue;
            allIdle = false;
            smallest = std::min(smallest, output.watermark);
        }
        if (const Timestamp reached = allIdle ? largest : smallest; reached > combined_) {
            combined_ = reached;
            idleReported_ = false;
            result.watermark = reached;
        }
        if (allIdle) result.becameIdle = !std::exchange(idleReported_, true);
        return result;
    }
    const Output* find(std::string_view id) const noexcept {
        const auto found = std::find_if(outputs_.begin(), outputs_.end(), [&](const Output& o) { return o.id == id; });
        return found == outputs_.end() ? nullptr : &*found;
    }
    Output& get(std::string_view id) {
        const Output* const output = find(id);
        if (output == nullptr) fail(id, "is not registered");
        return outputs_[static_cast<std::size_t>(output - outputs_.data())];
    }
    [[noreturn]] static void fail(std::string_view id, const char* what) {
        throw ConfigurationException("WatermarkOutputMultiplexer: the output '" + std::string(id) + "' " + what);
    }

    std::vector<Output> outputs_;
    Timestamp combined_ = kMinTimestamp;
    bool idleReported_ = false;
};

}  // namespace millrace

#endif  // MILLRACE_TIME_WATERMARK_OUTPUT_MULTIPLEXER_HPP
