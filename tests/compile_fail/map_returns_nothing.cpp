// EXPECT: millrace: map(fn): fn must be copyable, callable with the stream's element, and return a value
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3})
        .map([](int) {})
        .filter([](int x) { return x > 1; })
        .keyBy([](int x) { return x; })
        .sum()
        .print();
    env.execute();
}
