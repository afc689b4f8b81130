// EXPECT: onError(ErrorPolicy::deadLetter(tag)): the dead letters of an operator are records of its input.
// EXPECT: FailedWindow<Key, Window> (with an evictor, and behind process(fn), records have none)
#include <millrace/millrace.hpp>

using namespace std::chrono_literals;

int main() {
    millrace::StreamExecutionEnvironment env;
    const millrace::OutputTag<int> failed("failed");
    env.fromData({1, 2})
        .keyBy([](int x) { return x; })
        .window(millrace::TumblingEventTimeWindows::of(1s))
        .evictor(millrace::CountEvictor::of(5))
        .reduce([](int a, int b) { return a + b; })
        .onError(millrace::ErrorPolicy::deadLetter(failed))
        .print();
    env.execute();
}
