// EXPECT: onError(policy) belongs directly behind map, filter, flatMap or process
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).keyBy([](int x) { return x; }).sum().onError(millrace::ErrorPolicy::skip()).print();
    env.execute();
}
