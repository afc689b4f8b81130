// EXPECT: millrace: keyBy(selector): the key's type has no key hash or no ==
#include <millrace/millrace.hpp>

struct Place {
    double x;
    double y;
};
struct Visit {
    Place place;
    int count;
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Visit{}}).keyBy(&Visit::place).sum(&Visit::count).addSink([](const Visit&) {});
    env.execute();
}
