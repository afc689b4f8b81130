#include <millrace/windowing/local_window_operator.hpp>

#include "windowing/window_fixtures.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;
using Catch::Matchers::ContainsSubstring;

namespace {

using Assigner = SlidingEventTimeWindows;
template <class Aggregate>
using Local = detail::LocalWindowOperator<Item, std::int32_t Item::*, Assigner, Aggregate>;
using Trace = std::vector<std::string>;

/// An exchange that writes down what goes over it. Sums of one block are sorted: their order says nothing.
template <class Partial>
class ExchangePort final : public detail::Port {
public:
    void onBlock(detail::BlockRef erased, bool) override {
        const auto block = erased.as<Partial>();
        ++blocks;
        if (onlyCounts) return count(block);
        Trace sumsOfBlock;
        for (std::size_t i = 0; i < block.size; ++i) {
            const std::string end = "@" + std::to_string(ticks(block.timestampOf(i)));
            if (const Item* const item = block.values[i].element()) {
                trace.push_back(std::to_string(item->key) + ":" + std::to_string(item->value) + end);
            } else {
                const Summary& sum = block.values[i].accumulator();
                if (sum.key != block.values[i].key()) sumsOfBlock.emplace_back("a sum under another key");
                sumsOfBlock.push_back("sum " + std::to_string(sum.key) + ": " + std::to_string(sum.count) + " of " +
                                      std::to_string(sum.sum) + end);
            }
        }
        std::sort(sumsOfBlock.begin(), sumsOfBlock.end());
        trace.insert(trace.end(), sumsOfBlock.begin(), sumsOfBlock.end());
    }
    detail::Progress onWatermark(Timestamp watermark) override {
        trace.push_back("watermark " + std::to_string(ticks(watermark)));
        return detail::Progress::Done;
    }
    void onIdle() override { trace.emplace_back("idle"); }
    void onActive() override { trace.emplace_back("active"); }
    detail::Progress endInput() override {
        trace.emplace_back("end");
        return detail::Progress::Done;
    }
    void flush() override {}
    bool wantsOwnership() const noexcept override { return false; }
    bool isWaitedFor() const noexcept override { return waits; }

    Trace trace;
    std::size_t blocks = 0;
    bool onlyCounts = false;
    std::int64_t sums = 0;
    std::int64_t elements = 0;  ///< those in sums, too
    bool waits = true;

private:
    void count(const detail::Block<Partial>& block) {
        for (std::size_t i = 0; i < block.size; ++i) {
            const bool isSum = block.values[i].element() == nullptr;
            sums += isSum ? 1 : 0;
            elements += isSum ? block.values[i].accumulator().count : 1;
        }
    }
};

template <class Aggregate = MergingSummarise>
class LocalHarness {
    using Op = Local<Aggregate>;
    using Chain = detail::Link<detail::Input<Item>, Op>;

public:
    explicit LocalHarness(Assigner assigner, PreAggregation when = PreAggregation::Always)
        : stage(Chain{{}, Op{&Item::key, assigner, Aggregate{}, when}}, {{"local", "uid-1"}}) {
        stage.addOutput("", port);
    }
    void open() { stage.open(context); }
    void elements(std::vector<Emitted<Item>> all) {
        std::vector<Item> values;
        std::vector<Timestamp> times;
        for (const auto& [value, time] : all) {
            values.push_back(value);
            times.push_back(at(time));
        }
        stage.onBlock(0, detail::Block<Item>{values.data(), times.data(), nullptr, values.size()});
    }
    detail::Progress watermark(std::int64_t time) { return stage.onWatermark(0, at(time)); }
    Trace take() { return std::exchange(port.trace, {}); }

    FakeStageContext context;
    ExchangePort<typename Op::Output> port;
    detail::ChainStage<Chain> stage;
};

Assigner tumbling(Duration size) {
    return SlidingEventTimeWindows::of(size, size);
}

}  // namespace

TEST_CASE("what a slice comes to goes before the watermark that reaches its last timestamp", "[windowing][local]") {
    LocalHarness harness(tumbling(10ns));
    harness.open();
    harness.watermark(-1);
    harness.elements({{{1, 5}, 0}, {{2, 1}, 9}, {{1, 7}, 3}, {{1, 2}, 10}, {{3, 4}, 25}});
    harness.watermark(8);
    CHECK(harness.take() == Trace{"watermark -1", "watermark 8"});
    harness.watermark(9);
    CHECK(harness.take() == Trace{"sum 1: 2 of 12@9", "sum 2: 1 of 1@9", "watermark 9"});
    harness.elements({{{1, 3}, 12}, {{1, 1}, 9}, {{3, 6}, 20}});  // the one at 9 is late here
    CHECK(harness.take() == Trace{"1:1@9"});
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Trace{"sum 1: 2 of 5@19", "sum 3: 2 of 10@29", "watermark 9223372036854775807"});
    harness.stage.endInput(0);
    CHECK(harness.take() == Trace{"end"});
}

