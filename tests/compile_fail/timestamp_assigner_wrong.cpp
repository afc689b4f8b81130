// EXPECT: millrace: withTimestampAssigner(fn): fn must be a pointer to a Timestamp member
#include <millrace/millrace.hpp>

struct Trade {
    int symbol;
    long time;
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .print();
    env.execute();
}
