#ifndef MILLRACE_FUNCTIONS_SOURCE_HPP
#define MILLRACE_FUNCTIONS_SOURCE_HPP

#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/metrics/accumulators.hpp>
#include <millrace/time/timestamp.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/// Whether a source ends by itself. @public
enum class Boundedness : unsigned char { Bounded, ContinuousUnbounded };

/// What a reader found when it was asked to fill a block. @public
enum class SourceStatus : unsigned char {
    MoreAvailable,     ///< ask again at once
    NothingAvailable,  ///< ask again after `wakeUp` or at `wakeAt`
    EndOfSplit,        ///< the split of this call has ended; records of the same call still count
};

/// What `SourceReader::fill` did. @public
struct FillResult {
    std::size_t count = 0;  ///< records written to the front of the block
    SourceStatus status = SourceStatus::MoreAvailable;
    Timestamp wakeAt = kMaxTimestamp;     ///< with NothingAvailable: processing time to ask again at
    Timestamp watermark = kMinTimestamp;  ///< for sources that know their watermark themselves
    bool idle = false;                    ///< holds event time back no longer, until its next record or watermark
    std::size_t split = 0;                ///< readers of several splits: which of them all this is about
};

/// What a reader may ask of its surroundings. @public
struct SourceReaderContext {
    int subtaskIndex = 0;
    int parallelism = 1;
    /// Schedules the reader again; may be called from any thread, also after the job has ended.
    std::function<void()> wakeUp;
    /// Current processing time.
    std::function<Timestamp()> now;
    /// Accumulators of the job, for counts such as skipped rows; null in bare unit tests.
    Accumulators* accumulators = nullptr;
};

/// Hands out the splits of a source; one per job and source, asked by all its readers. @public
/// *Thread safety:* the engine serialises all calls. Splits carry their position, so that a snapshot of an enumerator
/// and of the readers' splits is a snapshot of the source.
template <class Split>
class SplitEnumerator {
public:
    virtual ~SplitEnumerator() = default;
    /// The next split for a reader, or none (for now, or for ever: see `noMoreSplits`).
    virtual std::optional<Split> nextSplit(int subtaskIndex) = 0;
    /// True when `nextSplit` will never again return one to this reader.
    virtual bool noMoreSplits(int subtaskIndex) = 0;
    /// Takes back what a failed reader had not finished.
    virtual void addSplitsBack(std::vector<Split> splits) = 0;
    /// The splits not handed out yet.
    virtual std::vector<Split> snapshot() const = 0;
};

/// An enumerator over a list made beforehand: whoever asks gets the next one. @public
template <class Split>
class SplitListEnumerator : public SplitEnumerator<Split> {
public:
    explicit SplitListEnumerator(std::vector<Split> splits) : splits_(std::move(splits)) {}
    std::optional<Split> nextSplit(int) override {
        if (next_ == splits_.size()) return std::nullopt;
        return splits_[next_++];
    }
    bool noMoreSplits(int) override { return next_ == splits_.size(); }
    [[gnu::cold]] void addSplitsBack(std::vector<Split> splits) override {
        // in front of the rest: what comes back is earlier in event time
        for (; next_ < splits_.size(); ++next_) splits.push_back(std::move(splits_[next_]));
        splits_ = std::move(splits);
        next_ = 0;
    }
    [[gnu::cold]] std::vector<Split> snapshot() const override {
        std::vector<Split> left;
        for (std::size_t i = next_; i < splits_.size(); ++i) left.push_back(Split(splits_[i]));
        return left;
    }

private:
    std::vector<Split> splits_;
    std::size_t next_ = 0;
};

/// Reads splits, one at a time: `open(split)`, `fill` until EndOfSplit, then the next one. @public
/// `fill` writes records over the front of `values` (live objects: strings may reuse their room) and, when the source
/// knows the records' times, to `timestamps` too; it must not block for long.
template <class R, class T, class Split>
concept SourceReaderFor = requires(R reader, Split split, std::span<T> values, std::span<Timestamp> timestamps) {
    reader.open(std::move(split));
    { reader.fill(values, timestamps) } -> std::same_as<FillResult>;
    { reader.position() } -> std::convertible_to<Split>;  ///< the open split, as it has to be read on after a restore
    reader.close();
};

/// Reads several splits side by side (the partitions of a topic, the shards of a stream): each of them gets a watermark
/// generator and idleness of its own, and the smallest of their watermarks counts. @public
/// `openSplit(slot, split)` adds one; its slot is a small number that is used again once the split has ended. A call of
/// `fill` is about one split, `FillResult::split` is its slot, and EndOfSplit ends that one; NothingAvailable means: none
/// has something. A reader gets every split that the enumerator has for its subtask, at the start and whenever it is woken:
/// let the enumerator deal them out (`AssignedSplitEnumerator::dealOut`).
/// Optional: `pauseSplit(slot, bool paused)`. While a split pauses, nothing of it may be returned: it is too far ahead of
/// its alignment group. Without it the reader as a whole pauses when its slowest split is too far ahead.
template <class R, class T, class Split>
concept SideBySideReaderFor =
    requires(R reader, std::size_t slot, Split split, std::span<T> values, std::span<Timestamp> timestamps) {
        reader.openSplit(slot, std::move(split));
        { reader.fill(values, timestamps) } -> std::same_as<FillResult>;
        { reader.position(slot) } -> std::convertible_to<Split>;
        reader.close();
    };

template <class R, class T, class Split>
concept AnySourceReaderFor = SourceReaderFor<R, T, Split> || SideBySideReaderFor<R, T, Split>;

/// A source that cannot be read in parts: it has `static constexpr bool kSingleSplit = true` in the place of `createEnumerator`,
/// runs at parallelism 1, and its one reader reads `Split{}`. @public
template <class S>
concept SingleSplitSource =
    requires { requires S::kSingleSplit; } && std::is_default_constructible_v<typename S::Split>;

/// What `env.fromSource` takes: a copyable description that makes an enumerator and readers. @public
///     using Output = …;  using Split = …;
///     Boundedness boundedness() const;
///     std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int parallelism) const;  // or kSingleSplit = true
///     Reader createReader(const SourceReaderContext&) const;
/// Optional: `static constexpr bool kHasTimestamps = true` (fill writes timestamps),
/// `static constexpr bool kEmitsWatermarks = true` (fill returns them), `static constexpr int kFixedParallelism = 1`, and of
/// a split `std::string splitId() const`, the name that messages give it.
/// `std::unique_ptr<SplitEnumerator<Split>> restoreEnumerator(int parallelism, std::vector<Split> left) const`, for sources
/// that find new splits while they run, makes an enumerator of the splits that a checkpoint had left. Without it they are
/// handed out to whoever asks, and no others.
template <class S>
concept SourceType = std::copy_constructible<S> && requires(const S source, SourceReaderContext context) {
    typename S::Output;
    typename S::Split;
    { source.boundedness() } -> std::same_as<Boundedness>;
    requires SingleSplitSource<S> || requires {
        { source.createEnumerator(1) } -> std::convertible_to<std::unique_ptr<SplitEnumerator<typename S::Split>>>;
    };
    { source.createReader(context) } -> AnySourceReaderFor<typename S::Output, typename S::Split>;
};

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_SOURCE_HPP
