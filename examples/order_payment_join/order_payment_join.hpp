#ifndef ORDER_PAYMENT_JOIN_ORDER_PAYMENT_JOIN_HPP
#define ORDER_PAYMENT_JOIN_ORDER_PAYMENT_JOIN_HPP

#include <millrace/millrace.hpp>

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace order_payment_join {

struct Order {
    std::int64_t order;
    std::int64_t customer;
    double total;
    millrace::Timestamp time;
};

struct Payment {
    std::int64_t order;
    double amount;
    millrace::Timestamp time;
};

/// An order and its payment.
struct Paid {
    millrace::Timestamp time;  ///< when both were known: the later of their times
    std::int64_t order;
    std::int64_t customer;
    double amount;
    millrace::Duration timeToPay;  ///< negative if the payment was recorded before the order

    auto operator<=>(const Paid&) const = default;
};

inline const millrace::OutputTag<Order> kLateOrders("late orders");
inline const millrace::OutputTag<Payment> kLatePayments("late payments");

struct Results {
    millrace::DataStream<Paid> paid;
    millrace::DataStream<Order> lateOrders;
    millrace::DataStream<Payment> latePayments;
};

/// The join is at the smaller of the two watermarks, and how far the other input has come is a matter of chance. But no
/// record is late that is not behind the watermark of its own input: with more patience than records need to arrive, none is
/// lost, and the result depends on the data alone. With less, which ones are late differs from run to run.
inline constexpr millrace::Duration kPatience = std::chrono::minutes(2);

inline millrace::DataStream<Order> readOrders(millrace::StreamEnvironment& env, const std::string& file,
                                              millrace::Duration patience) {
    return env
        .fromSource(millrace::FileSource::of(millrace::CsvFormat<Order>{}, file),
                    millrace::WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(patience).withTimestampAssigner(
                        &Order::time),
                    "orders")
        .setParallelism(1);
}
inline millrace::DataStream<Payment> readPayments(millrace::StreamEnvironment& env, const std::string& file,
                                                  millrace::Duration patience) {
    return env
        .fromSource(millrace::FileSource::of(millrace::CsvFormat<Payment>{}, file),
                    millrace::WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(patience).withTimestampAssigner(
                        &Payment::time),
                    "payments")
        .setParallelism(1);
}

/// Orders with their payments from a minute before the order to 15 minutes after it, and the records that came too late
/// to find their partner.
inline Results paidOrders(const millrace::DataStream<Order>& orders, const millrace::DataStream<Payment>& payments) {
    using namespace std::chrono_literals;
    const millrace::DataStream<Paid> paid =
        orders.keyBy(&Order::order)
            .intervalJoin(payments.keyBy(&Payment::order))
            .between(-1min, 15min)
            .sideOutputLeftLateData(kLateOrders)
            .sideOutputRightLateData(kLatePayments)
            .process([](const Order& order, const Payment& payment) {
                return Paid{std::max(order.time, payment.time), order.order, order.customer, payment.amount,
                            payment.time - order.time};
            })
            .name("paid orders");
    return {paid, paid.getSideOutput(kLateOrders), paid.getSideOutput(kLatePayments)};
}

}  // namespace order_payment_join

#endif  // ORDER_PAYMENT_JOIN_ORDER_PAYMENT_JOIN_HPP
