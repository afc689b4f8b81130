// EXPECT: millrace: process(fn), apply(fn) behind preAggregate(): fn wants all elements of a window
#include <millrace/millrace.hpp>
#include <millrace/pre_aggregation.hpp>

#include <chrono>
#include <span>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

struct Count {
    int createAccumulator() const { return 0; }
    void add(const Trade&, int& count) const { ++count; }
    void merge(int& into, int other) const { into += other; }
    int getResult(int count) const { return count; }
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .keyBy(&Trade::symbol)
        .window(millrace::TumblingEventTimeWindows::of(1min))
        .preAggregate()
        .apply([](int, const millrace::TimeWindow&, std::span<const Trade> trades) { return trades.size(); })
        .print();
    env.execute();
}
