#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <millrace/batch.hpp>
#include <millrace/testing/operator_harness.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using testing::at;
using testing::element;
using testing::trace;
using testing::watermark;

namespace {

struct Order {
    std::int32_t customer;
    std::int64_t id;
    std::int64_t tick;
};
struct Payment {
    std::int32_t customer;
    std::int64_t amount;
    std::int64_t tick;
};
/// An order and a payment; -1 is none.
using Pair = std::pair<std::int64_t, std::int64_t>;

std::vector<Order> orders() {
    std::vector<Order> all;
    for (int i = 0; i < 120; ++i) all.push_back({i % 17, i, i});
    return all;
}
std::vector<Payment> payments() {
    std::vector<Payment> all;
    for (int i = 0; i < 90; ++i) all.push_back({i % 23, 1000 + i, i * 4 / 3});
    return all;
}
template <class T>
auto byTick() {
    return WatermarkStrategy::forBoundedOutOfOrderness(5ns).withTimestampAssigner(
        [](const T& element) { return at(element.tick); });
}

/// What an outer join should give: by customer and window of so many ticks.
std::vector<Pair> expectedPairs(std::int64_t ticks, bool keepOrders, bool keepPayments) {
    std::map<std::pair<std::int32_t, std::int64_t>, std::pair<std::vector<Order>, std::vector<Payment>>> groups;
    for (const Order& order : orders()) groups[{order.customer, order.tick / ticks}].first.push_back(order);
    for (const Payment& payment : payments())
        groups[{payment.customer, payment.tick / ticks}].second.push_back(payment);
    std::vector<Pair> pairs;
    for (const auto& [where, sides] : groups) {
        for (const Order& order : sides.first) {
            for (const Payment& payment : sides.second) pairs.emplace_back(order.id, payment.amount);
            if (sides.second.empty() && keepOrders) pairs.emplace_back(order.id, -1);
        }
        if (!sides.first.empty() || !keepPayments) continue;
        for (const Payment& payment : sides.second) pairs.emplace_back(-1, payment.amount);
    }
    return sorted(pairs);
}

const auto leftPair = [](const Order& order, const Payment* payment) {
    return Pair{order.id, payment != nullptr ? payment->amount : -1};
};
const auto rightPair = [](const Order* order, const Payment& payment) {
    return Pair{order != nullptr ? order->id : -1, payment.amount};
};
const auto fullPair = [](const Order* order, const Payment* payment, Collector<Pair>& out) {
    out.collect({order != nullptr ? order->id : -1, payment != nullptr ? payment->amount : -1});
};

}  // namespace

TEST_CASE("outer joins in windows keep what has no partner, on every runtime and in batch", "[api][threads]") {
    for (const int parallelism : {1, 4}) {
        for (const bool batch : {false, true}) {
            onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
                CAPTURE(runtime, parallelism, batch);
                env.setParallelism(parallelism);
                if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
                const auto left = [&] {
                    return env.fromCollection(orders()).assignTimestampsAndWatermarks(byTick<Order>());
                };
                const auto right = [&] {
                    return env.fromCollection(payments()).assignTimestampsAndWatermarks(byTick<Payment>());
                };
                const auto windows = [](auto joined) {
                    return joined.where(&Order::customer)
                        .equalTo(&Payment::customer)
                        .window(TumblingEventTimeWindows::of(30ns));
                };
                CHECK(sorted(windows(left().leftOuterJoin(right())).apply(leftPair).executeAndCollect()) ==
                      expectedPairs(30, true, false));
                CHECK(sorted(windows(left().rightOuterJoin(right())).apply(rightPair).executeAndCollect()) ==
                      expectedPairs(30, false, true));
                CHECK(sorted(windows(left().fullOuterJoin(right())).apply(fullPair).executeAndCollect()) ==
                      expectedPairs(30, true, true));
            });
        }
    }
}

