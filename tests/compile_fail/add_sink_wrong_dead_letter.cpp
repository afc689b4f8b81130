// EXPECT: onError(ErrorPolicy::deadLetter(tag)): the dead letters of an operator are records of its input.
#include <millrace/millrace.hpp>

#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    const millrace::OutputTag<std::string> failed("failed");
    env.fromData({1, 2}).addSink([](int) {}, millrace::ErrorPolicy::deadLetter(failed));
    env.execute();
}
