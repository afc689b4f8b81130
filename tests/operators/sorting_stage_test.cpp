#include <millrace/operators/sorting_stage.hpp>

#include <millrace/operators/co_process.hpp>
#include <millrace/operators/keyed_co_process.hpp>
#include <millrace/operators/keyed_process.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using testsupport::at;
using testsupport::Emitted;
using testsupport::FakeStageContext;
using testsupport::RecordingPort;

namespace {

struct Sale {
    std::string shop;
    int amount = 0;
    bool operator==(const Sale&) const = default;
    auto operator<=>(const Sale&) const = default;
};
using ShopOf = std::string Sale::*;

constexpr std::int64_t kEnd = kMaxTimestamp.time_since_epoch().count();

/// A keyed operator in batch execution; with two inputs, both are sales by shop.
template <class Op, class Inputs = Input<Sale>>
struct BatchHarness {
    using Out = typename Op::Output;
    static constexpr int kInputs = std::is_same_v<Inputs, Input<Sale>> ? 1 : 2;
    explicit BatchHarness(Op op, std::size_t memory = 1 << 20) {
        using Chain = Link<Inputs, Op>;
        std::vector<std::unique_ptr<KeyedRecordCodec>> codecs;
        for (int i = 0; i < kInputs; ++i) {
            codecs.push_back(std::make_unique<KeyedRecordCodec>(
                Owner<KeyEncoder>(new KeyEncoderOf<Sale, ShopOf>(&Sale::shop)), kRecordCodec<Sale>));
        }
        stage = std::make_unique<SortingStage>(
            Owner<Stage>(new ChainStage<Chain>(Chain{{}, std::move(op)}, detail::List<OperatorId>{{"op", "uid-1"}})),
            std::move(codecs), memory, std::string());
        context.isBatch = true;
        stage->addOutput("", output);
        stage->open(context);
    }
    void element(Sale sale, std::int64_t time, int input = 0) {
        Timestamp timestamp = at(time);
        stage->onBlock(input, Block<Sale>{&sale, &timestamp, nullptr, 1});
    }
    /// Ends the inputs; returns how often back pressure stopped the replay.
    int end() {
        int stops = 0;
        const auto finish = [&](Progress progress) {
            for (; progress == Progress::Suspended; ++stops) {
                context.outputBlocked = false;
                progress = stage->resume();
            }
        };
        for (int i = 0; i < kInputs; ++i) finish(stage->onWatermark(i, kMaxTimestamp));
        for (int i = 0; i < kInputs; ++i) finish(stage->endInput(i));
        return stops;
    }

    FakeStageContext context;
    RecordingPort<Out> output;
    std::unique_ptr<SortingStage> stage;
};

auto rollingSum() {
    return KeyedReduceOperator<Sale, ShopOf, SumFunction<int Sale::*>>{&Sale::shop, {&Sale::amount}};
}

struct Total {
    int createAccumulator() const { return 0; }
    void add(const Sale& sale, int& acc) const { acc += sale.amount; }
    int getResult(const int& acc) const { return acc; }
    void merge(int& into, const int& other) const { into += other; }
};
template <class Assigner>
auto totals(Assigner assigner) {
    const auto show = [](const std::string& shop, const TimeWindow& window, int total) {
        return shop + " " + std::to_string(testsupport::ticks(window.start)) + " " + std::to_string(total);
    };
    return AlignedWindowOperator<Sale, ShopOf, Assigner, Total, decltype(show), std::string>{
        &Sale::shop, assigner, Total{}, show, Duration{0}, {}};
}

}  // namespace

