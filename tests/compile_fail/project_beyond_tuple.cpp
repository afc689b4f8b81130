// EXPECT: millrace: project<i, j…>() is for tuples and pairs that have these elements, counted from 0
#include <millrace/millrace.hpp>

#include <tuple>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({std::tuple(1, 2.0)}).project<0, 2>().filter([](const auto&) { return true; }).print();
    env.execute();
}
