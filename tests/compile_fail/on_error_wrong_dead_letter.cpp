// EXPECT: onError(ErrorPolicy::deadLetter(tag)): the dead letters of an operator are records of its input.
// EXPECT: OutputTag<FailedRecord<In>>
#include <millrace/millrace.hpp>

#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    const millrace::OutputTag<int> failed("failed");  // of the operator's output, not of its input
    env.fromData<std::string>({"1", "x"})
        .map([](const std::string& text) { return std::stoi(text); })
        .onError(millrace::ErrorPolicy::deadLetter(failed))
        .filter([](int number) { return number > 0; })
        .print();
    env.execute();
}