TEST_CASE("batch: a rolling reduce gives one value per key, when the input has ended", "[operators]") {
    BatchHarness harness(rollingSum());
    harness.element({"b", 1}, 5);
    harness.element({"a", 2}, 4);
    harness.element({"b", 3}, 1);
    CHECK(harness.stage->onWatermark(0, at(100)) == Progress::Done);
    CHECK(harness.output.elements.empty());
    CHECK(harness.output.watermarks.empty());
    harness.end();
    auto elements = harness.output.elements;
    std::sort(elements.begin(), elements.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    CHECK(elements == std::vector<Emitted<Sale>>{{{"a", 2}, kEnd}, {{"b", 4}, kEnd}});
    using Mark = RecordingPort<Sale>::Watermark;
    CHECK(harness.output.watermarks == std::vector<Mark>{{kEnd, 2}});
    CHECK(harness.output.controls == std::vector<std::string>{"end"});
    CHECK(harness.stage->metrics.recordsIn.load() == 3);
    CHECK(harness.stage->metrics.recordsOut.load() == 2);
}

TEST_CASE("batch: windows come key by key, nothing is late, and each key starts with the first window", "[operators]") {
    const auto check = [](auto assigner, std::int64_t size, std::int64_t slide) {
        BatchHarness harness(totals(assigner), 5000);  // so little memory that it sorts through files
        std::map<std::string, std::map<std::int64_t, int>> expected;
        for (int i = 0; i < 2000; ++i) {
            const std::string shop = "shop" + std::to_string(i * 7 % 13);
            const std::int64_t time = i * 7919 % 1000;
            harness.element({shop, i}, time);
            for (std::int64_t start = time - time % slide; start > time - size; start -= slide) {
                expected[shop][start] += i;
            }
        }
        harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
        CHECK(harness.end() > 10);

        std::vector<std::string> shops;
        std::vector<std::string> rows;
        for (const auto& [row, time] : harness.output.elements) {
            rows.push_back(row);
            const std::string shop = row.substr(0, row.find(' '));
            if (shops.empty() || shops.back() != shop) shops.push_back(shop);
        }
        CHECK(shops.size() == expected.size());  // no key comes twice
        std::size_t row = 0;
        for (const std::string& shop : shops) {
            for (const auto& [start, total] : expected[shop]) {
                REQUIRE(row < rows.size());
                CHECK(rows[row++] == shop + " " + std::to_string(start) + " " + std::to_string(total));
            }
        }
        CHECK(row == rows.size());
        CHECK(harness.output.watermarks.size() == 1);
        CHECK(harness.output.controls == std::vector<std::string>{"end"});
    };
    check(TumblingEventTimeWindows::of(Duration{50}), 50, 50);
    check(SlidingEventTimeWindows::of(Duration{60}, Duration{20}), 60, 20);
}

namespace {

/// Writes down what happens to each key.
struct Diary {
    ValueState<std::string> pages;
    void open(KeyedRuntimeContext& context) { pages = context.getState(ValueStateDescriptor<std::string>{"pages"}); }
    void processElement(const Sale& sale, KeyedProcessContext<std::string>& context, Collector<std::string>&) {
        pages.update(pages.valueOr(context.currentKey() + ":") + " " + std::to_string(sale.amount));
        context.timerService().registerProcessingTimeTimer(at(7));
        context.timerService().registerEventTimeTimer(at(20));
        context.timerService().registerEventTimeTimer(at(10));
        CHECK(context.currentWatermark() == kMinTimestamp);
    }
    void onTimer(Timestamp time, OnTimerContext<std::string>& context, Collector<std::string>& out) {
        const bool isEvent = context.timeDomain() == TimeDomain::EventTime;
        pages.update(*pages.value() + (isEvent ? " event " : " clock ") + std::to_string(testsupport::ticks(time)));
        if (isEvent) {
            CHECK(context.currentWatermark() == kMaxTimestamp);
            context.timerService().registerEventTimeTimer(time + Duration{1});  // for ever, were it not ignored
        } else {
            out.collect(*pages.value());
        }
    }
};

}  // namespace

TEST_CASE("batch: timers fire at the end of their key, first those of event time, and no others can be set then",
          "[operators]") {
    BatchHarness harness(KeyedProcessOperator<Sale, std::string, ShopOf, Diary>{&Sale::shop, Diary{}});
    harness.element({"b", 1}, 5);
    harness.element({"a", 2}, 400);
    harness.element({"b", 3}, 1);
    harness.element({"a", 4}, 300);
    harness.context.now = at(1000);
    harness.stage->onProcessingTime(at(1000));
    CHECK(harness.output.elements.empty());
    harness.end();
    std::vector<std::string> pages;
    for (const auto& [page, time] : harness.output.elements) {
        CHECK(time == kMinTimestamp.time_since_epoch().count());
        pages.push_back(page);
    }
    std::sort(pages.begin(), pages.end());
    CHECK(pages == std::vector<std::string>{"a: 4 2 event 10 event 20 clock 7", "b: 3 1 event 10 event 20 clock 7"});
}

TEST_CASE("batch: a job that stops without draining emits nothing of what has been collected", "[operators]") {
    BatchHarness harness(rollingSum());
    harness.element({"b", 1}, 5);
    harness.stage->endInput(0);
    CHECK(harness.output.elements.empty());
    CHECK(harness.output.controls == std::vector<std::string>{"end"});
}

namespace {

struct Both {
    void processElement1(const Sale& sale, ProcessContext&, Collector<Sale>& out) { out.collect(sale); }
    void processElement2(const Sale& sale, ProcessContext&, Collector<Sale>& out) { out.collect(sale); }
};

}  // namespace

TEST_CASE("batch: of two keyed inputs one may have ended when the job stops without draining", "[operators]") {
    using Op = CoProcessOperator<Sale, Sale, Sale, Both>;
    BatchHarness<Op, TwoInputs<Sale, Sale>> harness(Op{});
    harness.element({"a", 1}, 1);
    CHECK(harness.stage->onWatermark(0, kMaxTimestamp) == Progress::Done);
    CHECK(harness.stage->endInput(0) == Progress::Done);
    CHECK(harness.output.controls.empty());
    CHECK(harness.stage->endInput(1) == Progress::Done);
    CHECK(harness.output.controls == std::vector<std::string>{"end"});  // once this was never sent, and the job hung
    CHECK(harness.output.elements.empty());
}

namespace {

/// Emits what it is called with: whose key it is, what, and the balance of sales and returns then.
struct Balance {
    ValueState<int> balance;
    void open(KeyedRuntimeContext& context) { balance = context.getState(ValueStateDescriptor<int>{"balance"}); }
    void processElement1(const Sale& sale, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        book("sale", sale.amount, context, out);
    }
    void processElement2(const Sale& sale, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        book("return", -sale.amount, context, out);
    }
    void onTimer(Timestamp time, OnTimerContext<std::string>& context, Collector<std::string>& out) {
        CHECK(context.currentWatermark() == kMaxTimestamp);
        out.collect(context.currentKey() + " timer " + std::to_string(testsupport::ticks(time)) + ": " +
                    std::to_string(*balance.value()));
    }
    void book(const char* what, int amount, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        CHECK(context.currentWatermark() == kMinTimestamp);
        balance.update(balance.valueOr(0) + amount);
        out.collect(context.currentKey() + " " + what + ": " + std::to_string(*balance.value()));
        // soon, so that timers are due before later records of the key and before records of the next one
        context.timerService().registerEventTimeTimer(*context.timestamp() + Duration{2});
    }
};

}  // namespace

TEST_CASE("batch: two keyed inputs share a key's time and state, and its timers fire before the next key begins",
          "[operators]") {
    const bool underBackPressure = GENERATE(false, true);
    CAPTURE(underBackPressure);
    using Op = KeyedCoProcessOperator<Sale, Sale, ShopOf, ShopOf, std::string, Balance>;
    BatchHarness<Op, TwoInputs<Sale, Sale>> harness(Op{&Sale::shop, &Sale::shop, {}});
    if (underBackPressure) harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
    harness.element({"b", 1}, 9, 1);
    harness.element({"a", 10}, 20, 0);
    harness.element({"c", 7}, 1, 1);  // only in the second input
    harness.element({"a", 4}, 30, 1);
    harness.element({"b", 5}, 5, 0);
    harness.element({"a", 2}, 25, 1);
    harness.element({"a", 3}, 28, 0);
    harness.element({"b", 6}, 10, 0);
    CHECK(harness.output.elements.empty());
    const int stops = harness.end();
    CHECK((stops > 0) == underBackPressure);

    using Lines = std::vector<Emitted<std::string>>;
    std::vector<Lines> keys;  // a key that came twice would be here twice
    for (const auto& line : harness.output.elements) {
        if (keys.empty() || keys.back().front().value.front() != line.value.front()) keys.emplace_back();
        keys.back().push_back(line);
    }
    std::sort(keys.begin(), keys.end(), [](const Lines& a, const Lines& b) { return a[0].value < b[0].value; });
    CHECK(keys == std::vector<Lines>{{{"a sale: 10", 20},
                                      {"a return: 8", 25},
                                      {"a sale: 11", 28},
                                      {"a return: 7", 30},
                                      {"a timer 22: 7", 22},
                                      {"a timer 27: 7", 27},
                                      {"a timer 30: 7", 30},
                                      {"a timer 32: 7", 32}},
                                     {{"b sale: 5", 5},
                                      {"b return: 4", 9},
                                      {"b sale: 10", 10},
                                      {"b timer 7: 10", 7},
                                      {"b timer 11: 10", 11},
                                      {"b timer 12: 10", 12}},
                                     {{"c return: -7", 1}, {"c timer 3: -7", 3}}});
    CHECK(harness.output.watermarks ==
          std::vector<RecordingPort<std::string>::Watermark>{{kEnd, harness.output.elements.size()}});
    CHECK(harness.output.controls == std::vector<std::string>{"end"});
}

TEST_CASE("batch: -0.0 and 0.0 are one key", "[operators]") {
    struct Reading {
        double key;
        int count;
        bool operator==(const Reading&) const = default;
    };
    using KeyOfReading = double Reading::*;
    KeyedRecordCodec codec(Owner<KeyEncoder>(new KeyEncoderOf<Reading, KeyOfReading>(&Reading::key)),
                           kRecordCodec<Reading>);
    std::vector<Reading> readings = {{0.0, 1}, {-0.0, 2}};
    EncodedRecords records;
    codec.encode(Block<Reading>{readings.data(), nullptr, nullptr, readings.size()}, records);
    const auto keyAt = [&](std::size_t i) {
        const auto bytes = records.bytes.bytes().subspan(records.entries[i].keyBegin, records.entries[i].keyLength);
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    CHECK(keyAt(0) == keyAt(1));
    CHECK(records.entries[0].hash == records.entries[1].hash);
}

TEST_CASE("batch: the bytes of a key do not depend on how its selector returns it", "[operators]") {
    struct Named {
        std::string name;
        std::int64_t number = 0;
    };
    std::vector<Named> records = {{"a name of some length, not kept in place", 1}, {"b", 2}};
    const auto keysBy = [&](auto selector) {
        KeyedRecordCodec codec(Owner<KeyEncoder>(new KeyEncoderOf<Named, decltype(selector)>(selector)),
                               kRecordCodec<Named>);
        EncodedRecords encoded;
        codec.encode(Block<Named>{records.data(), nullptr, nullptr, records.size()}, encoded);
        std::vector<std::vector<std::byte>> keys;
        for (const auto& entry : encoded.entries) {
            const auto bytes = encoded.bytes.bytes().subspan(entry.keyBegin, entry.keyLength);
            keys.emplace_back(bytes.begin(), bytes.end());
        }
        return keys;
    };
    const std::vector<std::vector<std::byte>> expected = {encodeToBytes(records[0].name),
                                                          encodeToBytes(records[1].name)};
    CHECK(keysBy(&Named::name) == expected);
    CHECK(keysBy([](const Named& record) -> const std::string& { return record.name; }) == expected);
    CHECK(keysBy([](const Named& record) { return record.name; }) == expected);
    CHECK(keysBy([](const Named& record) { return std::string_view(record.name); }) == expected);
    CHECK(keysBy([](const Named& record) { return record.number; }) ==
          std::vector<std::vector<std::byte>>{encodeToBytes(std::int64_t{1}), encodeToBytes(std::int64_t{2})});
    CHECK(keysBy([](const Named& record) { return std::tie(record.name, record.number); }) ==
          std::vector<std::vector<std::byte>>{encodeToBytes(std::tuple(records[0].name, std::int64_t{1})),
                                              encodeToBytes(std::tuple(records[1].name, std::int64_t{2}))});
}

TEST_CASE("batch: no checkpoints", "[operators]") {
    BatchHarness harness(rollingSum());
    MemorySnapshot snapshot;
    CHECK_THROWS_WITH(harness.stage->snapshot(snapshot), Catch::Matchers::ContainsSubstring("takes no checkpoints"));
}
