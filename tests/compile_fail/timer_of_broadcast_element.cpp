// EXPECT: millrace: timerService(): timers belong to a key, and here is none. Put keyBy(selector) in front of process(fn)
#include <millrace/millrace.hpp>

const millrace::MapStateDescriptor<int, int> kRules("rules");

struct Remind {
    void processElement(int value, millrace::KeyedReadOnlyContext<int>&, millrace::Collector<int>& out) {
        out.collect(value);
    }
    void processBroadcastElement(int, millrace::KeyedBroadcastContext<int>& ctx, millrace::Collector<int>&) {
        ctx.timerService().registerEventTimeTimer(millrace::Timestamp{});
    }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2})
        .keyBy([](int x) { return x; })
        .connect(env.fromData({3}).broadcast(kRules))
        .process(Remind{})
        .print();
    env.execute();
}
