// EXPECT: onError(policy) belongs directly behind map, filter, flatMap or process
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2})
        .map([](int x) { return x; })
        .setParallelism(1)
        .onError(millrace::ErrorPolicy::skip())
        .map([](int x) { return x + 1; })
        .print();
    env.execute();
}
