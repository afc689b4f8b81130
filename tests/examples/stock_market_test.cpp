#include <stock_market/generator.hpp>
#include <stock_market/industry_averages.hpp>
#include <stock_market/trade.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <examples/golden.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace millrace;
using namespace stock_market;
using namespace std::chrono_literals;

namespace {

std::string line(const IndustryAverage& row) {
    const auto start = std::chrono::floor<std::chrono::seconds>(row.start);
    const auto end = std::chrono::floor<std::chrono::seconds>(row.end);
    return fmt::format("{},{:%FT%TZ},{:%FT%TZ},{},{},{:.6f}", view(row.window), start, end, view(row.industry),
                       row.trades, row.averagePrice);
}

const std::string kListings = testing::exampleFile("stock_market/data/sp500_constituents.csv");

std::vector<IndustryAverage> averagesOfBundledTrades(StreamEnvironment& env, Duration outOfOrderness) {
    const auto strategy =
        WatermarkStrategy::forBoundedOutOfOrderness(outOfOrderness).withTimestampAssigner(&Trade::time);
    const auto trades = env.fromSource(FileSource::csv<Trade>(testing::exampleFile("stock_market/data/trades.csv")),
                                       strategy, "trades");
    return industryAverages(trades, env.getParallelism()).executeAndCollect();
}

}  // namespace

TEST_CASE("stock_market: counts and averages are those of a plain loop", "[examples][threads]") {
    const auto expected = testing::golden("stock_market.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        CHECK(testing::difference(testing::lines(averagesOfBundledTrades(env, 3s), line), expected) == "");
    });
}

TEST_CASE("stock_market: the trades that come with it are those of its generator", "[examples]") {
    StreamExecutionEnvironment env(CallerRuntime{});
    const auto trades = env.fromSource(bundledTrades(kListings), WatermarkStrategy::noWatermarks())
                            .setParallelism(1)
                            .executeAndCollect();
    const auto written = testing::lines(trades, [](const Trade& trade) {
        std::string text;
        CsvFormat<Trade>{}.encode(trade, text);
        return text;
    });
    CHECK(testing::difference(written, testing::sortedLines(testing::exampleFile("stock_market/data/trades.csv"))) ==
          "");
}

TEST_CASE("stock_market: no generated trade is later than the generator promises, and most are out of order",
          "[examples]") {
    const TradeGenerator generator(readListings(kListings), 3, 20);
    Timestamp latest = kMinTimestamp;
    Duration worst{0};
    int outOfOrder = 0;
    for (std::uint64_t i = 0; i < 1'000'000; ++i) {
        const Trade trade = generator(i);
        if (trade.time < latest) ++outOfOrder;
        latest = std::max(latest, trade.time);
        worst = std::max(worst, latest - trade.time);
    }
    CHECK(worst <= TradeGenerator::kMaxDelay);
    CHECK(worst > TradeGenerator::kMaxDelay / 2);
    CHECK(outOfOrder > 500'000);
}
