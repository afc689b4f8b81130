#include <millrace/testing/operator_harness.hpp>

#include <millrace/api/broadcast_stream.hpp>
#include <millrace/api/windowed_stream.hpp>

#include "support/catch.hpp"

#include <string>

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;

namespace {

struct Item {
    std::string key;
    std::int64_t value;
    bool operator==(const Item&) const = default;
};

const OutputTag<Item> kLate("late");
const OutputTag<std::string> kOdd("odd");

auto sumPerWindow() {
    return harnessFor<Item>([](DataStream<Item> items) {
        return items.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .allowedLateness(5ns)
            .sideOutputLateData(kLate)
            .sum(&Item::value);
    });
}

}  // namespace

TEST_CASE("a harness shows everything that an event causes, in order", "[testing]") {
    auto harness = sumPerWindow();
    harness.sideOutput(kLate);

    harness.processElement({"a", 1}, at(3));
    CHECK(harness.output() == trace());
    harness.processWatermark(at(9));
    CHECK(harness.takeOutput() == trace(element(Item{"a", 1}, at(9)), watermark(at(9))));
    harness.processElement({"a", 2}, at(4));
    CHECK(harness.takeOutput() == trace(element(Item{"a", 3}, at(9))));
    harness.processWatermark(at(20));
    harness.processElement({"a", 4}, at(4));
    CHECK(harness.takeOutput() == trace(watermark(at(20)), sideElement("late", Item{"a", 4}, at(4))));
    harness.processIdle();
    harness.processActive();
    harness.endInput();
    CHECK(harness.output() == trace(idle(), active(), endOfInput()));
}

TEST_CASE("a harness goes on with the state of its own snapshot and without a watermark", "[testing]") {
    auto harness = sumPerWindow();
    harness.processElement({"a", 1}, at(3));
    harness.processWatermark(at(9));
    harness.takeOutput();

    harness.restoreFromOwnSnapshot();
    harness.processElement({"a", 2}, at(4));
    harness.processWatermark(at(9));
    CHECK(harness.output() == trace(element(Item{"a", 3}, at(9)), watermark(at(9))));
}

TEST_CASE("a side output is part of the trace and has a list of its own", "[testing]") {
    auto harness = harnessFor<int>([](DataStream<int> numbers) {
        return numbers.process([](int n, ProcessContext& ctx, Collector<int>& out) {
            if (n % 2 != 0) ctx.output(kOdd, std::to_string(n));
            out.collect(n);
        });
    });
    const std::vector<std::string>& odd = harness.sideOutput(kOdd);
    harness.processElement(1, at(5));
    harness.processElement(2);
    CHECK(harness.output() == trace(element(1, at(5)), sideElement("odd", "1", at(5)), element(2)));
    CHECK(odd == std::vector<std::string>{"1"});
    CHECK_THROWS_AS(harness.sideOutput(kOdd), ConfigurationException);
}

TEST_CASE("a harness drives several stages and joins the edges of a union", "[testing]") {
    auto harness = harnessFor<int>([](DataStream<int> numbers) {
        const DataStream<int> doubled = numbers.map([](int n) { return 2 * n; });
        return doubled.unionWith(numbers).keyBy([](int n) { return n; }).reduce([](int a, int b) { return a + b; });
    });
    harness.processElement(1, at(1));
    harness.processElement(2, at(2));
    harness.processWatermark(at(7));
    auto elements = harness.output().elements();
    std::sort(elements.begin(), elements.end());
    CHECK(elements == std::vector<int>{1, 2, 4, 4});
    CHECK(harness.output().back() == trace(element(0), watermark(at(7))).back());
}

TEST_CASE("what an operator throws comes out of the call that caused it", "[testing]") {
    auto harness = sumPerWindow();
    CHECK_THROWS_WITH(harness.processElement({"a", 1}), Catch::Matchers::ContainsSubstring("no timestamp"));
}

TEST_CASE("a harness drives a broadcast process function, keyed or not, with its state", "[testing]") {
    const MapStateDescriptor<std::string, int> limits("limits");
    struct Above {
        MapStateDescriptor<std::string, int> limits;
        void processElement(int n, BroadcastReadOnlyContext& context, Collector<int>& out) {
            if (n > context.getBroadcastState(limits).getOr("limit", 0)) out.collect(n);
        }
        void processBroadcastElement(int limit, BroadcastContext& context, Collector<int>&) {
            context.getBroadcastState(limits).put("limit", limit);
        }
    };
    auto plain = harnessForBroadcast<int, int>(Above{limits}, limits);
    plain.processElement1(3, at(1));
    plain.processElement2(5);
    plain.restoreFromOwnSnapshot();
    plain.processElement1(4, at(2));
    plain.processElement1(6, at(3));
    plain.processBothWatermarks(at(7));
    CHECK(plain.output() == trace(element(3, at(1)), element(6, at(3)), watermark(at(7))));

    struct CountAbove {
        MapStateDescriptor<std::string, int> limits;
        ValueState<int> count;
        void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<int>{"count"}); }
        void processElement(const Item& item, KeyedReadOnlyContext<std::string>& context, Collector<int>& out) {
            if (item.value <= context.getBroadcastState(limits).getOr("limit", 0)) return;
            count.update(count.valueOr(0) + 1);
            out.collect(*count.value());
        }
        void processBroadcastElement(int limit, KeyedBroadcastContext<std::string>& context, Collector<int>&) {
            context.getBroadcastState(limits).put("limit", limit);
        }
    };
    auto keyed = harnessForKeyedBroadcast<Item, int>(&Item::key, CountAbove{limits, {}}, limits);
    keyed.processElement2(1);
    keyed.processElement1({"a", 2}, at(1));
    keyed.processElement1({"a", 1}, at(2));
    keyed.restoreFromOwnSnapshot();
    keyed.processElement1({"a", 3}, at(3));
    keyed.processElement1({"b", 3}, at(4));
    CHECK(keyed.output() == trace(element(1, at(1)), element(2, at(3)), element(1, at(4))));
}
