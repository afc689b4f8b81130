#include "trade_source.hpp"

#include "generator.hpp"

#include <millrace/formats/json_lines_format.hpp>

#include <string>

namespace stock_market {

using namespace millrace;

namespace {

const std::string kTrades = MILLRACE_EXAMPLE_DATA "/trades.csv";
const std::string kListings = MILLRACE_EXAMPLE_DATA "/sp500_constituents.csv";

}  // namespace

DataStream<Trade> readTrades(StreamEnvironment& env, const Options& options) {
    const auto strategy =
        WatermarkStrategy::forBoundedOutOfOrderness(options.outOfOrderness).withTimestampAssigner(&Trade::time);
    const std::string& file = options.input.empty() ? kTrades : options.input;
    // invented trades come at 52 000 per second of event time
    const auto trades =
        options.generate > 0 ? env.fromSource(generatedTrades(kListings, options.generate, 20), strategy, "trades")
        : isJson(file)       ? env.fromSource(FileSource::of(JsonLinesFormat<Trade>{}, file), strategy, "trades")
                             : env.fromSource(FileSource::csv<Trade>(file), strategy, "trades");
    return trades.setParallelism(options.readers);
}

void writeBundledTrades(StreamEnvironment& env, const std::string& file) {
    env.fromSource(bundledTrades(kListings), WatermarkStrategy::noWatermarks(), "trades")
        .setParallelism(1)
        .sinkTo(FileSink::csv<Trade>(file));
    env.execute("write trades");
}

}  // namespace stock_market
