#ifndef STOCK_MARKET_GENERATOR_HPP
#define STOCK_MARKET_GENERATOR_HPP

#include "trade.hpp"

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace stock_market {

struct Listing {
    Symbol symbol;
    Industry industry;
};

/// The S&P 500 as of the file, sorted by industry.
inline std::vector<Listing> readListings(const std::string& path) {
    const auto format =
        millrace::CsvFormat<Listing>{}.column("Symbol", &Listing::symbol).column("GICS Sector", &Listing::industry);
    millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
    auto listings = env.fromSource(millrace::FileSource::of(format, path), millrace::WatermarkStrategy::noWatermarks())
                        .executeAndCollect("listings");
    std::stable_sort(listings.begin(), listings.end(),
                     [](const Listing& a, const Listing& b) { return a.industry < b.industry; });
    return listings;
}

/// Trade number i of an invented trading day, for any i in any order: the same seed gives the same trades.
/// They come in bursts of differing strength, each with an industry of its own that is traded more than the others, and
/// they arrive out of order, but never more than `kMaxDelay` late. Integers only, so that every machine agrees.
class TradeGenerator {
public:
    static constexpr std::chrono::milliseconds kMaxDelay{3000};

    /// A burst of 2^burstBits trades takes 20 seconds on average: 11 is 100 trades per second, 20 is 52 000.
    TradeGenerator(std::vector<Listing> listings, std::uint64_t seed, int burstBits)
        : listings_(std::make_shared<const std::vector<Listing>>(std::move(listings))), seed_(seed),
          burstBits_(burstBits) {}

    Trade operator()(std::uint64_t index) const {
        std::uint64_t random = mix(index);
        const auto next = [&random](std::uint64_t below) {  // takes a few bits of `random` at a time
            const std::uint64_t drawn = ((random & 0xffff) * below) >> 16;
            random = (random >> 16) | (random << 48);
            return drawn;
        };

        const std::uint64_t burst = index >> burstBits_;
        const std::uint64_t count = listings_->size();
        std::uint64_t company = next(count);
        if (next(4) == 0) company = (mix(~burst) + company % 16) % count;
        const std::uint64_t character = mix(company << 32);

        const auto arrival = static_cast<std::int64_t>(arrivalMicroseconds(index, burst) / 1000);
        const auto maxDelay = static_cast<std::uint64_t>(kMaxDelay.count());
        const auto delay = static_cast<std::int64_t>(next(16) == 0 ? mix(random) % maxDelay : next(200));
        const std::int64_t milliseconds = arrival + kMaxDelay.count() - delay;

        // swings by 3 % around the company's price in 17 minutes, and by 0.4 % from trade to trade
        const auto base = static_cast<std::int64_t>(2000 + character % 30000);
        const std::int64_t phase = (milliseconds + static_cast<std::int64_t>(character >> 40)) & 0xfffff;
        const std::int64_t swing = (phase < 0x80000 ? phase : 0x100000 - phase) - 0x40000;
        const std::int64_t noise = (static_cast<std::int64_t>(mix(~random) & 0xff) - 128) * 256;
        const std::int64_t cents = base + base * (swing + noise) / 0x800000;

        const auto quantity = static_cast<std::int64_t>(1 + ((mix(random) & 0x3ff) * (mix(random) >> 54) >> 10));
        const Listing& listing = (*listings_)[company];
        return {listing.symbol, listing.industry, static_cast<double>(cents) / 100, quantity,
                kOpening + std::chrono::milliseconds(milliseconds)};
    }

private:
    static constexpr millrace::Timestamp kOpening = std::chrono::sys_days{std::chrono::year{2024} / 3 / 15} +
                                                    std::chrono::minutes(13 * 60 + 30);  // 9:30 in New York
    static constexpr std::uint64_t kBurstMicroseconds = 20'000'000;

    /// splitmix64
    std::uint64_t mix(std::uint64_t value) const {
        value = (value + seed_ + 1) * 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
    std::uint64_t burstStart(std::uint64_t burst) const {
        return burst * kBurstMicroseconds + mix(burst << 40) % (kBurstMicroseconds * 3 / 4);
    }
    /// Since the opening. Nine times denser at the beginning of a burst than at its end.
    std::uint64_t arrivalMicroseconds(std::uint64_t index, std::uint64_t burst) const {
        const std::uint64_t start = burstStart(burst);
        const std::uint64_t length = burstStart(burst + 1) - start;
        const std::uint64_t x = ((index << 20) >> burstBits_) & 0xfffff;  // 0 … 1 in 2^20 steps
        return start + (length * ((x * 205 + (x * x >> 20) * 819) >> 10) >> 20);
    }

    std::shared_ptr<const std::vector<Listing>> listings_;
    std::uint64_t seed_;
    int burstBits_;
};

/// A source of `count` trades over the listings in a file.
inline millrace::DataGeneratorSource<TradeGenerator> generatedTrades(const std::string& listings, std::uint64_t count,
                                                                     int burstBits) {
    return {TradeGenerator(readListings(listings), 7, burstBits), count};
}

/// The trades that come with the example: eight and a half minutes.
inline millrace::DataGeneratorSource<TradeGenerator> bundledTrades(const std::string& listings) {
    return generatedTrades(listings, 50'000, 11);
}

}  // namespace stock_market

#endif  // STOCK_MARKET_GENERATOR_HPP
