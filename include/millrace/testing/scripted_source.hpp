#ifndef MILLRACE_TESTING_SCRIPTED_SOURCE_HPP
#define MILLRACE_TESTING_SCRIPTED_SOURCE_HPP

#include <millrace/connectors/assigned_splits.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
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
    static constexpr bool kSingleSplit = true;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;

    explicit ScriptedSource(Script<T> script) : script_(std::make_shared<const Script<T>>(std::move(script))) {}

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }

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

/// Which script, and the step that it has got to.
struct ScriptSplit {
    std::uint64_t script = 0;
    std::uint64_t next = 0;
    std::string splitId() const { return "script " + std::to_string(script); }
    bool operator==(const ScriptSplit&) const = default;
};

/// A parallel source with a split for each script, which its readers read side by side: script i belongs to subtask i
/// modulo the parallelism. Pauses are of one split, the others go on. It makes timestamps but no watermarks (a script must
/// not have any): give it a strategy that does, each split then has a generator of its own. Splits can pause, as an
/// alignment group asks for. @public
template <class T>
class ScriptedSplits {
public:
    using Output = T;
    using Split = ScriptSplit;
    static constexpr bool kHasTimestamps = true;

    /// *Failure:* ConfigurationException for a script with a watermark.
    explicit ScriptedSplits(std::vector<Script<T>> scripts)
        : scripts_(std::make_shared<const std::vector<Script<T>>>(std::move(scripts))) {
        for (const Script<T>& script : *scripts_) {
            for (const auto& step : script.steps()) {
                if (step.kind == Script<T>::Kind::Watermark) {
                    throw ConfigurationException(
                        "ScriptedSplits: a script has a watermark; give the source a WatermarkStrategy instead");
                }
            }
        }
    }

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int parallelism) const {
        std::vector<Split> splits;
        for (std::uint64_t i = 0; i < scripts_->size(); ++i) splits.push_back({i, 0});
        return AssignedSplitEnumerator<Split>::dealOut(std::move(splits), parallelism);
    }

    class Reader {
    public:
        Reader(std::shared_ptr<const std::vector<Script<T>>> scripts, const SourceReaderContext& context)
            : scripts_(std::move(scripts)), now_(context.now) {}

        void openSplit(std::size_t slot, Split split) {
            if (slot >= open_.size()) open_.resize(slot + 1);
            open_[slot] = Open{split, true, false, std::nullopt};
        }
        void pauseSplit(std::size_t slot, bool paused) { open_[slot].paused = paused; }
        /// Takes the splits in turn.
        FillResult fill(std::span<T> values, std::span<Timestamp> timestamps) {
            FillResult nothing{0, SourceStatus::NothingAvailable};
            for (std::size_t i = 0; i < open_.size(); ++i) {
                last_ = (last_ + 1) % open_.size();
                Open& split = open_[last_];
                if (!split.used || split.paused) continue;
                FillResult result = fill(split, values, timestamps);
                result.split = last_;
                if (result.status == SourceStatus::EndOfSplit) split.used = false;
                if (result.status != SourceStatus::NothingAvailable) return result;
                nothing.wakeAt = std::min(nothing.wakeAt, result.wakeAt);
            }
            return nothing;
        }
        Split position(std::size_t slot) const noexcept { return open_[slot].position; }
        void close() noexcept {}

    private:
        struct Open {
            Split position;
            bool used = false;
            bool paused = false;
            std::optional<Timestamp> resumeAt;
        };

        FillResult fill(Open& split, std::span<T> values, std::span<Timestamp> timestamps) {
            using Kind = typename Script<T>::Kind;
            const auto& steps = (*scripts_)[static_cast<std::size_t>(split.position.script)].steps();
            FillResult result;
            for (; split.position.next < steps.size(); ++split.position.next) {
                const auto& step = steps[static_cast<std::size_t>(split.position.next)];
                if (step.kind == Kind::Element) {
                    if (result.count == values.size()) return result;
                    values[result.count] = step.value;
                    timestamps[result.count++] = step.time;
                    continue;
                }
                if (result.count > 0 && step.kind != Kind::BlockEnd) return result;  // the elements before it first
                if (step.kind == Kind::Failure) throw MillraceException(step.message);
                if (step.kind == Kind::Pause) {
                    if (!split.resumeAt.has_value()) split.resumeAt = saturatingAdd(now_(), step.duration);
                    if (now_() < *split.resumeAt) {
                        result.status = SourceStatus::NothingAvailable;
                        result.wakeAt = *split.resumeAt;
                        return result;
                    }
                    split.resumeAt.reset();
                    continue;
                }
                ++split.position.next;
                result.idle = step.kind == Kind::Idle;
                return result;
            }
            result.status = SourceStatus::EndOfSplit;
            return result;
        }

        std::shared_ptr<const std::vector<Script<T>>> scripts_;
        std::function<Timestamp()> now_;
        std::vector<Open> open_;  // by slot
        std::size_t last_ = 0;
    };
    Reader createReader(const SourceReaderContext& context) const { return Reader(scripts_, context); }

private:
    std::shared_ptr<const std::vector<Script<T>>> scripts_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_SCRIPTED_SOURCE_HPP
