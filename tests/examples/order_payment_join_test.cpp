#include <order_payment_join/order_payment_join.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
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

TEST_CASE("order_payment_join: the paid orders are those of a lookup by number, on every runtime", "[examples]") {
    const auto expected = testing::golden("order_payment_join.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const Outcome outcome = join(env, kPatience);
        CHECK(testing::difference(outcome.paid, expected) == "");
        CHECK(outcome.lateOrders.empty());
        CHECK(outcome.latePayments.empty());
    });
}

// Which records are late differs from run to run, but not what follows from it.
TEST_CASE("order_payment_join: with too little patience just the pairs of late records are missing", "[examples]") {
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
