// EXPECT: millrace: a window function must be
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
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
        .process([](const std::string& key) { return key; })
        .print();
    env.execute();
}
