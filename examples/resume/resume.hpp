#ifndef RESUME_RESUME_HPP
#define RESUME_RESUME_HPP

#include <millrace/checkpoint/savepoint_options.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/connectors/row_file_sink.hpp>
#include <millrace/millrace.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace resume {

struct Order {
    std::string product;
    std::int64_t quantity;
    millrace::Timestamp time;
};

/// What was sold of a product in one minute.
struct Sales {
    millrace::Timestamp minute;
    std::string product;
    std::int64_t quantity;
};

struct Quantity {
    using Accumulator = std::int64_t;
    Accumulator createAccumulator() const { return 0; }
    void add(const Order& order, Accumulator& sum) const { sum += order.quantity; }
    std::int64_t getResult(const Accumulator& sum) const { return sum; }
};

struct Settings {
    std::string directory;  ///< holds `checkpoints` and `sales`
    std::uint64_t orders = 20'000;
    double perSecond = 4'000;  ///< by the clock
    millrace::Duration interval = std::chrono::milliseconds(200);

    std::string checkpoints() const { return directory + "/checkpoints"; }
    std::string sales() const { return directory + "/sales"; }
};

/// The order with this number: a function of the number alone, so a job that goes on gets the same orders again. One comes
/// every 100 ms of event time, up to two seconds late.
inline Order orderAt(std::uint64_t number) {
    const std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15ULL;
    const auto time = std::chrono::milliseconds(100 * number) - std::chrono::milliseconds((mixed >> 40) % 2000);
    return {"product " + std::to_string((mixed >> 20) % 10), static_cast<std::int64_t>(1 + (mixed >> 50) % 9),
            millrace::Timestamp(std::chrono::hours(24 * 365) + time)};
}

/// Checkpoints go to one directory, and that is all it takes to go on there after whatever has ended the process.
inline void takeCheckpoints(millrace::StreamEnvironment& env, const Settings& settings,
                            const millrace::SavepointOptions& savepoints = {}) {
    millrace::CheckpointConfig config;
    config.interval = settings.interval;
    config.directory = settings.checkpoints();
    savepoints.applyTo(config);
    env.enableCheckpointing(config);
}

inline millrace::DataStream<Sales> salesPerMinute(millrace::StreamEnvironment& env, const Settings& settings) {
    return env
        .fromSource(millrace::DataGeneratorSource(orderAt, settings.orders,
                                                  millrace::RateLimiterStrategy::perSecond(settings.perSecond)),
                    millrace::WatermarkStrategy::forBoundedOutOfOrderness(std::chrono::seconds(2))
                        .withTimestampAssigner(&Order::time),
                    "orders")
        .uid("orders")
        .setParallelism(1)  // orders stay in order of time when the program goes on with fewer threads
        .keyBy(&Order::product)
        .window(millrace::TumblingEventTimeWindows::of(std::chrono::minutes(1)))
        .aggregate(Quantity{},
                   [](const std::string& product, const millrace::TimeWindow& window, std::int64_t quantity) {
                       return Sales{window.start, product, quantity};
                   })
        .name("sales per minute")
        .uid("sales");
}

/// Rows become visible with the checkpoint that covers them, so none is there twice.
inline void write(const millrace::DataStream<Sales>& sales, const Settings& settings) {
    sales
        .sinkTo(millrace::FileSink::forRowFormat(settings.sales(), millrace::CsvFormat<Sales>{})
                    .withBucketAssigner(millrace::BasePathBucketAssigner{})
                    .withRollingPolicy(millrace::OnCheckpointRollingPolicy()))
        .uid("files");
}

}  // namespace resume

#endif  // RESUME_RESUME_HPP
