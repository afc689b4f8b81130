// EXPECT: millrace: aggregate(fn): fn must be copyable and have createAccumulator(), add(const T&, Accumulator&) and getResult
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
    millrace::Timestamp time;
};
struct Count {
    int createAccumulator() const { return 0; }
    void add(const Trade&, int& count) const { ++count; }
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .keyBy(&Trade::symbol)
        .window(millrace::TumblingEventTimeWindows::of(1min))
        .aggregate(Count{})
        .print();
    env.execute();
}
