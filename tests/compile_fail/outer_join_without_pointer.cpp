// EXPECT: millrace: an outer join's apply(fn)
// EXPECT: fn(const L&, const R*) after leftOuterJoin
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
    env.fromData({Order{7}})
        .leftOuterJoin(env.fromData({Payment{7}}))
        .where(&Order::customer)
        .equalTo(&Payment::customer)
        .window(millrace::TumblingEventTimeWindows::of(1s))
        .apply([](const Order& order, const Payment&) { return order.customer; })
        .print();
    env.execute();
}
