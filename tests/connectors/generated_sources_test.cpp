#include <millrace/connectors/collection_source.hpp>
#include <millrace/connectors/data_generator_source.hpp>
#include <millrace/connectors/sequence_source.hpp>

#include <connectors/fake_source_context.hpp>
#include <support/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace millrace;
using namespace std::chrono_literals;
using testing::FakeSourceContext;
using testing::readAll;
using testing::readPerSubtask;

static_assert(SourceType<CollectionSource<std::string>>);
static_assert(SourceType<SequenceSource>);
static_assert(SourceType<DataGeneratorSource<int (*)(std::uint64_t)>>);

std::uint64_t square(std::uint64_t index) {
    return index * index;
}

TEST_CASE("a collection is emitted in order, whatever the size of the block", "[connectors]") {
    const std::vector<std::string> words{"to", "be", "or", "not", "to", "be"};
    const std::size_t blockSize = GENERATE(1U, 2U, 6U, 100U);
    CAPTURE(blockSize);
    CHECK(readAll(CollectionSource(words), blockSize) == words);
    CHECK(readAll(CollectionSource(words.begin(), words.end()), blockSize) == words);
}

TEST_CASE("an empty collection ends at once", "[connectors]") {
    CHECK(readAll(CollectionSource<int>(std::vector<int>{})).empty());
}

TEST_CASE("a collection is read on at its position", "[connectors]") {
    FakeSourceContext fake;
    const CollectionSource<int> source{1, 2, 3, 4, 5};
    std::vector<int> block(2);
    std::vector<Timestamp> times(2);
    auto reader = source.createReader(fake.context());
    reader.open({0});
    CHECK(reader.fill(block, times).count == 2);
    const CollectionSplit position = reader.position();

    auto restored = source.createReader(fake.context());
    std::vector<int> rest;
    testing::readSplit(restored, position, rest, 2, fake);
    CHECK(rest == std::vector{3, 4, 5});
}

