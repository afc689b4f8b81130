#include <order_payment_join/order_payment_join.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>
#include <millrace/testing/check_equivalent.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <variant>
#include <vector>

using namespace millrace;
using namespace order_payment_join;
using namespace std::chrono_literals;

namespace {

const std::string kOrders = testing::exampleFile("order_payment_join/data/orders.csv");
const std::string kPayments = testing::exampleFile("order_payment_join/data/payments.csv");

struct Outcome {
    std::vector<std::string> paid;
    std::set<std::int64_t> lateOrders;
    std::set<std::int64_t> latePayments;
};

Outcome join(StreamEnvironment& env, Duration patience) {
    Outcome outcome;
    const auto [paid, lateOrders, latePayments] =
        paidOrders(readOrders(env, kOrders, patience), readPayments(env, kPayments, patience));
    lateOrders.addSink([&outcome](const Order& late) { outcome.lateOrders.insert(late.order); }).setParallelism(1);
    latePayments.addSink([&outcome](const Payment& late) { outcome.latePayments.insert(late.order); })
        .setParallelism(1);
    outcome.paid = testing::lines(paid.executeAndCollect(), [](const Paid& each) {
        const auto millis = [](auto time) { return std::chrono::floor<std::chrono::milliseconds>(time); };
        return fmt::format("{},{},{:.2f},{},{}", each.order, each.customer, each.amount, millis(each.timeToPay).count(),
                           millis(each.time).time_since_epoch().count());
    });
    return outcome;
}

}  // namespace

TEST_CASE("order_payment_join: the paid orders are those of a lookup by number, on every runtime",
          "[examples][threads]") {
    const auto expected = testing::golden("order_payment_join.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const Outcome outcome = join(env, kPatience);
        CHECK(testing::difference(outcome.paid, expected) == "");
        CHECK(outcome.lateOrders.empty());
        CHECK(outcome.latePayments.empty());
    });
}

// Which records are late differs from run to run, but not what follows from it.
TEST_CASE("order_payment_join: with too little patience just the pairs of late records are missing",
          "[examples][threads]") {
    const auto all = testing::golden("order_payment_join.csv");
    std::size_t lateOrders = 0;
    std::size_t latePayments = 0;
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const Outcome outcome = join(env, 5s);
        std::vector<std::string> expected;
        for (const std::string& line : all) {
            const std::int64_t order = std::stoll(line);
            if (!outcome.lateOrders.contains(order) && !outcome.latePayments.contains(order)) expected.push_back(line);
        }
        CHECK(testing::difference(outcome.paid, expected) == "");
        lateOrders += outcome.lateOrders.size();
        latePayments += outcome.latePayments.size();
    });
    CHECK(lateOrders > 0);
    CHECK(latePayments > 0);
}

TEST_CASE("order_payment_join: an interval join is a join by number of what is near in time", "[examples]") {
    using Event = std::variant<Order, Payment>;
    const auto orders = [](const DataStream<Event>& events) {
        return events.filter([](const Event& event) { return event.index() == 0; }).map([](const Event& event) {
            return std::get<Order>(event);
        });
    };
    const auto payments = [](const DataStream<Event>& events) {
        return events.filter([](const Event& event) { return event.index() == 1; }).map([](const Event& event) {
            return std::get<Payment>(event);
        });
    };
    const auto inInterval = [&](const DataStream<Event>& events) {
        return paidOrders(orders(events), payments(events)).paid;
    };
    const auto joinAll = [&](const DataStream<Event>& events) {
        return DataStream<Order>(orders(events))
            .join(DataStream<Payment>(payments(events)))
            .where(&Order::order)
            .equalTo(&Payment::order)
            .apply([](const Order& order, const Payment& payment, Collector<Paid>& out) {
                const Duration later = payment.time - order.time;
                if (later < -1min || later > 15min) return;
                out.collect({std::max(order.time, payment.time), order.order, order.customer, payment.amount, later});
            });
    };
    CHECK(millrace::testing::checkEquivalent<Event>(
        inInterval, joinAll,
        [](millrace::testing::Random& random) -> Event {
            const std::int64_t number = random.below(4);
            const Timestamp time(random.below(60) * 1min);
            if (random.chance(50)) return Order{number, number % 3, double(random.between(1, 9)), time};
            return Payment{number, double(random.between(1, 9)), time};
        },
        {.time = [](const Event& event) { return std::visit([](const auto& each) { return each.time; }, event); },
         .outOfOrderness = 20min}));
}
