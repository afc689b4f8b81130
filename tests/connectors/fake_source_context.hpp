#ifndef MILLRACE_TESTS_CONNECTORS_FAKE_SOURCE_CONTEXT_HPP
#define MILLRACE_TESTS_CONNECTORS_FAKE_SOURCE_CONTEXT_HPP

#include <millrace/functions/source.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace millrace::testing {

/// The surroundings of a reader in these tests: counts wake-ups, holds the time still.
/// A test waits on the wake-up itself, never for some length of time.
class FakeSourceContext {
public:
    SourceReaderContext context(int subtaskIndex = 0, int parallelism = 1) {
        return {.subtaskIndex = subtaskIndex,
                .parallelism = parallelism,
                .wakeUp =
                    [this] {
                        const std::lock_guard lock(mutex_);
                        ++wakeUps_;
                        woken_.notify_all();
                    },
                .now = [this] { return time; },
                .accumulators = &accumulators};
    }
    int wakeUps() {
        const std::lock_guard lock(mutex_);
        return wakeUps_;
    }
    /// Waits until there were more than `seen` wake-ups; returns how many.
    int waitForWakeUp(int seen) {
        std::unique_lock lock(mutex_);
        woken_.wait(lock, [&] { return wakeUps_ > seen; });
        return wakeUps_;
    }

    Timestamp time{};
    Accumulators accumulators;

private:
    std::mutex mutex_;
    std::condition_variable woken_;
    int wakeUps_ = 0;
};

/// Reads one split to its end and appends the records; waits for wake-ups where the reader asks for them.
template <class Reader, class Split, class T>
void readSplit(Reader& reader, Split split, std::vector<T>& records, std::size_t blockSize, FakeSourceContext& fake) {
    std::vector<T> block(blockSize);
    std::vector<Timestamp> times(blockSize);
    reader.open(std::move(split));
    for (;;) {
        const int seen = fake.wakeUps();
        const FillResult result = reader.fill(std::span(block), std::span(times));
        records.insert(records.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(result.count));
        if (result.status == SourceStatus::EndOfSplit) return;
        if (result.status == SourceStatus::NothingAvailable) {
            if (result.wakeAt != kMaxTimestamp) {
                fake.time = result.wakeAt;
            } else {
                fake.waitForWakeUp(seen);
            }
        }
    }
}

/// Where there is none, one that hands out the one split.
template <SourceType Source>
std::unique_ptr<SplitEnumerator<typename Source::Split>> enumeratorOf(const Source& source, int parallelism) {
    if constexpr (SingleSplitSource<Source>) {
        using Split = typename Source::Split;
        return std::make_unique<SplitListEnumerator<Split>>(std::vector<Split>(1));
    } else {
        return source.createEnumerator(parallelism);
    }
}

/// All records of a source, subtask by subtask.
template <SourceType Source>
std::vector<std::vector<typename Source::Output>> readPerSubtask(const Source& source, int parallelism,
                                                                 std::size_t blockSize, FakeSourceContext& fake) {
    const auto splits = enumeratorOf(source, parallelism);
    std::vector<std::vector<typename Source::Output>> records(static_cast<std::size_t>(parallelism));
    for (int subtask = 0; subtask < parallelism; ++subtask) {
        auto reader = source.createReader(fake.context(subtask, parallelism));
        while (auto split = splits->nextSplit(subtask)) {
            readSplit(reader, std::move(*split), records[static_cast<std::size_t>(subtask)], blockSize, fake);
        }
        reader.close();
    }
    return records;
}

/// All records of a source read by one subtask.
template <SourceType Source>
std::vector<typename Source::Output> readAll(const Source& source, std::size_t blockSize = 7) {
    FakeSourceContext fake;
    return readPerSubtask(source, 1, blockSize, fake).front();
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CONNECTORS_FAKE_SOURCE_CONTEXT_HPP
