// EXPECT: millrace: this type has no codec, so it cannot be part of state, of a key or of a message
#include <millrace/types/codec.hpp>

#include <millrace/millrace.hpp>

struct Connection {
    int* socket;
};
struct Count {
    millrace::ValueState<Connection> last;
    void open(millrace::KeyedRuntimeContext& context) {
        last = context.getState(millrace::ValueStateDescriptor<Connection>{"last"});
    }
    void processElement(int, millrace::KeyedProcessContext<int>&, millrace::Collector<int>&) {}
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).keyBy([](int x) { return x % 2; }).process(Count{}).print();
    env.execute();
}
