// EXPECT: millrace: process(fn): fn must be copyable and have processElement(element, KeyedProcessContext<Key>& ctx, Collector<Out>& out)
#include <millrace/millrace.hpp>

#include <string>

struct Count {
    void processElement(int, millrace::KeyedProcessContext<std::string>&, millrace::Collector<int>&) {}
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).keyBy([](int x) { return x % 2; }).process(Count{}).print();
    env.execute();
}
