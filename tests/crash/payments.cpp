#include "pipelines.hpp"

#include <millrace/millrace.hpp>

#include <order_payment_join/order_payment_join.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace crash {
namespace payments {

using namespace millrace;
using namespace std::chrono_literals;
using order_payment_join::Order;
using order_payment_join::Paid;
using order_payment_join::Payment;

constexpr std::uint64_t kOrders = 12'000;

Timestamp timeAt(std::uint64_t number, std::uint64_t salt) {
    const auto delay = std::chrono::milliseconds(mixed(number, salt) % 90'000);  // less than the patience below
    return Timestamp(24h * 365) + std::chrono::seconds(number) - delay;
}
Order orderAt(std::uint64_t number) {
    const auto id = static_cast<std::int64_t>(number);
    return {id, id % 97, static_cast<double>(mixed(number, 2) % 10'000) / 100, timeAt(number, 3)};
}
/// Of an order a few before or after the payment's own number: within the join's bounds or not.
Payment paymentAt(std::uint64_t number) {
    const auto order = static_cast<std::int64_t>(number) - 500 + static_cast<std::int64_t>(mixed(number, 4) % 1000);
    return {order, static_cast<double>(mixed(number, 5) % 10'000) / 100, timeAt(number, 6)};
}

void build(StreamEnvironment& env, const Settings& settings) {
    const auto orders =
        env.fromSource(DataGeneratorSource(orderAt, kOrders, paced(kOrders, settings)),
                       WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(90s).withTimestampAssigner(&Order::time),
                       "orders")
            .uid("orders")
            .setParallelism(1);
    const auto payments =
        env.fromSource(DataGeneratorSource(paymentAt, kOrders, paced(kOrders, settings)),
                       WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(90s).withTimestampAssigner(&Payment::time),
                       "payments")
            .uid("payments")
            .setParallelism(1);
    order_payment_join::paidOrders(orders, payments)
        .paid.sinkTo(FileSink::of(CsvFormat<Paid>{}.withoutHeader(), settings.directory + "/paid.csv"))
        .uid("file")
        .setParallelism(1);
}

std::vector<std::string> committed(const Settings& settings) {
    return finishedLines(settings.directory + "/paid.csv");
}

}  // namespace payments

const Pipeline kPayments{"payments", [](const Settings&) {}, payments::build, payments::committed};

}  // namespace crash
