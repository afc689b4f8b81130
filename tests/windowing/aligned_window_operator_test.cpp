#include "windowing/window_fixtures.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Sum {
    std::int64_t createAccumulator() const { return 0; }
    void add(const Item& item, std::int64_t& acc) const { acc += item.value; }
    std::int64_t getResult(const std::int64_t& acc) const { return acc; }
};
/// The forms that return the new accumulator, as in Flink.
struct ReturningSum {
    std::int64_t createAccumulator() const { return 0; }
    std::int64_t add(const Item& item, std::int64_t acc) const { return acc + item.value; }
    std::int64_t getResult(std::int64_t acc) const { return acc; }
    std::int64_t merge(std::int64_t a, std::int64_t b) const { return a + b; }
};
using Results = std::vector<Emitted<std::int64_t>>;

template <class Out, class Aggregate, class Assigner, class WindowFn>
auto withFunction(Assigner assigner, WindowFn fn) {
    using Op = detail::AlignedWindowOperator<Item, std::int32_t Item::*, Assigner, Aggregate, WindowFn, Out>;
    return Op{&Item::key, assigner, Aggregate{}, fn};
}

struct Quote {
    char symbol[8];
    std::int64_t value;
};
struct QuoteSum {
    std::int64_t createAccumulator() const { return 0; }
    void add(const Quote& quote, std::int64_t& acc) const { acc += quote.value; }
    std::int64_t getResult(const std::int64_t& acc) const { return acc; }
};

}  // namespace

TEST_CASE("a window fires when the watermark reaches its last timestamp, before the watermark goes on", "[windowing]") {
    OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns)));
    harness.open();
    harness.element({1, 5}, 9);
    harness.element({1, 7}, 10);
    harness.watermark(8);
    CHECK(harness.take().empty());
    harness.watermark(9);
    CHECK(harness.take() == Results{{5, 9}});
    harness.watermark(9);
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Results{{7, 19}});
    using W = decltype(harness.output)::Watermark;
    CHECK(harness.output.watermarks == std::vector<W>{{8, 0}, {9, 1}, {9, 1}, {INT64_MAX, 2}});
}

TEST_CASE("windows that fire together do so in the order of their ends", "[windowing]") {
    OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns)));
    harness.open();
    for (const std::int64_t t : {35, 5, 1000, -17, 15}) harness.element({1, t}, t);
    harness.watermark(39);
    CHECK(harness.take() == Results{{-17, -11}, {5, 9}, {15, 19}, {35, 39}});
}

TEST_CASE("a late element is dropped and counted once, or re-fires its window within the allowed lateness",
          "[windowing]") {
    SECTION("without lateness") {
        OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns)));
        harness.open();
        harness.watermark(9);
        harness.element({1, 1}, 5);
        harness.watermark(INT64_MAX);
        CHECK(harness.take().empty());
        CHECK(harness.stage().metrics.lateRecordsDropped == 1);
    }
    SECTION("with lateness 5, until the watermark is 14") {
        OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns), 5ns));
        harness.open();
        harness.element({1, 1}, 3);
        harness.watermark(9);
        harness.element({1, 2}, 5);
        harness.element({2, 10}, 5);
        harness.watermark(13);
        harness.element({1, 4}, 0);
        CHECK(harness.take() == Results{{1, 9}, {3, 9}, {10, 9}, {7, 9}});
        harness.watermark(14);
        harness.element({1, 8}, 5);
        CHECK(harness.take().empty());
        CHECK(harness.stage().metrics.lateRecordsDropped == 1);
    }
}

TEST_CASE("late data goes to its side output with its timestamp; then nothing is counted", "[windowing]") {
    const OutputTag<Item> late("late");
    OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns), {}, late));
    RecordingPort<Item> lateOutput;
    harness.readSide(late, lateOutput);
    harness.open();
    harness.watermark(9);
    harness.elements({{{1, 1}, 5}, {{1, 2}, 12}, {{2, 3}, -5}});
    CHECK(lateOutput.elements == std::vector<Emitted<Item>>{{{1, 1}, 5}, {{2, 3}, -5}});
    CHECK(harness.stage().metrics.lateRecordsDropped == 0);
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Results{{2, 19}});
}

TEMPLATE_TEST_CASE("an element late for one sliding window and in time for another is not late", "[windowing]", Sum,
                   ReturningSum) {
    OperatorHarness harness(windowsOf<TestType>(SlidingEventTimeWindows::of(10ns, 5ns)));
    harness.open();
    harness.element({1, 1}, 7);
    harness.watermark(9);
    harness.element({1, 2}, 6);  // [0,10) has fired, [5,15) has not
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Results{{1, 9}, {3, 14}});
    CHECK(harness.stage().metrics.lateRecordsDropped == 0);
}

