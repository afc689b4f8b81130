// EXPECT: millrace: preAggregate(): only tumbling and sliding event-time windows with their own trigger
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
        .window(millrace::EventTimeSessionWindows::withGap(1min))
        .preAggregate()
        .aggregate(Count{})
        .print();
    env.execute();
}
