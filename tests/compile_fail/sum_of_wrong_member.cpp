// EXPECT: millrace: sum, min, max, minBy, maxBy: the field must be a pointer to a member of the stream's element
#include <millrace/millrace.hpp>

struct Trade {
    int symbol;
};
struct Quote {
    int price;
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{1}}).keyBy(&Trade::symbol).sum(&Quote::price).print();
    env.execute();
}