TEST_CASE("a sliding window without an element of a key gives no result for it", "[windowing]") {
    OperatorHarness harness(windowsOf<ReturningSum>(SlidingEventTimeWindows::of(10ns, 5ns)));
    harness.open();
    harness.element({1, 1}, 2);
    harness.element({2, 10}, 102);
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Results{{1, 4}, {1, 9}, {10, 104}, {10, 109}});
}

TEST_CASE("an element in a gap between sliding windows is in none of them", "[windowing]") {
    OperatorHarness harness(windowsOf<ReturningSum>(SlidingEventTimeWindows::of(3ns, 10ns)));
    harness.open();
    harness.elements({{{1, 1}, 2}, {{1, 2}, 3}, {{1, 4}, 9}, {{1, 8}, 10}});
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Results{{1, 2}, {8, 12}});
    CHECK(harness.stage().metrics.lateRecordsDropped == 0);
}

TEST_CASE("a window function gets key, window and the one result, or all elements in their order", "[windowing]") {
    const auto text = [](std::int32_t key, const TimeWindow& w) {
        return std::to_string(key) + "[" + std::to_string(ticks(w.start)) + "," + std::to_string(ticks(w.end)) + ")";
    };
    const auto feed = [](auto& harness) {
        harness.open();
        harness.elements({{{7, 1}, 3}, {{7, 2}, 1}, {{7, 3}, 12}});
        harness.watermark(INT64_MAX);
        return harness.take();
    };
    using Texts = std::vector<Emitted<std::string>>;
    const auto windows = TumblingEventTimeWindows::of(10ns);
    SECTION("(key, window, result, out)") {
        OperatorHarness harness(withFunction<std::string, Sum>(
            windows, [text](const std::int32_t& key, const TimeWindow& w, std::int64_t sum,
                            Collector<std::string>& out) { out.collect(text(key, w) + std::to_string(sum)); }));
        CHECK(feed(harness) == Texts{{"7[0,10)3", 9}, {"7[10,20)3", 19}});
    }
    SECTION("(key, window, result) that returns") {
        OperatorHarness harness(withFunction<std::string, Sum>(
            windows,
            [text](std::int32_t key, TimeWindow w, std::int64_t sum) { return text(key, w) + std::to_string(sum); }));
        CHECK(feed(harness) == Texts{{"7[0,10)3", 9}, {"7[10,20)3", 19}});
    }
    SECTION("(key, context, elements, out) after an aggregate: one element") {
        OperatorHarness harness(withFunction<std::string, Sum>(
            windows, [text](std::int32_t key, const WindowContext& context, std::span<const std::int64_t> sums,
                            Collector<std::string>& out) {
                out.collect(text(key, context.window()) + "x" + std::to_string(sums.size()));
            }));
        CHECK(feed(harness) == Texts{{"7[0,10)x1", 9}, {"7[10,20)x1", 19}});
    }
    SECTION("process: everything, and any number of results") {
        struct Listing {
            void process(const std::int32_t& key, WindowContext& context, std::span<const Item> items,
                         Collector<std::string>& out) {
                for (const Item& item : items) {
                    out.collect(std::to_string(key) + ":" + std::to_string(item.value) + " of " +
                                std::to_string(ticks(context.window().start)));
                }
                context.output(OutputTag<int>("sizes"), static_cast<int>(items.size()));
                CHECK(context.currentWatermark() == kMaxTimestamp);
                CHECK(context.currentProcessingTime() == at(0));
            }
        };
        const auto assigner = GENERATE(10ns, 5ns);  // sliding: an element is in two windows
        CAPTURE(assigner.count());
        OperatorHarness harness(withFunction<std::string, detail::ListAggregate<Item>>(
            SlidingEventTimeWindows::of(10ns, assigner), Listing{}));
        RecordingPort<int> sizes;
        harness.readSide(OutputTag<int>("sizes"), sizes);
        if (assigner == 10ns) {
            CHECK(feed(harness) == Texts{{"7:1 of 0", 9}, {"7:2 of 0", 9}, {"7:3 of 10", 19}});
            CHECK(sizes.elements == std::vector<Emitted<int>>{{2, 9}, {1, 19}});
        } else {
            CHECK(feed(harness) == Texts{{"7:1 of -5", 4},
                                         {"7:2 of -5", 4},
                                         {"7:1 of 0", 9},
                                         {"7:2 of 0", 9},
                                         {"7:3 of 5", 14},
                                         {"7:3 of 10", 19}});
        }
    }
}