TEST_CASE("nothing is held back across idleness, a barrier and the end of input", "[windowing][local]") {
    LocalHarness harness(tumbling(10ns));
    harness.open();
    harness.watermark(0);
    harness.elements({{{1, 5}, 3}, {{1, 6}, 4}, {{1, 7}, 14}});
    harness.stage.prepareBarrier(1);
    CHECK(harness.take() == Trace{"watermark 0", "sum 1: 2 of 11@9", "sum 1: 1 of 7@19"});
    harness.elements({{{1, 5}, 3}});
    harness.stage.onIdle(0);
    CHECK(harness.take() == Trace{"sum 1: 1 of 5@9", "idle"});
    harness.stage.onActive(0);
    harness.watermark(1);
    harness.elements({{{1, 5}, 3}, {{1, 6}, 4}});
    harness.stage.endInput(0);
    CHECK(harness.take() == Trace{"active", "watermark 1", "sum 1: 2 of 11@9", "end"});
}

TEST_CASE("elements go on as they are while the event time behind the exchange does not wait", "[windowing][local]") {
    LocalHarness harness(tumbling(10ns));
    harness.open();
    harness.port.waits = false;
    harness.elements({{{1, 5}, 3}, {{1, 6}, 4}});
    harness.watermark(0);
    harness.elements({{{1, 7}, 5}});
    CHECK(harness.take() == Trace{"1:5@3", "1:6@4", "watermark 0", "1:7@5"});

    harness.port.waits = true;  // heard of with the next watermark
    harness.elements({{{1, 8}, 6}});
    harness.watermark(1);
    harness.elements({{{1, 9}, 7}});
    CHECK(harness.take() == Trace{"1:8@6", "watermark 1"});

    harness.port.waits = false;
    harness.stage.onIdle(0);
    harness.stage.onActive(0);
    harness.watermark(2);
    harness.elements({{{1, 1}, 8}});
    CHECK(harness.take() == Trace{"sum 1: 1 of 9@9", "idle", "active", "watermark 2", "1:1@8"});
}

TEST_CASE("sums of sliding windows are by slice, and elements in a gap go on as they are", "[windowing][local]") {
    LocalHarness pairs(SlidingEventTimeWindows::of(7ns, 3ns));  // slices of 1 and of 2 ticks
    pairs.open();
    pairs.watermark(-1);
    pairs.elements({{{1, 1}, 0}, {{1, 2}, 1}, {{1, 4}, 2}, {{1, 8}, 3}, {{1, 16}, 5}});
    pairs.watermark(2);
    CHECK(pairs.take() == Trace{"watermark -1", "sum 1: 1 of 1@0", "sum 1: 2 of 6@2", "watermark 2"});
    pairs.watermark(INT64_MAX);
    CHECK(pairs.take() == Trace{"sum 1: 1 of 8@3", "sum 1: 1 of 16@5", "watermark 9223372036854775807"});

    LocalHarness gaps(SlidingEventTimeWindows::of(2ns, 10ns));
    gaps.open();
    gaps.watermark(-1);
    gaps.elements({{{1, 1}, 0}, {{1, 2}, 1}, {{1, 4}, 2}, {{1, 8}, 10}});
    gaps.watermark(INT64_MAX);
    CHECK(gaps.take() ==
          Trace{"watermark -1", "1:4@2", "sum 1: 2 of 3@1", "sum 1: 1 of 8@11", "watermark 9223372036854775807"});
}

// Such a slice ends with its first timestamp, and a window's last timestamp is one before its end: that of another slice.
TEST_CASE("elements of a slice that begins at the end of time go on as they are", "[windowing][local]") {
    LocalHarness harness(tumbling(7ns));
    harness.open();
    harness.watermark(0);
    harness.elements({{{1, 5}, INT64_MAX}, {{1, 6}, INT64_MAX - 1}});
    harness.watermark(INT64_MAX);
    CHECK(harness.take() == Trace{"watermark 0", "1:5@9223372036854775807", "sum 1: 1 of 6@9223372036854775806",
                                  "watermark 9223372036854775807"});
}

