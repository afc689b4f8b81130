// EXPECT: millrace: unionWith(streams…): all streams must have the same element type
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).unionWith(env.fromData({1.5})).print();
    env.execute();
}
