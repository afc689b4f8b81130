// EXPECT: millrace: addSink(fn): fn must be copyable and callable with a const reference to the stream's element
#include <millrace/millrace.hpp>

#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).addSink([](const std::string&) {});
    env.execute();
}
