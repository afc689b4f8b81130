// EXPECT: millrace: filter(fn): fn must be copyable, callable with a const reference to the stream's element, and return bool
#include <millrace/millrace.hpp>

#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).filter([](int) { return std::string(); }).map([](int x) { return x; }).print();
    env.execute();
}
