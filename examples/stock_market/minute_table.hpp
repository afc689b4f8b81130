#ifndef STOCK_MARKET_MINUTE_TABLE_HPP
#define STOCK_MARKET_MINUTE_TABLE_HPP

#include "industry_averages.hpp"

#include <millrace/millrace.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>

namespace stock_market {

/// Prints a table per minute: trades and average price of each industry, and how its moving average went on. Wants the
/// rows in the order of their time, and prints a minute as soon as no more of its rows can come.
class MinuteTable {
public:
    explicit MinuteTable(std::FILE* file) : file_(file) {}

    class Writer {
    public:
        explicit Writer(std::FILE* file) : file_(file) {}

        void write(const IndustryAverage& average, const millrace::SinkContext& /*context*/) {
            const auto minute = std::chrono::floor<std::chrono::minutes>(average.end - millrace::Duration(1));
            if (minute != minute_) print();
            minute_ = minute;
            Row& row = rows_[average.industry];
            if (average.start == minute && average.window == std::array<char, 8>{"minute"}) {
                row.trades = average.trades;
                row.average = average.averagePrice;
            } else {
                row.moving[static_cast<std::size_t>((average.end - minute) / kSlide) - 1] = average.averagePrice;
            }
        }
        void writeWatermark(millrace::Timestamp watermark) {
            if (watermark >= minute_ + std::chrono::minutes(1) - millrace::Duration(1)) print();
        }
        void flush(bool endOfInput) {
            if (endOfInput) print();
            std::fflush(file_);
        }
        void close() {}

    private:
        static constexpr std::chrono::seconds kSlide{10};
        struct Row {
            std::int64_t trades = 0;
            double average = 0;
            std::array<double, 6> moving{};
        };

        void print() {
            std::string text;
            const auto to = std::back_inserter(text);
            std::int64_t trades = 0;
            for (const auto& [industry, row] : rows_) trades += row.trades;
            if (trades > 0) {  // else only the moving averages run out behind the last trade
                fmt::format_to(to, "{:%Y-%m-%d %H:%M} UTC {:>14} {:>9}          moving average up to\n{:53}", minute_,
                               "trades", "average", "");
                for (int i = 1; i <= 6; ++i) fmt::format_to(to, "  {:%H:%M:%S}", minute_ + i * kSlide);
                text += '\n';
                for (const auto& [industry, row] : rows_) {
                    fmt::format_to(to, "{:<24} {:>10} {:>9.2f}        ", view(industry), row.trades, row.average);
                    for (const double average : row.moving) fmt::format_to(to, "{:>10.2f}", average);
                    text += '\n';
                }
                fmt::format_to(to, "{:<24} {:>10}\n\n", "all", trades);
            }
            std::fwrite(text.data(), 1, text.size(), file_);
            rows_.clear();
        }

        std::FILE* file_;
        std::chrono::sys_time<std::chrono::minutes> minute_{};
        std::map<Industry, Row> rows_;
    };

    Writer createWriter(const millrace::WriterInitContext& /*context*/) const { return Writer(file_); }

private:
    std::FILE* file_;
};

}  // namespace stock_market

#endif  // STOCK_MARKET_MINUTE_TABLE_HPP
