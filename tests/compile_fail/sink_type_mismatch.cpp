// EXPECT: millrace: sinkTo(sink): the sink's writer does not accept the stream's element type
#include <millrace/millrace.hpp>

struct Trade {
    int symbol;
    double price;
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).sinkTo(millrace::FileSink::csv<Trade>("trades.csv"));
    env.execute();
}
