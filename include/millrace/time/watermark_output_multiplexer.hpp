#ifndef MILLRACE_TIME_WATERMARK_OUTPUT_MULTIPLEXER_HPP
#define MILLRACE_TIME_WATERMARK_OUTPUT_MULTIPLEXER_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/time/output_watermarks.hpp>

#include <cstddef>
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
        if (find(id) != ids_.end()) fail(id, "is registered already");
        ids_.emplace_back(std::move(id), outputs_.add());
    }
    /// Emits nothing by itself: what the others had reached shows with the next change.
    void unregisterOutput(std::string_view id) {
        outputs_.remove(get(id));
        ids_.erase(find(id));
    }

    Result emitImmediate(std::string_view id, Timestamp watermark) {
        return outputs_.advance(get(id), watermark) ? combine() : Result{};
    }
    Result markIdleImmediate(std::string_view id) {
        outputs_.setIdle(get(id), true);
        return combine();
    }
    void emitDeferred(std::string_view id, Timestamp watermark) { outputs_.advance(get(id), watermark); }
    void markIdleDeferred(std::string_view id) { outputs_.setIdle(get(id), true); }
    Result onPeriodicEmit() { return combine(); }

    Timestamp watermark() const noexcept { return outputs_.watermark(); }

private:
    Result combine() {
        const detail::OutputWatermarks::Result combined = outputs_.combine();
        Result result;
        if (combined.watermark != kMinTimestamp) {
            result.watermark = combined.watermark;
            idleReported_ = false;
        }
        result.becameIdle = combined.allIdle && !std::exchange(idleReported_, true);
        return result;
    }
    using Ids = std::vector<std::pair<std::string, std::size_t>>;

    Ids::iterator find(std::string_view id) noexcept {
        return std::find_if(ids_.begin(), ids_.end(), [&](const auto& each) { return each.first == id; });
    }
    std::size_t get(std::string_view id) {
        const auto found = find(id);
        if (found == ids_.end()) fail(id, "is not registered");
        return found->second;
    }
    [[noreturn]] static void fail(std::string_view id, const char* what) {
        throw ConfigurationException("WatermarkOutputMultiplexer: the output '" + std::string(id) + "' " + what);
    }

    Ids ids_;
    detail::OutputWatermarks outputs_;
    bool idleReported_ = false;
};

}  // namespace millrace

#endif  // MILLRACE_TIME_WATERMARK_OUTPUT_MULTIPLEXER_HPP
