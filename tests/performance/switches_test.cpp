// What is done for speed alone changes no result: the same pipelines with it and without. The table in
// docs/decisions/overview.md says which tests are about which optimisation.

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/testing/collect_sink.hpp>

#include "performance/sums.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;

// ---- keys: the same numbers and texts in types that differ in how tables treat them

struct Always {
    static constexpr std::size_t kPrefetchFrom = 0;
    static constexpr std::size_t kRunFrom = 1;
};
struct Never {
    static constexpr std::size_t kPrefetchFrom = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t kRunFrom = std::numeric_limits<std::size_t>::max();
};
/// Tables that prefetch do not look for runs, so these are apart.
struct RunsOnly {
    static constexpr std::size_t kPrefetchFrom = Never::kPrefetchFrom;
    static constexpr std::size_t kRunFrom = Always::kRunFrom;
};
enum class PrefetchedNumber : std::uint64_t {};
enum class PlainNumber : std::uint64_t {};
enum class NumberInRuns : std::uint64_t {};

template <class Tuning, bool kTravels>
struct Text {
    std::string text;
    bool operator==(const Text&) const = default;
};

template <class Key>
Key keyOf(std::uint64_t number) {
    if constexpr (std::is_enum_v<Key>) {
        return static_cast<Key>(number);
    } else {
        // some fit into the string itself, some do not
        return {(number % 2 == 0 ? "k" : "a key that is longer than what a string holds in itself ") +
                std::to_string(number)};
    }
}
template <class Key>
std::string show(const Key& key) {
    if constexpr (std::is_enum_v<Key>) {
        return std::to_string(static_cast<std::uint64_t>(key));
    } else {
        return key.text;
    }
}

template <class Key>
struct Event {
    Key key;
    std::int64_t value;
    Timestamp time;
};
/// The same without room in the cells of a join.
template <class Key>
struct LooseEvent {
    Key key;
    std::int64_t value;
    Timestamp time;
};

}  // namespace

namespace millrace::detail {

template <>
struct TableTuning<PrefetchedNumber> : Always {};
template <>
struct TableTuning<PlainNumber> : Never {};
template <>
struct TableTuning<NumberInRuns> : RunsOnly {};
template <class Tuning, bool kTravels>
struct TableTuning<Text<Tuning, kTravels>> : Tuning {};
template <class Tuning, bool kTravels>
inline constexpr bool kHashTravels<Text<Tuning, kTravels>> = kTravels;

template <class Key>
struct JoinCellSize<LooseEvent<Key>, LooseEvent<Key>> {
    static constexpr std::size_t kInline = 0;
    static constexpr std::size_t kPadding = 0;
};

}  // namespace millrace::detail

namespace {

using Rows = std::vector<std::string>;

/// Depends on the order of the values of a key.
template <class E>
struct Chained {
    E operator()(const E& a, const E& b) const { return {a.key, (a.value * 31 + b.value) % 1'000'003, b.time}; }
};

template <class Key>
struct WithWindow {
    std::string operator()(const Key& key, const TimeWindow& window, std::int64_t sum) const {
        return show(key) + " [" + std::to_string(window.start.time_since_epoch() / 1ms) + ": " + std::to_string(sum);
    }
};

/// Two values in state and a timer.
template <class Key>
struct Remember {
    ValueState<std::int64_t> last{};
    ListState<std::int64_t> all{};
    void open(KeyedRuntimeContext& context) {
        last = context.getState(ValueStateDescriptor<std::int64_t>("last"));
        all = context.getListState(ListStateDescriptor<std::int64_t>("all"));
    }
    void processElement(const Event<Key>& event, KeyedProcessContext<Key>& context, Collector<std::string>& out) {
        out.collect(show(event.key) + " after " + std::to_string(last.valueOr(-1)));
        last.update(event.value);
        all.add(event.value);
        if (event.value % 5 == 0) context.timerService().registerEventTimeTimer(event.time + 20ms);
    }
    void onTimer(Timestamp, OnTimerContext<Key>& context, Collector<std::string>& out) {
        std::int64_t hash = 0;
        for (const std::int64_t value : all.get()) hash = (hash * 31 + value) % 1'000'003;
        out.collect(show(context.currentKey()) + " had " + std::to_string(hash));
        all.clear();
    }
};

/// How keys follow each other.
enum class Order { Mixed, Runs };

template <class E>
std::vector<E> events(std::size_t count, std::uint64_t keys, Order order, std::uint64_t seed) {
    std::vector<E> all;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t random = (i + seed * 7919) * 0x9E3779B97F4A7C15u >> 20;
        // runs of all lengths up to that of several blocks
        const std::uint64_t number = order == Order::Mixed ? random % keys : (i / (1 + i / 1000 * 97 % 1500)) % keys;
        all.push_back({keyOf<decltype(E::key)>(number), static_cast<std::int64_t>(random % 101),
                       Timestamp(1ms * static_cast<std::int64_t>(i / 50))});
    }
    return all;
}
template <class E>
DataStream<E> source(StreamEnvironment& env, std::vector<E> all) {
    return env.fromCollection(std::move(all))
        .assignTimestampsAndWatermarks(WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&E::time));
}
Rows sorted(Rows rows) {
    std::sort(rows.begin(), rows.end());
    return rows;
}

