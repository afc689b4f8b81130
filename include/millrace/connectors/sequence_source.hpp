#ifndef MILLRACE_CONNECTORS_SEQUENCE_SOURCE_HPP
#define MILLRACE_CONNECTORS_SEQUENCE_SOURCE_HPP

#include <millrace/connectors/assigned_splits.hpp>
#include <millrace/connectors/index_split.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>

namespace millrace {

/// Emits the integers from `from` to `to`, both included. @public
/// Bounded and parallel; each subtask gets small blocks in turn (see IndexSplit) and emits its numbers in order.
/// *Failure:* ConfigurationException if from > to.
class SequenceSource {
public:
    using Output = std::int64_t;
    using Split = IndexSplit;

    SequenceSource(std::int64_t from, std::int64_t to) : from_(from), to_(to) {
        if (from > to) {
            throw ConfigurationException("sequence from " + std::to_string(from) + " to " + std::to_string(to) +
                                         ": 'from' must not be above 'to' (both are included)");
        }
    }

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }

    // a template, so that only programs with such a source compile what keeps the splits
    template <class OwnSplit = Split>
    std::unique_ptr<SplitEnumerator<OwnSplit>> createEnumerator(int parallelism) const {
        const std::uint64_t distance = static_cast<std::uint64_t>(to_) - static_cast<std::uint64_t>(from_);
        // the sequence of all 2^64 numbers ends one early, after some centuries
        const std::uint64_t count = distance == std::numeric_limits<std::uint64_t>::max() ? distance : distance + 1;
        return std::unique_ptr<SplitEnumerator<OwnSplit>>(
            new AssignedSplitEnumerator<OwnSplit>(detail::splitIndices<OwnSplit>(count, parallelism)));
    }

    class Reader {
    public:
        explicit Reader(std::int64_t from) : from_(static_cast<std::uint64_t>(from)) {}

        void open(Split split) { cursor_ = detail::IndexCursor(split); }
        FillResult fill(std::span<std::int64_t> values, std::span<Timestamp> /*timestamps*/) {
            FillResult result;
            while (result.count < values.size() && !cursor_.done()) {
                const auto run =
                    static_cast<std::size_t>(std::min<std::uint64_t>(values.size() - result.count, cursor_.run()));
                std::int64_t* const out = values.data() + result.count;
                const std::uint64_t first = from_ + cursor_.next();  // unsigned: wraps to the right number
                for (std::size_t i = 0; i < run; ++i) out[i] = static_cast<std::int64_t>(first + i);
                cursor_.advance(run);
                result.count += run;
            }
            if (cursor_.done()) result.status = SourceStatus::EndOfSplit;
            return result;
        }
        Split position() const noexcept { return cursor_.split(); }
        void close() noexcept {}

    private:
        std::uint64_t from_;
        detail::IndexCursor cursor_;
    };

    Reader createReader(const SourceReaderContext&) const { return Reader(from_); }

private:
    std::int64_t from_;
    std::int64_t to_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_SEQUENCE_SOURCE_HPP
