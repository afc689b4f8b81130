// EXPECT: millrace: trigger(t): t must be copyable, have a State, and onElement(
#include <millrace/millrace.hpp>

#include <chrono>

struct Trade {
    int symbol;
    double price;
    millrace::Timestamp time;
};

struct Always {
    template <class Window, class State>
    millrace::TriggerResult onElement(const Trade&, millrace::Timestamp, const Window&, State&,
                                      millrace::TriggerContext&) const {
        return millrace::TriggerResult::Fire;
    }
    template <class Window, class State>
    millrace::TriggerResult onEventTime(millrace::Timestamp, const Window&, State&, millrace::TriggerContext&) const {
        return millrace::TriggerResult::Continue;
    }
    template <class Window, class State>
    millrace::TriggerResult onProcessingTime(millrace::Timestamp, const Window&, State&,
                                             millrace::TriggerContext&) const {
        return millrace::TriggerResult::Continue;
    }
};

int main() {
    using namespace std::chrono_literals;
    millrace::StreamExecutionEnvironment env;
    env.fromData({Trade{}})
        .assignTimestampsAndWatermarks(
            millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Trade::time))
        .keyBy(&Trade::symbol)
        .window(millrace::TumblingEventTimeWindows::of(1min))
        .trigger(Always{})
        .sum(&Trade::price)
        .print();
    env.execute();
}
