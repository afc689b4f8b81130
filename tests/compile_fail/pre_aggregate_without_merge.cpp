// EXPECT: millrace: aggregate(fn) behind preAggregate(): fn.merge(Accumulator& into, const Accumulator& other) is missing
#include <millrace/millrace.hpp>
#include <millrace/pre_aggregation.hpp>

#include <chrono>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

struct Count {
    int createAccumulator() const { return 0; }
    void add(const Trade&, int& count) const { ++count; }
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
        .aggregate(Count{})
        .print();
    env.execute();
}
