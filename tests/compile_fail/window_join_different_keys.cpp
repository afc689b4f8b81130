// EXPECT: millrace: where(k1).equalTo(k2): both keys must have the same type
#include <millrace/millrace.hpp>

#include <string>

struct Order {
    int customer;
};
struct Payment {
    std::string customer;
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    env.fromData({Order{7}})
        .join(env.fromData({Payment{"7"}}))
        .where(&Order::customer)
        .equalTo(&Payment::customer)
        .window(millrace::TumblingEventTimeWindows::of(1s))
        .apply([](const Order& order, const Payment&) { return order.customer; })
        .print();
    env.execute();
}
