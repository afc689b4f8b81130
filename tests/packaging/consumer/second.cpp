#include <millrace/millrace.hpp>

void runSecondPipeline() {
    millrace::StreamExecutionEnvironment env;
    env.setParallelism(1);
    env.fromData({7, 8, 9}).filter([](int x) { return x != 8; }).print();
    env.execute();
}