TEST_CASE("reduce and the field functions work in windows, with records that own memory", "[windowing]") {
    struct Word {
        std::string text;
        int count;
        bool operator==(const Word&) const = default;
    };
    const auto selector = [](const Word& w) -> std::string_view { return w.text; };
    using Reduce = detail::ReduceAggregate<Word, detail::SumFunction<int Word::*>>;
    const auto run = [&](auto assigner) {
        using Op = detail::AlignedWindowOperator<Word, decltype(selector), decltype(assigner), Reduce>;
        OperatorHarness harness(Op{selector, assigner, Reduce{{&Word::count}}});
        harness.open();
        harness.elements(
            {{{"a rather long word, not inline", 1}, 1}, {{"b", 2}, 2}, {{"a rather long word, not inline", 5}, 8}});
        harness.watermark(INT64_MAX);
        auto all = harness.take();
        std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) {
            return std::tie(x.time, x.value.text) < std::tie(y.time, y.value.text);
        });
        return all;
    };
    using Words = std::vector<Emitted<Word>>;
    CHECK(run(TumblingEventTimeWindows::of(10ns)) == Words{{{"a rather long word, not inline", 6}, 9}, {{"b", 2}, 9}});
    CHECK(run(SlidingEventTimeWindows::of(10ns, 5ns)) == Words{{{"a rather long word, not inline", 1}, 4},
                                                               {{"b", 2}, 4},
                                                               {{"a rather long word, not inline", 6}, 9},
                                                               {{"b", 2}, 9},
                                                               {{"a rather long word, not inline", 5}, 14}});
}

TEST_CASE("a record without timestamp is an error that says what to call", "[windowing]") {
    OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns)));
    harness.open();
    Item item{1, 1};
    const char* const hint = "Did you forget to call assignTimestampsAndWatermarks?";
    CHECK_THROWS_WITH(harness.stage().onBlock(0, detail::Block<Item>{&item, nullptr, nullptr, 1}),
                      ContainsSubstring(hint));
    CHECK_THROWS_WITH(harness.element({1, 1}, INT64_MIN), ContainsSubstring(hint));
}

TEST_CASE("an exception from a function of the user names operator, record and window", "[windowing]") {
    struct Picky : Sum {
        void add(const Item& item, std::int64_t& acc) const {
            if (item.value == 13) throw std::runtime_error("unlucky");
            acc += item.value;
        }
    };
    OperatorHarness harness(windowsOf<Picky>(TumblingEventTimeWindows::of(10ns)));
    harness.open();
    try {
        harness.elements({{{1, 1}, 1}, {{2, 13}, 7}});
        FAIL("expected an exception");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error), ContainsSubstring("operator 'window' (uid 'uid-1', subtask 0)") &&
                                                 ContainsSubstring("{key: 2, value: 13}") &&
                                                 ContainsSubstring("unlucky"));
    }
    OperatorHarness failing(withFunction<std::int64_t, Sum>(
        TumblingEventTimeWindows::of(10ns),
        [](std::int32_t, const TimeWindow&, std::int64_t) -> std::int64_t { throw std::runtime_error("no result"); }));
    failing.open();
    failing.element({42, 1}, 1);
    try {
        failing.watermark(100);
        FAIL("expected an exception");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error), ContainsSubstring("key 42") && ContainsSubstring("no result"));
    }
}

TEMPLATE_TEST_CASE("firing stops while the output is blocked, and goes on where it was", "[windowing]", Sum,
                   ReturningSum) {
    OperatorHarness harness(windowsOf<TestType>(SlidingEventTimeWindows::of(10ns, 10ns)));
    harness.open();
    constexpr int kKeys = 10'000;
    for (int key = 0; key < kKeys; ++key) harness.element({key, key}, key % 20);
    harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
    auto progress = harness.watermark(100);
    std::size_t before = 0;
    int pauses = 0;
    while (progress == detail::Progress::Suspended) {
        CHECK(harness.output.elements.size() - before <= 1024);
        CHECK(harness.output.watermarks.empty());
        before = harness.output.elements.size();
        harness.context.outputBlocked = false;
        progress = harness.stage().resume();
        ++pauses;
    }
    CHECK(pauses >= kKeys / 1024);
    std::set<std::int64_t> values;
    for (const auto& e : harness.output.elements) values.insert(e.value);
    CHECK(harness.output.elements.size() == kKeys);
    CHECK(values.size() == kKeys);
    CHECK(std::is_sorted(harness.output.elements.begin(), harness.output.elements.end(),
                         [](const auto& a, const auto& b) { return a.time < b.time; }));
    using W = typename decltype(harness.output)::Watermark;
    CHECK(harness.output.watermarks == std::vector<W>{{100, kKeys}});

    // in the middle of a chain nothing may be left half-way
    harness.element({1, 1}, 105);
    harness.context.outputBlocked = true;
    harness.context.maySuspend = false;
    CHECK(harness.watermark(200) == detail::Progress::Done);
}