TEST_CASE("a sequence includes both ends", "[connectors]") {
    CHECK(readAll(SequenceSource(1, 5)) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
    CHECK(readAll(SequenceSource(-2, 1)) == std::vector<std::int64_t>{-2, -1, 0, 1});
    CHECK(readAll(SequenceSource(7, 7)) == std::vector<std::int64_t>{7});
}

TEST_CASE("a sequence whose start is above its end is refused", "[connectors]") {
    CHECK_THROWS_AS(SequenceSource(2, 1), ConfigurationException);
    CHECK_THROWS_WITH(SequenceSource(2, 1), Catch::Matchers::ContainsSubstring("from 2 to 1"));
}

TEST_CASE("a sequence reaches the ends of 64 bits", "[connectors]") {
    constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    CHECK(readAll(SequenceSource(kMax - 2, kMax)) == std::vector{kMax - 2, kMax - 1, kMax});
    CHECK(readAll(SequenceSource(kMin, kMin + 1)) == std::vector{kMin, kMin + 1});

    // the whole range: the last split ends without running over
    FakeSourceContext fake;
    auto reader = SequenceSource(kMin, kMax).createReader(fake.context());
    constexpr std::uint64_t kCount = std::numeric_limits<std::uint64_t>::max();
    std::vector<std::int64_t> records;
    testing::readSplit(reader, IndexSplit{kCount - 2, kCount, 4096, 3}, records, 10, fake);
    CHECK(records == std::vector{kMax - 2, kMax - 1});
}

TEST_CASE("subtasks share a sequence evenly, each in order and near the others", "[connectors]") {
    const int parallelism = GENERATE(1, 2, 3, 7);
    const std::int64_t count = GENERATE(0, 1, 10, 1000, 100'000);
    CAPTURE(parallelism, count);
    FakeSourceContext fake;
    const auto perSubtask = readPerSubtask(SequenceSource(1, std::max<std::int64_t>(count, 1)), parallelism, 100, fake);

    std::vector<std::int64_t> all;
    for (const auto& records : perSubtask) {
        CHECK(std::is_sorted(records.begin(), records.end()));
        all.insert(all.end(), records.begin(), records.end());
        // half-way through its records every subtask is half-way through the numbers
        if (count >= 1000) {
            const auto middle = static_cast<double>(records[records.size() / 2]);
            CHECK(middle == Catch::Approx(static_cast<double>(count) / 2).margin(4096.0 * parallelism));
            const double share = static_cast<double>(count) / parallelism;
            CHECK(static_cast<double>(records.size()) == Catch::Approx(share).margin(4096).epsilon(0.1));
        }
    }
    std::sort(all.begin(), all.end());
    std::vector<std::int64_t> expected(static_cast<std::size_t>(std::max<std::int64_t>(count, 1)));
    std::iota(expected.begin(), expected.end(), 1);
    CHECK(all == expected);
}

TEST_CASE("a subtask gets its own split, and those that come back go to whoever asks", "[connectors]") {
    AssignedSplitEnumerator<CollectionSplit> enumerator({{10}, {20}});
    CHECK(enumerator.nextSplit(1) == CollectionSplit{20});
    CHECK(enumerator.noMoreSplits(1));
    CHECK_FALSE(enumerator.noMoreSplits(0));
    CHECK(enumerator.nextSplit(1) == std::nullopt);
    enumerator.addSplitsBack({{25}});
    CHECK(enumerator.snapshot() == std::vector<CollectionSplit>{{10}, {25}});
    CHECK(enumerator.nextSplit(7) == CollectionSplit{25});
    CHECK(enumerator.nextSplit(0) == CollectionSplit{10});
    CHECK(enumerator.noMoreSplits(0));
    CHECK(enumerator.snapshot().empty());
}

TEST_CASE("the generator's function is called with every index once", "[connectors]") {
    CHECK(readAll(DataGeneratorSource(square, 5)) == std::vector<std::uint64_t>{0, 1, 4, 9, 16});
    CHECK(readAll(DataGeneratorSource(square, 0)).empty());

    const int parallelism = GENERATE(2, 5);
    FakeSourceContext fake;
    std::vector<std::string> all;
    const DataGeneratorSource source([](std::uint64_t i) { return std::to_string(i); }, 1000);
    for (const auto& records : readPerSubtask(source, parallelism, 16, fake)) {
        all.insert(all.end(), records.begin(), records.end());
    }
    REQUIRE(all.size() == 1000);
    std::sort(all.begin(), all.end());
    CHECK(std::unique(all.begin(), all.end()) == all.end());
}

TEST_CASE("a generator function keeps what it remembers from block to block", "[connectors]") {
    const DataGeneratorSource counting([calls = 0](std::uint64_t) mutable { return ++calls; }, 6);
    CHECK(readAll(counting, 2) == std::vector{1, 2, 3, 4, 5, 6});
    CHECK(readAll(counting, 4) == std::vector{1, 2, 3, 4, 5, 6});  // every reader starts from the same function

    const DataGeneratorSource owning([text = std::string()](std::uint64_t) mutable { return text += 'x'; }, 3);
    CHECK(readAll(owning, 1) == std::vector<std::string>{"x", "xx", "xxx"});
}

TEST_CASE("a restored generator goes on where it was", "[connectors]") {
    FakeSourceContext fake;
    const DataGeneratorSource source(square, 100);
    const auto enumerator = source.createEnumerator(2);
    (void)enumerator->nextSplit(0);
    auto reader = source.createReader(fake.context(1, 2));
    reader.open(*enumerator->nextSplit(1));
    std::vector<std::uint64_t> records(13);
    std::vector<Timestamp> times(13);
    reader.fill(records, times);

    auto restored = source.createReader(fake.context(1, 2));
    testing::readSplit(restored, reader.position(), records, 5, fake);
    CHECK(records.size() == 49);  // blocks of 3: the other subtask has the 100th
    CHECK(std::is_sorted(records.begin(), records.end()));
    CHECK(std::adjacent_find(records.begin(), records.end()) == records.end());
}

TEST_CASE("a limited generator emits what is due and says when to ask again", "[connectors]") {
    FakeSourceContext fake;
    fake.time = Timestamp{100s};
    const DataGeneratorSource source(square, 1000, RateLimiterStrategy::perSecond(20));
    auto reader = source.createReader(fake.context(0, 2));  // two subtasks: 10 per second each, one per 100 ms
    reader.open({0, 1000, 1000, 1});
    std::vector<std::uint64_t> block(64);
    std::vector<Timestamp> times(64);

    FillResult result = reader.fill(block, times);
    CHECK(result.count == 1);
    CHECK(result.status == SourceStatus::NothingAvailable);
    CHECK(result.wakeAt == Timestamp{100s + 100ms});

    fake.time = result.wakeAt - 1ns;
    result = reader.fill(block, times);
    CHECK(result.count == 0);
    CHECK(result.wakeAt == Timestamp{100s + 100ms});

    fake.time = result.wakeAt + 250ms;
    result = reader.fill(block, times);
    CHECK(result.count == 3);
    CHECK(result.wakeAt == Timestamp{100s + 400ms});

    fake.time += 60s;  // held up for a minute: one second's worth is caught up on
    result = reader.fill(block, times);
    CHECK(result.count == 11);
}

TEST_CASE("a limited generator never asks to be called again without progress", "[connectors]") {
    // rates whose interval is no whole number of nanoseconds: `wakeAt` and the count due must agree
    const double rate = GENERATE(0.3, 3.0, 7.0, 999.9, 1e6 / 3, 123456789.0, 3e9);
    CAPTURE(rate);
    FakeSourceContext fake;
    fake.time = Timestamp{5s};
    const DataGeneratorSource source(square, 20'000, RateLimiterStrategy::perSecond(rate));
    auto reader = source.createReader(fake.context());
    reader.open({0, 20'000, 20'000, 1});
    std::vector<std::uint64_t> block(50);
    std::vector<Timestamp> times(50);
    std::size_t total = 0;
    bool progress = true;
    FillResult result;
    while (result.status != SourceStatus::EndOfSplit && progress) {
        result = reader.fill(block, times);
        total += result.count;
        progress = result.count > 0;
        if (result.status == SourceStatus::NothingAvailable) {
            progress = progress && result.wakeAt > fake.time;
            fake.time = result.wakeAt;
        }
    }
    CHECK(progress);
    CHECK(total == 20'000);
    const double seconds = std::chrono::duration<double>(fake.time - Timestamp{5s}).count();
    CHECK(seconds == Catch::Approx(20'000 / rate).epsilon(0.01));
}

TEST_CASE("a rate must be positive", "[connectors]") {
    CHECK_THROWS_AS(RateLimiterStrategy::perSecond(0), ConfigurationException);
    CHECK_THROWS_AS(RateLimiterStrategy::perSecond(-1), ConfigurationException);
    CHECK_THROWS_WITH(RateLimiterStrategy::perSecond(std::numeric_limits<double>::infinity()),
                      Catch::Matchers::ContainsSubstring("noOp()"));
}

}  // namespace
