// EXPECT: onTimerError(policy) belongs directly behind process(fn) of a keyed stream, whose fn has onTimer
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2})
        .keyBy([](int x) { return x; })
        .process([](int x, millrace::KeyedProcessContext<int>&, millrace::Collector<int>& out) { out.collect(x); })
        .onTimerError(millrace::ErrorPolicy::skip())
        .print();
    env.execute();
}
