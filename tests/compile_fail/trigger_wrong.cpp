// EXPECT: millrace: trigger(t): t must be copyable, have a State, and onElement(
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

struct Never {
    struct State {};
    millrace::TriggerResult onElement(const Trade&) const { return millrace::TriggerResult::Continue; }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .keyBy(&Trade::symbol)
        .window(millrace::GlobalWindows::create())
        .trigger(Never{})
        .sum(&Trade::price)
        .print();
    env.execute();
}