TEST_CASE("joins of bounded streams need no window, no times and no watermarks", "[api][threads]") {
    for (const bool batch : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime, batch);
            env.setParallelism(3);
            if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
            const auto keyed = [](auto joined) { return joined.where(&Order::customer).equalTo(&Payment::customer); };
            const auto left = [&] { return env.fromCollection(orders()); };
            const auto right = [&] { return env.fromCollection(payments()); };
            CHECK(sorted(keyed(left().join(right()))
                             .apply([](const Order& order, const Payment& payment) {
                                 return Pair{order.id, payment.amount};
                             })
                             .executeAndCollect()) == expectedPairs(1'000'000, false, false));
            CHECK(sorted(keyed(left().fullOuterJoin(right())).apply(fullPair).executeAndCollect()) ==
                  expectedPairs(1'000'000, true, true));
            const auto counts =
                keyed(left().coGroup(right()))
                    .apply([](std::span<const Order> some, std::span<const Payment> others,
                              Collector<std::size_t>& out) { out.collect(some.size() * 100 + others.size()); })
                    .executeAndCollect();
            CHECK(counts.size() == 23);
        });
    }
    StreamExecutionEnvironment env;
    auto [unbounded, channel] = env.fromChannel<Order>();
    unbounded.leftOuterJoin(env.fromCollection(payments()))
        .where(&Order::customer)
        .equalTo(&Payment::customer)
        .apply(leftPair)
        .print();
    CHECK_THAT(messageOf([&] { env.execute(); }),
               ContainsSubstring("'window left outer join' gives its results when its input ends, but the source "
                                 "'channel' never ends"));
}

TEST_CASE("an outer join's windows survive a restore; late elements have a side output", "[api]") {
    const OutputTag<std::variant<Order, Payment>> late("late");
    auto harness = testing::harnessFor<Order, Payment>([&](DataStream<Order> left, DataStream<Payment> right) {
        return left.fullOuterJoin(right)
            .where(&Order::customer)
            .equalTo(&Payment::customer)
            .window(TumblingEventTimeWindows::of(10ns))
            .sideOutputLateData(late)
            .apply(fullPair);
    });
    const auto& lateElements = harness.sideOutput(late);
    harness.processElement1({1, 7, 3}, at(3));
    harness.processElement2({2, 70, 4}, at(4));
    harness.restoreFromOwnSnapshot();
    harness.processElement1({1, 8, 5}, at(5));
    harness.processElement2({1, 71, 6}, at(6));
    harness.processElement1({3, 9, 12}, at(12));
    harness.processBothWatermarks(at(9));
    auto fired = harness.takeOutput();
    std::sort(fired.begin(), fired.end() - 1, [](const auto& a, const auto& b) { return a.value < b.value; });
    CHECK(fired == trace(element(Pair{-1, 70}, at(9)), element(Pair{7, 71}, at(9)), element(Pair{8, 71}, at(9)),
                         watermark(at(9))));
    harness.processElement2({3, 72, 1}, at(1));
    harness.processBothWatermarks(at(19));
    CHECK(harness.output().elements() == std::vector<Pair>{{9, -1}});
    REQUIRE(lateElements.size() == 1);
    CHECK(std::get<Payment>(lateElements[0]).amount == 72);
}

