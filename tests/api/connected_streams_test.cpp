#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Order {
    std::int32_t customer;
    std::int64_t id;
    std::int64_t tick;
};
struct Payment {
    std::string customer;
    std::int64_t amount;
    std::int64_t tick;
};
struct Pair {
    std::int64_t order;
    std::int64_t amount;
    auto operator<=>(const Pair&) const = default;
};

std::vector<Order> manyOrders(int count) {
    std::vector<Order> orders;
    for (int i = 0; i < count; ++i) orders.push_back({i % 37, i, i});
    return orders;
}
std::vector<Payment> manyPayments(int count) {
    std::vector<Payment> payments;
    for (int i = 0; i < count; ++i) payments.push_back({std::to_string(i % 41), 1000 + i, i / 2});
    return payments;
}
template <class T>
auto byTick() {
    return WatermarkStrategy::forBoundedOutOfOrderness(5ns).withTimestampAssigner(
        [](const T& element) { return Timestamp{Duration{element.tick}}; });
}
std::int32_t customerOf(const Payment& payment) {
    return static_cast<std::int32_t>(std::stoi(payment.customer));
}

/// Every pair of equal customers whose ticks are at most `distance` apart.
std::vector<Pair> expectedPairs(const std::vector<Order>& orders, const std::vector<Payment>& payments,
                                std::int64_t before, std::int64_t after) {
    std::vector<Pair> pairs;
    for (const Order& order : orders) {
        for (const Payment& payment : payments) {
            const std::int64_t distance = payment.tick - order.tick;
            if (customerOf(payment) == order.customer && -before <= distance && distance <= after) {
                pairs.push_back({order.id, payment.amount});
            }
        }
    }
    return sorted(std::move(pairs));
}

}  // namespace

TEST_CASE("connect: map and flatMap have a function for each stream", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        const auto numbers = env.fromData({1, 2, 3});
        const auto words = env.fromData({std::string("a"), std::string("bb")});
        CHECK(sorted(numbers.connect(words)
                         .map([](int n) { return std::to_string(n); }, [](const std::string& word) { return word; })
                         .map([](const std::string& text) { return text + "!"; })
                         .executeAndCollect()) == std::vector<std::string>{"1!", "2!", "3!", "a!", "bb!"});

        struct Lengths {
            std::int64_t calls = 0;
            void flatMap1(int n, Collector<std::int64_t>& out) {
                ++calls;
                for (int i = 0; i < n; ++i) out.collect(n);
            }
            void flatMap2(const std::string& word, Collector<std::int64_t>& out) {
                ++calls;
                out.collect(-static_cast<std::int64_t>(word.size()));
            }
        };
        const auto more = env.fromData({1, 3}).connect(env.fromData({std::string("ccc")})).flatMap(Lengths{});
        CHECK(sorted(more.executeAndCollect()) == std::vector<std::int64_t>{-3, 1, 3, 3, 3});
    });
}

TEST_CASE("connected streams at any parallelism lose and double nothing", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        std::vector<std::int64_t> expected;
        for (std::int64_t i = -20'000; i < 20'000; ++i) expected.push_back(i);
        const auto both = env.fromSequence(0, 19'999).rebalance().connect(env.fromSequence(1, 20'000).rebalance());
        const auto all =
            both.map([](std::int64_t n) { return n; }, [](std::int64_t n) { return -n; }).setParallelism(4);
        CHECK(sorted(all.executeAndCollect()) == expected);
    });
}

TEST_CASE("an interval join gives the same pairs on every runtime and at any parallelism", "[api][threads]") {
    const auto orders = manyOrders(3'000);
    const auto payments = manyPayments(4'000);
    const auto expected = expectedPairs(orders, payments, 30, 100);
    for (const int parallelism : {1, 4}) {
        CAPTURE(parallelism);
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime);
            env.setParallelism(parallelism);
            const auto left = env.fromCollection(orders).assignTimestampsAndWatermarks(byTick<Order>());
            const auto right = env.fromCollection(payments).assignTimestampsAndWatermarks(byTick<Payment>());
            const auto joined = left.keyBy(&Order::customer)
                                    .intervalJoin(right.keyBy(&customerOf))
                                    .between(-30ns, 100ns)
                                    .process([](const Order& order, const Payment& payment) {
                                        return Pair{order.id, payment.amount};
                                    });
            CHECK(sorted(joined.executeAndCollect()) == expected);
        });
    }
}

