#ifndef MILLRACE_BENCHMARKS_NEXMARK_SOURCE_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_SOURCE_HPP

#include "generator.hpp"

#include "throughput/index_blocks.hpp"

#include <millrace/connectors/index_split.hpp>
#include <millrace/functions/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace nexmark {

/// The first `count` events, with their times. Subtasks take blocks of places in turn, all on one time line.
/// Replayable: a split's position is the next place.
class EventSource {
public:
    using Output = Event;
    using Split = millrace::IndexSplit;
    static constexpr bool kHasTimestamps = true;

    EventSource(Generator generator, std::uint64_t count) : generator_(generator), count_(count) {}

    /// Stays open for so long by the clock behind the last event: processing-time windows of a job that has ended do not
    /// fire any more.
    EventSource linger(millrace::Duration duration) const {
        EventSource changed = *this;
        changed.linger_ = duration;
        return changed;
    }

    millrace::Boundedness boundedness() const { return millrace::Boundedness::Bounded; }

    std::unique_ptr<millrace::SplitEnumerator<Split>> createEnumerator(int parallelism) const {
        constexpr std::uint64_t kBlock = 1000;
        return bench::blocksInTurn(count_, kBlock, parallelism);
    }

    class Reader {
    public:
        Reader(const Generator& generator, millrace::Duration linger, std::function<Timestamp()> now)
            : generator_(generator), linger_(linger), now_(std::move(now)) {}

        void open(Split split) { split_ = split; }

        millrace::FillResult fill(std::span<Event> values, std::span<Timestamp> timestamps) {
            millrace::FillResult result;
            const std::uint64_t blockEnd = bench::blockEnd(split_);
            const std::size_t most = std::min(values.size(), texts_.size());
            result.count = std::min<std::uint64_t>(most, blockEnd - split_.next);
            for (std::size_t i = 0; i < result.count; ++i) {
                timestamps[i] = generator_.begin(generator_.idAt(split_.next + i), values[i], texts_[i]);
            }
            for (std::size_t i = 0; i < result.count; ++i) generator_.finish(values[i], texts_[i]);
            bench::advance(split_, result.count, blockEnd);
            if (split_.next == split_.end) end(result);
            return result;
        }
        Split position() const { return split_; }
        void close() {}

    private:
        void end(millrace::FillResult& result) {
            if (linger_ == millrace::Duration{0}) {
                result.status = millrace::SourceStatus::EndOfSplit;
                return;
            }
            if (!until_.has_value()) until_ = now_() + linger_;
            const bool over = now_() >= *until_;
            result.status = over ? millrace::SourceStatus::EndOfSplit : millrace::SourceStatus::NothingAvailable;
            if (!over) result.wakeAt = *until_;
        }

        Generator generator_;
        millrace::Duration linger_;
        std::function<Timestamp()> now_;
        Split split_;
        std::optional<Timestamp> until_;
        std::array<Generator::BidTexts, 128> texts_{};
    };
    Reader createReader(const millrace::SourceReaderContext& context) const {
        return Reader(generator_, linger_, context.now);
    }

private:
    Generator generator_;
    std::uint64_t count_;
    millrace::Duration linger_{0};
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_SOURCE_HPP
