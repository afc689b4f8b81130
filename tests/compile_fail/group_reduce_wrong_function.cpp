// EXPECT: millrace: groupReduce(fn): fn must be
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).keyBy([](int n) { return n % 2; }).groupReduce([](int a, int b) { return a + b; }).print();
    env.execute();
}