TEST_CASE("an interval join with exclusive bounds, a context and late elements", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        // no orderness: what comes behind is late as soon as the other stream has come as far
        const auto strategy = [](auto tickOf) {
            return WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                [tickOf](const auto& element) { return Timestamp{Duration{tickOf(element)}}; });
        };
        const OutputTag<Pair> times("times");
        const std::vector<Order> orders{{1, 1, 10}, {1, 2, 20}};
        const std::vector<Payment> payments{{"1", 8, 8}, {"1", 9, 9}, {"1", 15, 15}, {"1", 30, 30}};
        const auto orderTimes = strategy([](const Order& order) { return order.tick; });
        const auto paymentTimes = strategy([](const Payment& payment) { return payment.tick; });
        DataStream<Pair> joined =
            env.fromCollection(orders)
                .assignTimestampsAndWatermarks(orderTimes)
                .keyBy(&Order::customer)
                .intervalJoin(
                    env.fromCollection(payments).assignTimestampsAndWatermarks(paymentTimes).keyBy(&customerOf))
                .between(-2ns, 10ns)
                .lowerBoundExclusive()
                .upperBoundExclusive()
                .sideOutputLeftLateData(OutputTag<Order>("late"))
                .process([times](const Order& order, const Payment& payment, ProcessJoinContext& context,
                                 Collector<Pair>& out) {
                    out.collect({order.id, payment.amount});
                    context.output(times, {context.getTimestamp().time_since_epoch().count(), payment.amount});
                });
        std::vector<Pair> results;
        joined.getSideOutput(times).addSink([&](const Pair& pair) { results.push_back(pair); });
        CHECK(sorted(joined.executeAndCollect()) == std::vector<Pair>{{1, 9}, {1, 15}});
        CHECK(sorted(results) == std::vector<Pair>{{10, 9}, {15, 15}});
    });
}

TEST_CASE("an interval join whose other stream is idle goes on by the one that is not", "[api]") {
    StreamExecutionEnvironment env{SimulatedRuntime(7)};
    const auto left = env.fromCollection(manyOrders(50)).assignTimestampsAndWatermarks(byTick<Order>());
    const auto right = env.fromCollection(std::vector<Payment>{}).assignTimestampsAndWatermarks(byTick<Payment>());
    const auto joined = left.keyBy(&Order::customer)
                            .intervalJoin(right.keyBy(&customerOf))
                            .between(0ns, 1ns)
                            .process([](const Order& order, const Payment&) { return order.id; });
    CHECK(joined.executeAndCollect().empty());
}

TEST_CASE("what cannot be joined is said before anything runs", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    StreamExecutionEnvironment other{CallerRuntime()};
    const auto orders = env.fromCollection(manyOrders(3));
    const auto keyed = orders.keyBy(&Order::customer);
    CHECK_THAT(messageOf([&] { keyed.intervalJoin(keyed).between(2ns, 1ns); }),
               ContainsSubstring("the lower bound is greater than the upper one"));
    CHECK_THAT(messageOf([&] {
                   orders.connect(other.fromData({1}))
                       .map([](const Order& o) { return o.id; }, [](int n) { return std::int64_t{n}; });
               }),
               ContainsSubstring("different environments"));
    keyed.intervalJoin(keyed).between(0ns, 1ns).process([](const Order& a, const Order&) { return a.id; }).print();
    CHECK_THAT(messageOf([&] { env.execute(); }),
               ContainsSubstring("'interval join'") && ContainsSubstring("watermarks"));
}

TEST_CASE("a keyed stream and a broadcast one: every subtask knows every rule", "[api][threads]") {
    const MapStateDescriptor<std::int32_t, std::int64_t> rules("rules");
    struct Apply {
        MapStateDescriptor<std::int32_t, std::int64_t> rules;
        ListState<std::int64_t> waiting;

        // rules and numbers come in any order: numbers wait for the end, when all rules are there
        void open(KeyedRuntimeContext& context) {
            waiting = context.getListState(ListStateDescriptor<std::int64_t>{"waiting"});
        }
        void processElement(std::int64_t number, KeyedReadOnlyContext<std::int32_t>& context, Collector<Pair>&) {
            waiting.add(number);
            context.timerService().registerEventTimeTimer(Timestamp{1s});
        }
        void processBroadcastElement(const Pair& rule, KeyedBroadcastContext<std::int32_t>& context, Collector<Pair>&) {
            context.getBroadcastState(rules).put(static_cast<std::int32_t>(rule.order), rule.amount);
        }
        void onTimer(Timestamp, KeyedReadOnlyContext<std::int32_t>& context, Collector<Pair>& out) {
            const std::int64_t* const factor = context.getBroadcastState(rules).get(context.currentKey());
            if (factor == nullptr) return;
            for (const std::int64_t number : waiting.get()) out.collect({context.currentKey(), number * *factor});
        }
    };
    std::vector<Pair> expected;
    for (std::int64_t n = 0; n < 1'000; ++n) {
        if (n % 10 != 3) expected.push_back({n % 10, n * (100 + n % 10)});
    }
    std::vector<Pair> given;
    for (std::int64_t key = 0; key < 10; ++key) {
        if (key != 3) given.push_back({key, 100 + key});
    }
    for (const int parallelism : {1, 3}) {
        CAPTURE(parallelism);
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime);
            env.setParallelism(parallelism);
            const auto result = env.fromSequence(0, 999)
                                    .keyBy([](std::int64_t n) { return static_cast<std::int32_t>(n % 10); })
                                    .connect(env.fromCollection(given).broadcast(rules))
                                    .process(Apply{rules, {}});
            CHECK(sorted(result.executeAndCollect()) == sorted(expected));
        });
    }
}

