// How soon orders are paid: two streams, both out of order, joined by order within an interval of time.

#include "order_payment_join.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <arguments.hpp>
#include <ordered_sink.hpp>

#include <chrono>
#include <cstdint>

using namespace millrace;
using namespace order_payment_join;

namespace {

constexpr const char* kUsage = R"(How soon orders are paid, from orders and payments that arrive out of order.

usage: order_payment_join [OPTION...]
  --orders FILE     CSV with order, customer, total and time (default: the day that comes with the example)
  --payments FILE   CSV with order, amount and time
  --patience DURATION   how much later than others of its file a record may arrive (2min)
  --parallelism N
  --help
)";

/// Adds up the paid orders of each hour, and prints an hour when the first one of another comes.
class HourlyTable {
public:
    void operator()(const Paid& paid) {
        using namespace std::chrono_literals;
        const auto hour = std::chrono::floor<std::chrono::hours>(paid.time);
        if (hour != hour_) {
            print();
            *this = {};
            hour_ = hour;
        }
        withinOne_ += paid.timeToPay <= 1min ? 1 : 0;
        withinFive_ += paid.timeToPay <= 5min ? 1 : 0;
        ++withinFifteen_;
        sum_ += paid.amount;
    }
    void print() const {
        if (withinFifteen_ == 0) return;
        fmt::print("{:%Y-%m-%d %H:00}  {:8}  {:9}  {:10}  {:12.2f}\n", hour_, withinOne_, withinFive_, withinFifteen_,
                   sum_);
    }

private:
    Timestamp hour_ = kMinTimestamp;
    std::int64_t withinOne_ = 0;
    std::int64_t withinFive_ = 0;
    std::int64_t withinFifteen_ = 0;
    double sum_ = 0;
};

int run(examples::Arguments& arguments) {
    using namespace std::chrono_literals;
    const auto orderFile = arguments.takeText("--orders").value_or(MILLRACE_EXAMPLE_DATA "/orders.csv");
    const auto paymentFile = arguments.takeText("--payments").value_or(MILLRACE_EXAMPLE_DATA "/payments.csv");
    const auto patience = arguments.take<std::chrono::milliseconds>(
        "--patience", std::chrono::duration_cast<std::chrono::milliseconds>(kPatience), 0s, 24h);
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    arguments.expectNothingMore();

    const auto [paid, lateOrders, latePayments] =
        paidOrders(readOrders(env, orderFile, patience), readPayments(env, paymentFile, patience));
    // one subtask each, and read only after the job: nothing to guard
    HourlyTable table;
    std::int64_t orders = 0;
    std::int64_t payments = 0;
    paid.sinkTo(examples::inOrder<Paid>(examples::forEach<Paid>([&table](const Paid& each) { table(each); })))
        .setParallelism(1);
    lateOrders.addSink([&orders](const Order&) { ++orders; }).name("late orders").setParallelism(1);
    latePayments.addSink([&payments](const Payment&) { ++payments; }).name("late payments").setParallelism(1);

    fmt::print("{:16}  orders paid within\n", "");
    fmt::print("{:16}  {:>8}  {:>9}  {:>10}  {:>12}\n", "hour", "1 minute", "5 minutes", "15 minutes", "sum");
    env.execute("paid orders");

    table.print();
    fmt::print("\n{} orders and {} payments came too late to be joined\n", orders, payments);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