/// Where two results begin to differ; empty if they are the same. (Printing all of both would take minutes.)
template <class Row>
std::string difference(const std::vector<Row>& got, const std::vector<Row>& expected) {
    if (got == expected) return {};
    const auto [one, other] = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
    const auto shown = [](auto at, auto end) {
        return at == end ? std::string("nothing") : Catch::Detail::stringify(*at);
    };
    return std::to_string(got.size()) + " instead of " + std::to_string(expected.size()) + " rows; row " +
           std::to_string(one - got.begin()) + " is " + shown(one, got.end()) + " instead of " +
           shown(other, expected.end());
}

template <class E>
Rows joined(std::uint64_t keys) {
    StreamExecutionEnvironment env{CallerRuntime()};
    env.setParallelism(2);
    testing::CollectSink<std::string> sink;
    const auto keyed = [&](std::uint64_t seed) {
        return source(env, events<E>(6000, keys, Order::Mixed, seed)).keyBy(&E::key);
    };
    keyed(1)
        .intervalJoin(keyed(2))
        .between(-10ms, 5ms)
        .process([](const E& left, const E& right) {
            return show(left.key) + ": " + std::to_string(left.value) + ", " + std::to_string(right.value);
        })
        .sinkTo(sink);
    env.execute();
    return sorted(sink.elements());
}

