// EXPECT: millrace: forIngestionTime() takes the timestamps from the clock, so withTimestampAssigner(fn) has nothing to say.
#include <millrace/time/watermark_strategy.hpp>

struct Trade {
    millrace::Timestamp time;
};

int main() {
    (void)millrace::WatermarkStrategy::forIngestionTime().withTimestampAssigner(&Trade::time);
}
