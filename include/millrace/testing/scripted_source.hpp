#ifndef MILLRACE_TESTING_SCRIPTED_SOURCE_HPP
#define MILLRACE_TESTING_SCRIPTED_SOURCE_HPP

#include <millrace/core/errors.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace millrace::testing {

/// What a `ScriptedSource` does, step by step. @public
/// `Script<int>().element(1, at(3)).watermark(at(5)).pause(10s).element(2, at(9))`
template <class T>
class Script {
public:
    enum class Kind : unsigned char { Element, Watermark, Idle, Pause, BlockEnd, Failure };
    struct Step {
        Kind kind;
        T value{};
        Timestamp time = kMinTimestamp;
        Duration duration{};
        std::string message{};
    };

    Script& element(T value, Timestamp timestamp = kMinTimestamp) {
        return add({Kind::Element, std::move(value), timestamp});
    }
    Script& watermark(Timestamp watermark) { return add({Kind::Watermark, T{}, watermark}); }
    /// No longer holds event time back, until the next element or watermark.
    Script& idle() { return add({Kind::Idle}); }
    /// Does nothing for so long, by the clock.
    Script& pause(Duration duration) { return add({Kind::Pause, T{}, kMinTimestamp, duration}); }
    /// What follows comes in another block, even if there is room in this one.
    Script& endBlock() { return add({Kind::BlockEnd}); }
    /// The source throws a MillraceException with this message.
    Script& fail(std::string message) { return add({Kind::Failure, T{}, kMinTimestamp, {}, std::move(message)}); }

    const std::vector<Step>& steps() const noexcept { return steps_; }

private:
    Script& add(Step step) {
        steps_.push_back(std::move(step));
        return *this;
    }
    std::vector<Step> steps_;
};

/// The step that a script has got to.
struct ScriptPosition {
    std::uint64_t next = 0;
    bool operator==(const ScriptPosition&) const = default;
};

/// A source that does what its script says: elements with timestamps, watermarks, idleness, pauses, failures. @public
/// Bounded and not parallel: for inputs side by side make the union of several. It makes its own timestamps and
/// watermarks: pass `WatermarkStrategy::noWatermarks()`.
/// *Example:* `env.fromSource(ScriptedSource<int>(script), WatermarkStrategy::noWatermarks(), "numbers")`
template <class T>
class ScriptedSource {
public:
    using Output = T;
    using Split = ScriptPosition;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;
    static constexpr int kFixedParallelism = 1;

    explicit ScriptedSource(Script<T> script) : script_(std::make_shared<const Script<T>>(std::move(script))) {}

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int /*parallelism*/) const {
        return std::make_unique<SplitListEnumerator<Split>>(std::vector<Split>{Split{}});
    }

    class Reader {
    public:
        Reader(std::shared_ptr<const Script<T>> script, const SourceReaderContext& context)
            : script_(std::move(script)), now_(context.now) {}

        void open(Split split) {
            position_ = split;
            resumeAt_.reset();
        }
        FillResult fill(std::span<T> values, std::span<Timestamp> timestamps) {
            const auto& steps = script_->steps();
            FillResult result;
            while (position_.next < steps.size()) {
                const auto& step = steps[static_cast<std::size_t>(position_.next)];
                using Kind = typename Script<T>::Kind;
                if (step.kind == Kind::Element) {
                    if (result.count == values.size()) return result;
                    values[result.count] = step.value;
                    timestamps[result.count++] = step.time;
                    ++position_.next;
                    continue;
                }
                if (step.kind == Kind::Pause || step.kind == Kind::Failure) {
                    if (result.count > 0) return result;  // the elements before it first
                    if (step.kind == Kind::Failure) throw MillraceException(step.message);
                    if (!resumeAt_.has_value()) resumeAt_ = saturatingAdd(now_(), step.duration);
                    if (now_() < *resumeAt_) {
                        result.status = SourceStatus::NothingAvailable;
                        result.wakeAt = *resumeAt_;
                        return result;
                    }
                    resumeAt_.reset();
                    ++position_.next;
                    continue;
                }
                // what follows the elements of a block ends it
                ++position_.next;
                if (step.kind == Kind::Watermark) result.watermark = step.time;
                result.idle = step.kind == Kind::Idle;
                return result;
            }
            result.status = SourceStatus::EndOfSplit;
            return result;
        }
        Split position() const noexcept { return position_; }
        void close() noexcept {}

    private:
        std::shared_ptr<const Script<T>> script_;
        std::function<Timestamp()> now_;
        Split position_;
        std::optional<Timestamp> resumeAt_;
    };
    Reader createReader(const SourceReaderContext& context) const { return Reader(script_, context); }

private:
    std::shared_ptr<const Script<T>> script_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_SCRIPTED_SOURCE_HPP