/// What the keyed operators give for these keys, each row with the name of its operator.
template <class Key>
Rows keyedResults(Order order) {
    using E = Event<Key>;
    StreamExecutionEnvironment env{CallerRuntime()};
    env.setParallelism(2);
    testing::CollectSink<std::string> sink;
    const auto keyed = source(env, events<E>(20'000, 3000, order, 1)).keyBy(&E::key);
    keyed.reduce(Chained<E>())
        .map([](const E& event) { return "reduce: " + show(event.key) + " " + std::to_string(event.value); })
        .sinkTo(sink);
    keyed.window(TumblingEventTimeWindows::of(40ms)).aggregate(Sum<E>(), WithWindow<Key>()).sinkTo(sink);
    keyed.window(SlidingEventTimeWindows::of(60ms, 20ms)).aggregate(MergedSum<E>(), WithWindow<Key>()).sinkTo(sink);
    keyed.window(EventTimeSessionWindows::withGap(5ms)).aggregate(MergedSum<E>(), WithWindow<Key>()).sinkTo(sink);
    keyed.process(Remember<Key>()).sinkTo(sink);
    env.execute();
    Rows rows = sorted(sink.elements());
    const Rows pairs = joined<E>(700);
    rows.insert(rows.end(), pairs.begin(), pairs.end());
    return rows;
}

// ---- records in blocks and one by one

template <bool kInBlocks>
struct Measured {
    std::int64_t key;
    std::int64_t value;
};
template <bool kInBlocks>
struct Amount {
    std::uint64_t key;
    std::int64_t value;
};

}  // namespace

namespace millrace::detail {
template <>
inline constexpr bool kBlockwise<Measured<false>> = false;
template <>
inline constexpr bool kBlockwise<Amount<false>> = false;
}  // namespace millrace::detail

namespace {

template <bool kInBlocks>
std::vector<std::pair<std::int64_t, std::int64_t>> throughStages(std::int64_t count, std::int64_t passing) {
    using Record = Measured<kInBlocks>;
    std::vector<Record> input;
    for (std::int64_t i = 0; i < count; ++i) input.push_back({i * 7919 % 1009, i});
    StreamExecutionEnvironment env{CallerRuntime()};
    testing::CollectSink<std::pair<std::int64_t, std::int64_t>> sink;
    env.fromCollection(input)
        .map([](Record record) {
            return Record{record.key, record.value * 3};
        })
        .filter([passing](const Record& record) { return record.key % 100 < passing; })
        .map([](const Record& record) {
            return Record{record.key + 1, record.value + record.key};
        })
        .flatMap([](const Record& record, Collector<Record>& out) {
            for (std::int64_t i = 0; i < record.key % 4; ++i) out.collect({record.key, record.value + i});
        })
        .filter([](const Record& record) { return record.value % 5 != 0; })
        .filter([](const Record& record) { return record.value % 7 != 0; })
        .map([](const Record& record) { return std::pair(record.key, record.value); })
        .sinkTo(sink);
    env.execute();
    return sink.elements();
}

/// Whether sums keep the records without their keys.
template <class Record, class KeySelector>
constexpr bool kSumsKeepNoKeys =
    detail::kKeepsNoKeys<Record, KeySelector, std::uint64_t, detail::SumFunction<decltype(&Record::value)>>;

template <class Record, class KeySelector>
std::vector<std::pair<std::uint64_t, std::int64_t>> rollingSums(std::uint64_t keys, KeySelector keyOf) {
    std::vector<Record> input;
    for (std::uint64_t i = 0; i < 30'000; ++i) input.push_back({i * i / 7 % keys, static_cast<std::int64_t>(i)});
    StreamExecutionEnvironment env{CallerRuntime()};
    testing::CollectSink<std::pair<std::uint64_t, std::int64_t>> sink;
    env.fromCollection(input)
        .keyBy(keyOf)
        .sum(&Record::value)
        .map([](const Record& record) { return std::pair(record.key, record.value); })
        .sinkTo(sink);
    env.execute();
    return sink.elements();
}

template <template <class> class Aggregate>
Rows slidingSums(Duration size, Duration slide) {
    using E = Event<PlainNumber>;
    StreamExecutionEnvironment env{CallerRuntime()};
    testing::CollectSink<std::string> sink;
    source(env, events<E>(8000, 40, Order::Mixed, 3))
        .keyBy(&E::key)
        .window(SlidingEventTimeWindows::of(size, slide))
        .aggregate(Aggregate<E>(), WithWindow<PlainNumber>())
        .sinkTo(sink);
    env.execute();
    return sorted(sink.elements());
}

}  // namespace

TEST_CASE("records in blocks give what records one by one give, in the same order", "[performance]") {
    STATIC_REQUIRE(detail::kBlockwise<Measured<true>>);
    const std::int64_t passing = GENERATE(0, 1, 50, 100);
    for (const std::int64_t count : {0, 1, 1023, 1024, 1025, 10'000}) {
        CAPTURE(passing, count);
        const auto inBlocks = throughStages<true>(count, passing);
        CHECK(difference(throughStages<false>(count, passing), inBlocks) == "");
        CHECK(inBlocks.empty() == (count < 2 || passing == 0));
    }
}

TEST_CASE("sums give the same from records with their keys and without", "[performance]") {
    const auto keyOf = [](const auto& record) { return record.key; };
    STATIC_REQUIRE(kSumsKeepNoKeys<Amount<true>, std::uint64_t Amount<true>::*>);
    STATIC_REQUIRE_FALSE(kSumsKeepNoKeys<Amount<true>, decltype(keyOf)>);
    STATIC_REQUIRE_FALSE(kSumsKeepNoKeys<Amount<false>, std::uint64_t Amount<false>::*>);
    const std::uint64_t keys = GENERATE(1, 100, 30'000);
    CAPTURE(keys);
    const auto expected = rollingSums<Amount<true>>(keys, keyOf);
    CHECK(expected.size() == 30'000);
    CHECK(difference(rollingSums<Amount<true>>(keys, &Amount<true>::key), expected) == "");
    CHECK(difference(rollingSums<Amount<false>>(keys, &Amount<false>::key), expected) == "");
}

TEST_CASE("prefetching and runs in registers change nothing that keyed operators give", "[performance]") {
    const Order order = GENERATE(Order::Mixed, Order::Runs);
    CAPTURE(static_cast<int>(order));
    const Rows expected = keyedResults<PlainNumber>(order);
    CHECK(expected.size() > 40'000);
    CHECK(difference(keyedResults<PrefetchedNumber>(order), expected) == "");
    CHECK(difference(keyedResults<NumberInRuns>(order), expected) == "");
}

TEST_CASE("texts as keys: prefetched or not, hashed once or twice, the results are the same", "[performance]") {
    const Rows expected = keyedResults<Text<Never, false>>(Order::Mixed);
    CHECK(expected.size() > 40'000);
    CHECK(difference(keyedResults<Text<Always, true>>(Order::Mixed), expected) == "");
}

TEST_CASE("sliding windows give the same from panes, from two stacks and from a running total", "[performance]") {
    const auto [size, slide] =
        GENERATE(std::pair<Duration, Duration>(60ms, 20ms), std::pair<Duration, Duration>(70ms, 20ms),
                 std::pair<Duration, Duration>(50ms, 1ms), std::pair<Duration, Duration>(20ms, 30ms));
    const Rows panes = slidingSums<Sum>(size, slide);
    CHECK(panes.size() > 100);
    CHECK(difference(slidingSums<MergedSum>(size, slide), panes) == "");
    CHECK(difference(slidingSums<SubtractedSum>(size, slide), panes) == "");
}

TEST_CASE("an interval join gives the same with values in its cells and without", "[performance]") {
    STATIC_REQUIRE(detail::JoinCellSize<Event<PlainNumber>, Event<PlainNumber>>::kInline > 0);
    const std::uint64_t keys = GENERATE(700, 30);  // mostly in their cells, and mostly beyond
    const Rows inCells = joined<Event<PlainNumber>>(keys);
    CHECK(inCells.size() > 1000);
    CHECK(difference(joined<LooseEvent<PlainNumber>>(keys), inCells) == "");
}

TEST_CASE("segments that are used again carry what new ones carry", "[performance]") {
    // a budget of one byte keeps none
    const auto run = [](std::size_t budget) {
        StreamExecutionEnvironment env{CallerRuntime()};
        env.setParallelism(2).setChannelMemory(budget);
        testing::CollectSink<std::string> sink;
        using E = Event<Text<Never, true>>;
        source(env, events<E>(20'000, 100, Order::Mixed, 5))
            .rebalance()
            .map([](E event) { return event; })
            .keyBy(&E::key)
            .window(TumblingEventTimeWindows::of(40ms))
            .aggregate(Sum<E>(), WithWindow<Text<Never, true>>())
            .sinkTo(sink);
        env.execute();
        return sorted(sink.elements());
    };
    const Rows again = run(std::size_t{64} << 20);
    CHECK(again.size() == 1000);
    CHECK(difference(run(1), again) == "");
}

#if defined(__linux__) && defined(PR_SET_THP_DISABLE)
TEST_CASE("large tables give the same with pages of 2 MiB and without", "[performance]") {
    const auto run = [] {
        using E = Event<PlainNumber>;
        std::vector<E> all;
        for (std::uint64_t i = 0; i < 400'000; ++i) {
            all.push_back(
                {static_cast<PlainNumber>(i * 0x9E3779B97F4A7C15u % 300'000), static_cast<std::int64_t>(i), {}});
        }
        StreamExecutionEnvironment env{CallerRuntime()};
        testing::CollectSink<std::int64_t> sink;
        env.fromCollection(std::move(all))
            .keyBy(&E::key)
            .reduce(Chained<E>())
            .map([](const E& event) { return event.value; })
            .sinkTo(sink);
        env.execute();
        return sink.elements();
    };
    const auto with = run();
    CHECK(with.size() == 400'000);
    if (::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) return;  // not allowed here
    const auto without = run();
    ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    CHECK(difference(without, with) == "");
}
#endif
