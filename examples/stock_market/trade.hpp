#ifndef STOCK_MARKET_TRADE_HPP
#define STOCK_MARKET_TRADE_HPP

#include <millrace/time/timestamp.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stock_market {

// Short texts of fixed size make a trade trivially copyable: it moves between threads without an allocation.
using Symbol = std::array<char, 8>;
using Industry = std::array<char, 24>;

/// A line of the input; the columns of a CSV file and the members of a JSON object have the names of the fields.
struct Trade {
    Symbol symbol;
    Industry industry;
    double price;
    std::int64_t quantity;
    millrace::Timestamp time;
};

template <std::size_t kSize>
std::string_view view(const std::array<char, kSize>& text) {
    return {text.data(), static_cast<std::size_t>(std::find(text.begin(), text.end(), '\0') - text.begin())};
}

}  // namespace stock_market

#endif  // STOCK_MARKET_TRADE_HPP
