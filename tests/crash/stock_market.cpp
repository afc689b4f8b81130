#include "pipelines.hpp"

#include <millrace/connectors/row_file_sink.hpp>
#include <millrace/millrace.hpp>

#include <stock_market/generator.hpp>
#include <stock_market/industry_averages.hpp>

#include <string>
#include <vector>

namespace crash {
namespace market {

using namespace millrace;
using namespace std::chrono_literals;
using stock_market::IndustryAverage;

constexpr std::uint64_t kTrades = 50'000;

void build(StreamEnvironment& env, const Settings& settings) {
    const stock_market::TradeGenerator generator(
        stock_market::readListings(MILLRACE_EXAMPLES_DIR "/stock_market/data/sp500_constituents.csv"), 7, 11);
    // a second of patience, while trades arrive up to three seconds late: many are left out, always the same ones
    const auto trades = env.fromSource(DataGeneratorSource(generator, kTrades, paced(kTrades, settings)),
                                       WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(1s).withTimestampAssigner(
                                           &stock_market::Trade::time),
                                       "trades")
                            .uid("trades")
                            .setParallelism(1);
    stock_market::industryAverages(trades, settings.parallelism)
        .sinkTo(FileSink::forRowFormat(settings.directory + "/out", CsvFormat<IndustryAverage>{}.withoutHeader())
                    .withBucketAssigner(
                        [](const IndustryAverage& row) { return std::string(stock_market::view(row.window)); })
                    .withRollingPolicy(OnCheckpointRollingPolicy()))
        .uid("files");
}

std::vector<std::string> committed(const Settings& settings) {
    std::vector<std::string> lines = finishedLines(settings.directory + "/out/minute");
    for (std::string& line : finishedLines(settings.directory + "/out/moving")) lines.push_back(std::move(line));
    return lines;
}

}  // namespace market

const Pipeline kStockMarket{"stock_market", [](const Settings&) {}, market::build, market::committed};

}  // namespace crash