TEST_CASE("an outer join that waits for late elements calls nothing without a partner too early", "[api]") {
    const auto windows = [](const DataStream<Order>& left, const DataStream<Payment>& right) {
        return left.fullOuterJoin(right)
            .where(&Order::customer)
            .equalTo(&Payment::customer)
            .window(TumblingEventTimeWindows::of(10ns))
            .allowedLateness(5ns);
    };
    const auto feed = [](auto& harness) {
        harness.processElement1({1, 7, 3}, at(3));
        harness.processBothWatermarks(at(4));
        harness.advanceProcessingTime(10ns);
        harness.processBothWatermarks(at(9));
        harness.processElement2({1, 70, 5}, at(5));  // late, but within the lateness
        harness.processBothWatermarks(at(14));
        return harness.takeOutput();
    };
    const Pair alone{7, -1};
    const Pair both{7, 70};
    auto usual =
        testing::harnessFor<Order, Payment>([&](const DataStream<Order>& left, const DataStream<Payment>& right) {
            return windows(left, right).apply(fullPair);
        });
    CHECK(feed(usual) ==
          trace(watermark(at(4)), element(alone, at(9)), watermark(at(9)), element(both, at(9)), watermark(at(14))));
    auto final =
        testing::harnessFor<Order, Payment>([&](const DataStream<Order>& left, const DataStream<Payment>& right) {
            return windows(left, right).emitFinal().apply(fullPair);
        });
    CHECK(feed(final) == trace(watermark(at(-1)), watermark(at(4)), element(both, at(9)), watermark(at(9))));
    auto early =
        testing::harnessFor<Order, Payment>([&](const DataStream<Order>& left, const DataStream<Payment>& right) {
            return windows(left, right).emitEvery(4ns).apply(fullPair);
        });
    CHECK(feed(early) == trace(element(alone, at(9)), watermark(at(4)), element(alone, at(9)), watermark(at(9)),
                               element(both, at(9)), watermark(at(14))));
    auto clock =
        testing::harnessFor<Order, Payment>([&](const DataStream<Order>& left, const DataStream<Payment>& right) {
            return windows(left, right).emitOnWallClock(10ns).apply(fullPair);
        });
    CHECK(feed(clock) == trace(watermark(at(4)), element(alone, at(9)), element(alone, at(9)), watermark(at(9)),
                               element(both, at(9)), watermark(at(14))));
}

TEST_CASE("groupReduce sees all of a key at once, with or without the key", "[api][threads]") {
    struct WithState {  // a struct that is opened
        int opened = 0;
        void open(RuntimeContext&) { ++opened; }
        std::pair<std::int32_t, std::size_t> operator()(const std::int32_t& key, std::span<const Order> all) const {
            return {key, all.size() + 100 * static_cast<std::size_t>(opened)};
        }
    };
    for (const bool batch : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime, batch);
            env.setParallelism(2);
            if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
            std::map<std::int32_t, std::vector<std::int64_t>> ids;
            for (const Order& order : orders()) ids[order.customer].push_back(order.id);
            std::vector<std::string> expected;
            std::vector<std::pair<std::int32_t, std::size_t>> expectedCounts;
            std::vector<std::int64_t> largest;
            for (const auto& [customer, some] : ids) {
                std::string text = std::to_string(customer) + ":";
                for (const std::int64_t id : some) text += " " + std::to_string(id);
                expected.push_back(text);
                expectedCounts.emplace_back(customer, some.size() + 100);
                largest.push_back(some.back());
            }
            const auto keyed = [&] { return env.fromCollection(orders()).keyBy(&Order::customer); };
            CHECK(sorted(keyed()
                             .groupReduce([](const std::int32_t& customer, std::span<const Order> all,
                                             Collector<std::string>& out) {
                                 std::string text = std::to_string(customer) + ":";
                                 for (const Order& order : all) text += " " + std::to_string(order.id);
                                 out.collect(text);
                             })
                             .executeAndCollect()) == sorted(expected));
            CHECK(sorted(keyed().groupReduce(WithState{}).executeAndCollect()) == expectedCounts);
            CHECK(sorted(keyed()
                             .groupReduce([](std::span<const Order> all) { return all.back().id; })
                             .executeAndCollect()) == sorted(largest));
            CHECK(keyed()
                      .groupReduce([](std::span<const Order> all, Collector<std::int64_t>& out) {
                          for (const Order& order : all) out.collect(order.id);
                      })
                      .executeAndCollect()
                      .size() == orders().size());
        });
    }
    StreamExecutionEnvironment env;
    auto [unbounded, channel] = env.fromChannel<int>();
    unbounded.keyBy([](int n) { return n; }).groupReduce([](std::span<const int> all) { return all.size(); }).print();
    CHECK_THAT(
        messageOf([&] { env.execute(); }),
        ContainsSubstring("'group reduce' gives its results when its input ends, but the source 'channel' never ends"));
}
