#ifndef MILLRACE_CONNECTORS_DATA_GENERATOR_SOURCE_HPP
#define MILLRACE_CONNECTORS_DATA_GENERATOR_SOURCE_HPP

#include <millrace/connectors/assigned_splits.hpp>
#include <millrace/connectors/index_split.hpp>
#include <millrace/connectors/rate_limiter.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/source.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace millrace {

/// Callable with an index (`std::uint64_t`), returns the element with that index.
template <class Fn>
concept GeneratorFunction = std::copy_constructible<Fn> && std::invocable<Fn&, std::uint64_t> &&
                            std::is_object_v<std::invoke_result_t<Fn&, std::uint64_t>>;

/// Emits `fn(0)`, `fn(1)`, … `fn(count - 1)`. @public
/// Bounded (for "without end" give the largest count). The indices are dealt out to the subtasks in small blocks in
/// turn (see IndexSplit), evenly up to one block, so that subtasks stay near each other in event time when it follows
/// the index; within a subtask indices ascend. With a function of the index alone a restored job emits the same
/// elements again; each subtask has its own copy of `fn`.
/// *Example:* `DataGeneratorSource([](std::uint64_t i) { return Tick{i, i * 1ms}; }, 1'000'000)`
template <class Fn>
class DataGeneratorSource {
    static_assert(GeneratorFunction<Fn>,
                  "millrace: DataGeneratorSource(fn, count): fn must be copyable, callable with a std::uint64_t (the "
                  "index, from 0) and return the element by value.");

public:
    using Output = std::invoke_result_t<Fn&, std::uint64_t>;
    using Split = IndexSplit;

    DataGeneratorSource(Fn fn, std::uint64_t count, RateLimiterStrategy rate = RateLimiterStrategy::noOp())
        : fn_(std::move(fn)), count_(count), rate_(rate) {}

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }

    // a template, so that only programs with such a source compile what keeps the splits
    template <class OwnSplit = Split>
    std::unique_ptr<SplitEnumerator<OwnSplit>> createEnumerator(int parallelism) const {
        return std::unique_ptr<SplitEnumerator<OwnSplit>>(
            new AssignedSplitEnumerator<OwnSplit>(detail::splitIndices<OwnSplit>(count_, parallelism)));
    }

    class Reader {
    public:
        Reader(const Fn& fn, const RateLimiterStrategy& rate, const SourceReaderContext& context)
            : fn_(fn), limiter_(rate.forSubtask(context.parallelism)) {
            if (!limiter_.unlimited()) now_ = context.now;
        }

        void open(Split split) { cursor_ = detail::IndexCursor(split); }
        FillResult fill(std::span<Output> values, std::span<Timestamp> /*timestamps*/) {
            FillResult result;
            if (limiter_.unlimited()) {
                result.count = generate(values);
            } else {
                result.count = generate(values.first(limiter_.due(now_(), values.size())));
                limiter_.emitted(result.count);
                if (result.count < values.size()) {
                    result.status = SourceStatus::NothingAvailable;
                    result.wakeAt = limiter_.wakeAt();
                }
            }
            if (cursor_.done()) result.status = SourceStatus::EndOfSplit;
            return result;
        }
        Split position() const noexcept { return cursor_.split(); }
        void close() noexcept {}

    private:
        std::size_t generate(std::span<Output> values) {
            std::size_t count = 0;
            while (count < values.size() && !cursor_.done()) {
                const auto run =
                    static_cast<std::size_t>(std::min<std::uint64_t>(values.size() - count, cursor_.run()));
                generateRun(values.data() + count, cursor_.next(), run);
                cursor_.advance(run);
                count += run;
            }
            return count;
        }
        void generateRun(Output* out, std::uint64_t first, std::size_t count) {
            if constexpr (std::is_trivially_copyable_v<Fn>) {
                // works on a copy that nothing else can point to: otherwise each store might change what fn has
                // captured, and the loop would not be vectorised
                Fn fn(fn_);
                // four at a time: of a cheap fn the loop itself would be a tenth of the time
#ifndef __clang__  // which unrolls by itself
#pragma GCC unroll 4
#endif
                for (std::size_t i = 0; i < count; ++i) out[i] = fn(first + i);
                std::construct_at(&fn_, fn);
            } else {
                for (std::size_t i = 0; i < count; ++i) out[i] = fn_(first + i);
            }
        }

        Fn fn_;
        detail::IndexCursor cursor_;
        detail::RateLimiter limiter_;
        std::function<Timestamp()> now_;
    };

    Reader createReader(const SourceReaderContext& context) const { return Reader(fn_, rate_, context); }

private:
    Fn fn_;
    std::uint64_t count_;
    RateLimiterStrategy rate_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_DATA_GENERATOR_SOURCE_HPP
