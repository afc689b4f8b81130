// EXPECT: millrace: reduce(fn): fn must be copyable, callable with two const references to the stream's element
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).keyBy([](int x) { return x % 2; }).reduce([](int a) { return a; }).print();
    env.execute();
}
