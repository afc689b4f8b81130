// EXPECT: use of deleted function
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).map([](int x) { return x; }).getSideOutput(millrace::OutputTag<int>("late"));
    env.execute();
}
