// EXPECT: millrace: trigger(t): this trigger cannot be used with windows that merge
// EXPECT: DeltaTrigger
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
    const auto rise = [](const Trade& last, const Trade& trade) { return trade.price - last.price; };
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .keyBy(&Trade::symbol)
        .window(millrace::EventTimeSessionWindows::withGap(1min))
        .trigger(millrace::DeltaTrigger::of(1.0, rise))
        .sum(&Trade::price)
        .print();
    env.execute();
}