TEST_CASE("the state of windows survives a restore; the watermark starts anew", "[windowing][state]") {
    OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns), 5ns));
    harness.open();
    harness.element({1, 1}, 3);
    harness.element({2, 10}, 4);
    harness.element({1, 100}, 15);
    harness.watermark(9);
    CHECK(harness.take().size() == 2);
    const MemorySnapshot snapshot = harness.snapshot();

    OperatorHarness restored(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns), 5ns));
    restored.openFrom(snapshot);
    SECTION("what has fired does not fire again by itself") {
        restored.watermark(9);
        CHECK(restored.take().empty());
        restored.element({1, 2}, 5);  // late, but allowed: for its key only
        CHECK(restored.take() == Results{{3, 9}});
    }
    SECTION("an element that comes before the watermark makes its key fire") {
        restored.element({1, 2}, 5);
        CHECK(restored.take().empty());
        restored.watermark(9);
        CHECK(restored.take() == Results{{3, 9}});
        restored.element({2, 20}, 5);
        CHECK(restored.take() == Results{{30, 9}});
    }
    restored.watermark(INT64_MAX);
    CHECK(restored.take() == Results{{100, 19}});
}

TEMPLATE_TEST_CASE("state is split by key group when the parallelism changes", "[windowing][state]", Summarise,
                   MergingSummarise, SubtractingCount) {
    const auto assigner = SlidingEventTimeWindows::of(20ns, 10ns);
    const auto make = [&] { return windowsOf<TestType>(assigner); };
    const auto feed = [](auto& harness, int from, int to, auto accept) {
        for (int i = from; i < to; ++i) {
            const Item item{i % 37, i};
            if (accept(item.key)) harness.element(item, i / 10);
            if (i % 50 == 49) harness.watermark(i / 10 - 3);
        }
    };
    OperatorHarness whole(make());
    whole.open();
    feed(whole, 0, 600, [](int) { return true; });
    const MemorySnapshot snapshot = whole.snapshot();
    whole.take();
    feed(whole, 600, 1200, [](int) { return true; });
    whole.watermark(INT64_MAX);
    auto expected = whole.take();

    std::vector<Emitted<Summary>> actual;
    for (int subtask = 0; subtask < 2; ++subtask) {
        const KeyGroupRange mine = keyGroupRange(subtask, 2, 128);
        OperatorHarness part(make());
        part.openFrom(snapshot.forKeyGroups(mine.first, mine.last));
        part.watermark(56);  // as the restored sources do
        feed(part, 600, 1200, [&](int key) { return mine.contains(keyGroupFor(keyHash(key), 128)); });
        part.watermark(INT64_MAX);
        const auto some = part.take();
        CHECK_FALSE(some.empty());
        actual.insert(actual.end(), some.begin(), some.end());
    }
    const auto order = [](const auto& a, const auto& b) {
        return std::pair(a.time, a.value) < std::pair(b.time, b.value);
    };
    std::sort(expected.begin(), expected.end(), order);
    std::sort(actual.begin(), actual.end(), order);
    CHECK(actual == expected);
}

TEST_CASE("damaged window state is refused with uid and key group", "[windowing][state]") {
    OperatorHarness harness(windowsOf<Sum>(TumblingEventTimeWindows::of(10ns)));
    harness.open();
    MemorySnapshot snapshot;
    const std::array<std::byte, 4> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    snapshot.write("uid-1", "windows", 5, bytes);
    try {
        harness.stage().restore(snapshot);
        FAIL("expected an exception");
    } catch (const CodecException& error) {
        CHECK_THAT(describeException(error), ContainsSubstring("state 'windows' of operator uid 'uid-1', key group 5"));
    }
}

