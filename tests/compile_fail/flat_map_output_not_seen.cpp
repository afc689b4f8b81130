// EXPECT: millrace: flatMap(fn): the element type it emits cannot be seen
// EXPECT: flatMap<Out>(fn)
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).flatMap([](int x, auto& out) { out.collect(x); }).print();
    env.execute();
}
