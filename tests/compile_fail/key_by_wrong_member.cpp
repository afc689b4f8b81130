// EXPECT: millrace: keyBy(selector…): each selector must be a pointer to a member of the stream's element
#include <millrace/millrace.hpp>

struct Trade {
    int symbol;
};
struct Quote {
    int symbol;
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{1}}).keyBy(&Quote::symbol).sum(&Trade::symbol).print();
    env.execute();
}
