#ifndef STOCK_MARKET_INDUSTRY_AVERAGES_HPP
#define STOCK_MARKET_INDUSTRY_AVERAGES_HPP

#include "trade.hpp"

#include <millrace/millrace.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <compare>
#include <cstdint>

namespace stock_market {

/// What the job answers: trades of one industry in one window, and their average price.
struct IndustryAverage {
    std::array<char, 8> window;  ///< "minute": every full minute; "moving": the minute up to `end`, every ten seconds
    millrace::Timestamp start;
    millrace::Timestamp end;
    Industry industry;
    std::int64_t trades;
    double averagePrice;

    auto operator<=>(const IndustryAverage&) const = default;
};

/// Number of trades and their average price. The sum is a whole number (of hundredths of a cent): sums of doubles would
/// depend on the order in which the trades are added.
struct AveragePrice {
    struct Accumulator {
        std::int64_t trades = 0;
        std::int64_t sum = 0;
    };
    static constexpr double kPerUnit = 10'000;

    Accumulator createAccumulator() const { return {}; }
    void add(const Trade& trade, Accumulator& acc) const {
        ++acc.trades;
        acc.sum += static_cast<std::int64_t>(std::floor(trade.price * kPerUnit + 0.5));
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
    // with these two, windows that overlap share their work
    void merge(Accumulator& into, const Accumulator& other) const {
        into.trades += other.trades;
        into.sum += other.sum;
    }
    void subtract(Accumulator& from, const Accumulator& other) const {
        from.trades -= other.trades;
        from.sum -= other.sum;
    }
};

/// Puts industry and time to a window's result.
struct ToIndustryAverage {
    std::array<char, 8> window;

    IndustryAverage operator()(const Industry& industry, const millrace::TimeWindow& time,
                               const AveragePrice::Accumulator& acc) const {
        const double average =
            static_cast<double>(acc.sum) / (AveragePrice::kPerUnit * static_cast<double>(acc.trades));
        return {window, time.start, time.end, industry, acc.trades, average};
    }
};

/// How many trades happen by industry each minute, and what is the moving average price?
inline millrace::DataStream<IndustryAverage> industryAverages(const millrace::DataStream<Trade>& trades,
                                                              int averagers) {
    using namespace std::chrono_literals;
    const auto byIndustry = trades.keyBy(&Trade::industry);

    const auto perMinute = byIndustry.window(millrace::TumblingEventTimeWindows::of(1min))
                               .aggregate(AveragePrice{}, ToIndustryAverage{{"minute"}})
                               .name("trades per minute")
                               .setParallelism(averagers);
    const auto moving = byIndustry.window(millrace::SlidingEventTimeWindows::of(1min, 10s))
                            .aggregate(AveragePrice{}, ToIndustryAverage{{"moving"}})
                            .name("moving average")
                            .setParallelism(averagers);
    return perMinute.unionWith(moving);
}

}  // namespace stock_market

#endif  // STOCK_MARKET_INDUSTRY_AVERAGES_HPP
