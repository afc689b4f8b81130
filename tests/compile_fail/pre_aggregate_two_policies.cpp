// EXPECT: millrace: onError(policy) behind preAggregate(): elements that have been added up
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
        .aggregate(Count{})
        .onError(millrace::ErrorPolicy::skip(), millrace::ErrorPolicy::skip())
        .print();
    env.execute();
}
