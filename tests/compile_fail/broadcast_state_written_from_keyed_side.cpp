// EXPECT: no member named 'put'
#include <millrace/millrace.hpp>

const millrace::MapStateDescriptor<int, int> kRules("rules");

struct Rule {
    int key;
    int value;
};
struct Apply {
    void processElement(int value, millrace::KeyedReadOnlyContext<int>& context, millrace::Collector<int>& out) {
        context.getBroadcastState(kRules).put(value, 1);
        out.collect(value);
    }
    void processBroadcastElement(const Rule& rule, millrace::KeyedBroadcastContext<int>& context,
                                 millrace::Collector<int>&) {
        context.getBroadcastState(kRules).put(rule.key, rule.value);
    }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    const auto rules = env.fromData({Rule{1, 2}}).broadcast(kRules);
    env.fromData({1, 2}).keyBy([](int n) { return n; }).connect(rules).process(Apply()).print();
    env.execute();
}
