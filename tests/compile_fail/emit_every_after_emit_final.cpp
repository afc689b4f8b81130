// EXPECT: millrace: emitEvery(interval) replaces the trigger or policy that the windows have been given
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .keyBy(&Trade::symbol)
        .window(millrace::TumblingEventTimeWindows::of(1min))
        .allowedLateness(10s)
        .emitFinal()
        .emitEvery(3s)
        .sum(&Trade::price)
        .print();
    env.execute();
}
