// EXPECT: millrace: evictor(e): e must be copyable and have evictBefore(
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

struct Nothing {};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}}).keyBy(&Trade::symbol).countWindow(3).evictor(Nothing{}).sum(&Trade::price).print();
    env.execute();
}