TEST_CASE("windows without timestamps and keys that come twice are refused by a restore", "[windowing][state]") {
    const auto messageOf = [](auto op, auto damage) {
        OperatorHarness harness(op);
        harness.open();
        harness.element({1, 5}, 9);
        const MemorySnapshot whole = harness.snapshot();
        MemorySnapshot damaged;
        whole.forEach(
            [&](const std::string& uid, const std::string& state, int keyGroup, std::vector<std::byte> bytes) {
                damage(bytes);
                damaged.write(uid, state, keyGroup, bytes);
            });
        OperatorHarness restored(op);
        try {
            restored.openFrom(damaged);
        } catch (const CodecException& error) {
            return describeException(error);
        }
        return std::string();
    };
    const auto farAway = [](std::vector<std::byte>& bytes) {
        bytes[8] = std::byte{0x80};
    };  // of the number behind the version
    const auto twice = [](std::vector<std::byte>& bytes) {
        const std::vector<std::byte> entry(bytes.begin() + 1, bytes.end());
        bytes.insert(bytes.end(), entry.begin(), entry.end());
    };
    const auto panes = windowsOf<Sum>(TumblingEventTimeWindows::of(10ns));
    const auto slices = windowsOf<MergingSummarise>(SlidingEventTimeWindows::of(20ns, 10ns));
    CHECK_THAT(messageOf(panes, farAway), ContainsSubstring("this is the number of no window"));
    CHECK_THAT(messageOf(panes, twice), ContainsSubstring("a window has a key twice"));
    CHECK_THAT(messageOf(slices, farAway), ContainsSubstring("this is the number of no slice"));
    CHECK_THAT(messageOf(slices, twice), ContainsSubstring("a slice has a key twice"));
}

TEST_CASE("keys that have gone make room for others in sliding windows", "[windowing]") {
    OperatorHarness harness(windowsOf<MergingSummarise>(SlidingEventTimeWindows::of(20ns, 10ns)));
    harness.open();
    std::int64_t total = 0;
    for (std::int32_t key = 0; key < 50'000; ++key) {
        harness.element({key, 1}, key / 100);
        if (key % 100 == 99) harness.watermark(key / 100 - 1);
        for (const auto& e : harness.take()) total += e.value.count;
    }
    harness.watermark(INT64_MAX);
    for (const auto& e : harness.take()) total += e.value.count;
    CHECK(total == 2 * 50'000);
}

TEST_CASE("what merge and subtract throw while windows fire is said to come from them", "[windowing]") {
    struct Merging : Sum {
        void merge(std::int64_t& into, std::int64_t other) const {
            if (other == 13) throw std::runtime_error("unlucky");
            into += other;
        }
    };
    struct Subtracting : Merging {
        void subtract(std::int64_t& from, std::int64_t other) const {
            if (other == 7) throw std::runtime_error("too little");
            from -= other;
        }
    };
    const auto messageOf = [](auto& harness, std::int64_t watermark) {
        try {
            harness.watermark(watermark);
        } catch (const UserFunctionException& error) {
            return describeException(error);
        }
        return std::string("no exception");
    };
    OperatorHarness merging(windowsOf<Merging>(SlidingEventTimeWindows::of(10ns, 5ns)));
    merging.open();
    merging.elements({{{1, 1}, 1}, {{1, 13}, 7}});
    CHECK_THAT(messageOf(merging, 9), ContainsSubstring("operator 'window' (uid 'uid-1', subtask 0): merge of the "
                                                        "aggregate function threw, timestamp") &&
                                          ContainsSubstring("unlucky"));
    OperatorHarness subtracting(windowsOf<Subtracting>(SlidingEventTimeWindows::of(10ns, 5ns)));
    subtracting.open();
    subtracting.elements({{{1, 7}, 1}, {{1, 1}, 7}, {{1, 1}, 12}});
    CHECK_THAT(messageOf(subtracting, 14),
               ContainsSubstring("subtract of the aggregate function threw") && ContainsSubstring("too little"));
}

// The window's keys are strings; what is looked up is the array, with what is behind the end of its text.
TEST_CASE("a late element finds its key, where that is an array of characters", "[windowing]") {
    using Op = detail::AlignedWindowOperator<Quote, char(Quote::*)[8], TumblingEventTimeWindows, QuoteSum>;
    OperatorHarness harness(Op{&Quote::symbol, TumblingEventTimeWindows::of(10ns), {}, {}, 100ns, ""});
    harness.open();
    harness.element({"abc", 1}, 1);
    harness.watermark(9);
    CHECK(harness.take() == Results{{1, 9}});
    harness.element({"abc", 10}, 2);
    harness.element({"abc", 100}, 3);
    harness.element({"abcd", 5}, 4);
    CHECK(harness.take() == Results{{11, 9}, {111, 9}, {5, 9}});
}
