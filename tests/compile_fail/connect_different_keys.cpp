// EXPECT: millrace: connect: the keys of two keyed streams must have the same type
#include <millrace/millrace.hpp>

#include <string>

struct Order {
    int customer;
};
struct Payment {
    std::string customer;
};
struct Match {
    void processElement1(const Order&, millrace::KeyedProcessContext<int>&, millrace::Collector<int>&) {}
    void processElement2(const Payment&, millrace::KeyedProcessContext<int>&, millrace::Collector<int>&) {}
};

int main() {
    millrace::StreamExecutionEnvironment env;
    const auto payments = env.fromData({Payment{"7"}});
    env.fromData({Order{7}})
        .keyBy(&Order::customer)
        .connect(payments.keyBy(&Payment::customer))
        .process(Match())
        .print();
    env.execute();
}