TEST_CASE("sums wait while the output is blocked, and all of them come before the watermark", "[windowing][local]") {
    LocalHarness harness(tumbling(1000ns));
    harness.open();
    harness.watermark(-1);
    std::vector<Emitted<Item>> all;
    for (std::int32_t key = 0; key < 1000; ++key) all.push_back({{key, 1}, key % 1000});
    harness.elements(all);
    harness.take();
    harness.context.outputBlocked = true;
    CHECK(harness.watermark(999) == detail::Progress::Suspended);
    CHECK(harness.stage.resume() == detail::Progress::Suspended);
    CHECK(harness.take().empty());
    harness.context.outputBlocked = false;
    CHECK(harness.stage.resume() == detail::Progress::Done);
    const Trace trace = harness.take();
    REQUIRE(trace.size() == 1001);
    CHECK(trace.back() == "watermark 999");
    CHECK(harness.port.blocks >= 3);

    harness.elements({{{1, 1}, 1000}, {{1, 1}, 1001}});
    harness.context.outputBlocked = true;
    CHECK(harness.watermark(1999) == detail::Progress::Suspended);
    harness.stage.prepareBarrier(1);  // cannot wait
    CHECK(harness.take() == Trace{"sum 1: 2 of 2@1999"});
}

TEST_CASE("with too many keys elements go on as they are, and later it is tried again", "[windowing][local]") {
    const auto sumsOf = [](PreAggregation when, std::int64_t count, std::int32_t keys) {
        LocalHarness harness(tumbling(1'000'000'000ns), when);
        harness.port.onlyCounts = true;
        harness.open();
        harness.watermark(-1);
        std::vector<Emitted<Item>> block;
        for (std::int64_t i = 0; i < count; ++i) {
            block.push_back({{static_cast<std::int32_t>(i % keys), 1}, i});
            if (block.size() == 1024) harness.elements(std::exchange(block, {}));
        }
        harness.elements(std::move(block));
        harness.stage.endInput(0);
        CHECK(harness.port.elements == count);
        return harness.port.sums;
    };
    // two stretches of 2^14 elements, then 2^20 as they are
    CHECK(sumsOf(PreAggregation::Adaptive, 200'000, 1'000'000) == 32'768);
    CHECK(sumsOf(PreAggregation::Always, 200'000, 1'000'000) == 200'000);
    CHECK(sumsOf(PreAggregation::Adaptive, 1'200'000, 2'000'000) == 65'536);
    // keys that come again: only the first stretch is poor
    CHECK(sumsOf(PreAggregation::Adaptive, 200'000, 16'000) == 16'000);
    CHECK(sumsOf(PreAggregation::Adaptive, 200'000, 10) == 10);
}

TEST_CASE("windows that are called directly get the blocks as they are", "[windowing][local]") {
    struct DirectPort final : detail::Port {
        void onBlock(detail::BlockRef erased, bool) override {
            const auto block = erased.as<Local<MergingSummarise>::Output>();
            REQUIRE(block.size == 1);
            const detail::Block<Item>* const elements = block.values[0].elements();
            REQUIRE(elements != nullptr);
            for (std::size_t i = 0; i < elements->size; ++i) seen.push_back(elements->values[i]);
        }
        detail::Progress onWatermark(Timestamp) override { return detail::Progress::Done; }
        void onIdle() override {}
        void onActive() override {}
        detail::Progress endInput() override { return detail::Progress::Done; }
        void flush() override {}
        bool wantsOwnership() const noexcept override { return true; }
        std::vector<Item> seen;
    } port;
    using Chain = detail::Link<detail::Input<Item>, Local<MergingSummarise>>;
    detail::ChainStage<Chain> stage(
        Chain{{}, Local<MergingSummarise>{&Item::key, tumbling(10ns), {}, PreAggregation::Always}},
        {{"local", "uid-1"}});
    stage.addOutput("", port);
    FakeStageContext context;
    stage.open(context);
    Item items[] = {{1, 5}, {2, 6}};
    Timestamp times[] = {at(1), at(2)};
    stage.onBlock(0, detail::Block<Item>{items, times, nullptr, 2});
    CHECK(port.seen == std::vector<Item>{{1, 5}, {2, 6}});
}

TEST_CASE("a function that throws in front of the exchange is named with its record", "[windowing][local]") {
    struct Fails : MergingSummarise {
        void add(const Item& item, Summary& acc) const {
            if (item.value == 13) throw std::runtime_error("bad luck");
            MergingSummarise::add(item, acc);
        }
    };
    LocalHarness<Fails> harness(tumbling(10ns));
    harness.open();
    harness.watermark(-1);
    std::string message;
    try {
        harness.elements({{{1, 5}, 0}, {{2, 13}, 1}});
    } catch (const std::exception& error) {
        message = describeException(error);
    }
    CHECK_THAT(message, ContainsSubstring("'local'") && ContainsSubstring("uid-1") &&
                            ContainsSubstring("{key: 2, value: 13}") && ContainsSubstring("bad luck"));
    CHECK_THROWS_WITH(harness.elements({{{1, 5}, INT64_MIN}}), ContainsSubstring("no timestamp"));
}
