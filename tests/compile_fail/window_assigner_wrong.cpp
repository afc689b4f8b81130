// EXPECT: millrace: window(assigner): this is not a window assigner
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}}).keyBy(&Trade::symbol).window(42).sum(&Trade::price).print();
    env.execute();
}
