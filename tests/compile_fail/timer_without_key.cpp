// EXPECT: millrace: timerService(): timers belong to a key, and here is none. Put keyBy(selector) in front of process(fn)
#include <millrace/millrace.hpp>

struct Remind {
    void processElement(int value, millrace::ProcessContext& ctx, millrace::Collector<int>& out) {
        ctx.timerService().registerEventTimeTimer(*ctx.timestamp());
        out.collect(value);
    }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).process(Remind{}).print();
    env.execute();
}
