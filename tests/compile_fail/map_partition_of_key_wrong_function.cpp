// EXPECT: millrace: mapPartition(fn): fn must be copyable and callable as fn(std::span<const T> elements, Collector<Out>& out)
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3})
        .keyBy([](int n) { return n % 2; })
        .mapPartition([](int n, millrace::Collector<int>& out) { out.collect(n); })
        .sortPartition()
        .print();
    env.execute();
}
