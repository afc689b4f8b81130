// EXPECT: millrace: intervalJoin(…).process(fn): fn must be copyable and callable as fn(const L&, const R&)
#include <millrace/millrace.hpp>

struct Order {
    int customer;
};
struct Payment {
    int customer;
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    const auto payments = env.fromData({Payment{7}}).keyBy(&Payment::customer);
    env.fromData({Order{7}})
        .keyBy(&Order::customer)
        .intervalJoin(payments)
        .between(0s, 1s)
        .process([](const Payment& payment, const Order&) { return payment; })
        .addSink([](const Payment&) {});
    env.execute();
}
