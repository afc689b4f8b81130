// EXPECT: millrace: connect(b).map(f1, f2): f1 must be callable with the first stream's element, f2 with the second's, and both must return the same type
#include <millrace/millrace.hpp>

#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1})
        .connect(env.fromData({2.5}))
        .map([](int n) { return n; }, [](double x) { return std::to_string(x); })
        .print();
    env.execute();
}