TEST_CASE("keyed connected streams share state and timers in a pipeline", "[api][threads]") {
    struct Total {
        ValueState<std::int64_t> total;
        void open(KeyedRuntimeContext& context) {
            total = context.getState(ValueStateDescriptor<std::int64_t>{"total"});
        }
        void processElement1(const Order& order, KeyedProcessContext<std::int32_t>& context, Collector<Pair>&) {
            add(-order.id, context);
        }
        void processElement2(const Payment& payment, KeyedProcessContext<std::int32_t>& context, Collector<Pair>&) {
            add(payment.amount, context);
        }
        void add(std::int64_t amount, KeyedProcessContext<std::int32_t>& context) {
            total.update(total.valueOr(0) + amount);
            context.timerService().registerEventTimeTimer(Timestamp{1s});
        }
        void onTimer(Timestamp, OnTimerContext<std::int32_t>& context, Collector<Pair>& out) {
            out.collect({context.currentKey(), *total.value()});
        }
    };
    const auto orders = manyOrders(1'000);
    const auto payments = manyPayments(1'000);
    std::map<std::int32_t, std::int64_t> totals;
    for (const Order& order : orders) totals[order.customer] -= order.id;
    for (const Payment& payment : payments) totals[customerOf(payment)] += payment.amount;
    std::vector<Pair> expected;
    for (const auto& [customer, total] : totals) expected.push_back({customer, total});
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(4);
        const auto result = env.fromCollection(orders)
                                .connect(env.fromCollection(payments))
                                .keyBy(&Order::customer, &customerOf)
                                .process(Total{});
        CHECK(sorted(result.executeAndCollect()) == sorted(expected));
    });
}

TEST_CASE("a window join pairs what is in the same window; a coGroup also sees empty sides", "[api][threads]") {
    const auto orders = manyOrders(200);
    const auto payments = manyPayments(300);
    std::vector<Pair> pairs;
    std::map<std::pair<std::int32_t, std::int64_t>, Pair> groups;
    for (const Order& order : orders) ++groups[{order.customer, order.tick / 50}].order;
    for (const Payment& payment : payments) ++groups[{customerOf(payment), payment.tick / 50}].amount;
    for (const Order& order : orders) {
        for (const Payment& payment : payments) {
            if (customerOf(payment) == order.customer && payment.tick / 50 == order.tick / 50) {
                pairs.push_back({order.id, payment.amount});
            }
        }
    }
    std::vector<Pair> sizes;
    for (const auto& [where, size] : groups) sizes.push_back(size);
    for (const int parallelism : {1, 4}) {
        CAPTURE(parallelism);
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime);
            env.setParallelism(parallelism);
            const auto left = env.fromCollection(orders).assignTimestampsAndWatermarks(byTick<Order>());
            const auto right = env.fromCollection(payments).assignTimestampsAndWatermarks(byTick<Payment>());
            std::vector<Pair> joined;
            left.join(right)
                .where(&Order::customer)
                .equalTo(&customerOf)
                .window(TumblingEventTimeWindows::of(50ns))
                .apply([](const Order& order, const Payment& payment) {
                    return Pair{order.id, payment.amount};
                })
                .rebalance()
                .map([](const Pair& pair) { return pair; })
                .setParallelism(1)
                .addSink([&joined](const Pair& pair) { joined.push_back(pair); });
            const auto grouped =
                left.coGroup(right)
                    .where(&Order::customer)
                    .equalTo(&customerOf)
                    .window(TumblingEventTimeWindows::of(50ns))
                    .apply([](std::span<const Order> lefts, std::span<const Payment> rights, Collector<Pair>& out) {
                        out.collect(
                            {static_cast<std::int64_t>(lefts.size()), static_cast<std::int64_t>(rights.size())});
                    });
            CHECK(sorted(grouped.executeAndCollect()) == sorted(sizes));
            CHECK(sorted(joined) == sorted(pairs));
        });
    }
}

TEST_CASE("a window join of sessions spans both streams", "[api]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    const std::vector<Order> orders{{1, 1, 0}, {1, 2, 8}, {1, 3, 40}};
    const std::vector<Payment> payments{{"1", 4, 4}, {"1", 20, 20}};
    const auto joined = env.fromCollection(orders)
                            .assignTimestampsAndWatermarks(byTick<Order>())
                            .join(env.fromCollection(payments).assignTimestampsAndWatermarks(byTick<Payment>()))
                            .where(&Order::customer)
                            .equalTo(&customerOf)
                            .window(EventTimeSessionWindows::withGap(5ns))
                            .apply([](const Order& order, const Payment& payment, Collector<Pair>& out) {
                                out.collect({order.id, payment.amount});
                            });
    CHECK(sorted(joined.executeAndCollect()) == std::vector<Pair>{{1, 4}, {2, 4}});
}
