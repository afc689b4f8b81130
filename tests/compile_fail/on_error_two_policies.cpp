// EXPECT: Two policies are for operators with two inputs, and for windows.
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2})
        .map([](int x) { return x; })
        .onError(millrace::ErrorPolicy::skip(), millrace::ErrorPolicy::fail())
        .print();
    env.execute();
}
