// EXPECT: millrace: emitFinal() replaces the trigger or policy that the windows have been given
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
        .trigger(millrace::CountTrigger::of(3))
        .emitFinal()
        .sum(&Trade::price)
        .print();
    env.execute();
}
