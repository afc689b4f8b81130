// EXPECT: millrace: map(fn): fn must be copyable, callable with the stream's element, and return a value
#include <millrace/millrace.hpp>

#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).map([](const std::string& text) { return text.size(); }).print();
    env.execute();
}
