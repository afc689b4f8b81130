// EXPECT: millrace: a window function must be
#include <millrace/millrace.hpp>

#include <chrono>
#include <string>

struct Trade {
    int symbol;
    millrace::Timestamp time;
};
struct WrongKey {
    int process(const std::string&, millrace::WindowContext&, std::span<const Trade>) { return 0; }
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .keyBy(&Trade::symbol)
        .window(millrace::TumblingEventTimeWindows::of(1min))
        .process(WrongKey{})
        .print();
    env.execute();
}
