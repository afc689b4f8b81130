// EXPECT: millrace: process(fn): onTimer must be callable as onTimer(Timestamp time, OnTimerContext<Key>& ctx, Collector<Out>& out)
#include <millrace/millrace.hpp>

#include <string>

struct Count {
    void processElement(int, millrace::KeyedProcessContext<int>&, millrace::Collector<int>&) {}
    void onTimer(millrace::Timestamp, millrace::OnTimerContext<std::string>&, millrace::Collector<int>&) {}
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).keyBy([](int x) { return x % 2; }).process(Count{}).print();
    env.execute();
}
