#ifndef STOCK_MARKET_TRADE_SOURCE_HPP
#define STOCK_MARKET_TRADE_SOURCE_HPP

#include "options.hpp"
#include "trade.hpp"

#include <millrace/millrace.hpp>

namespace stock_market {

/// Reading (or inventing), parsing and time-stamping, in `--readers` subtasks.
millrace::DataStream<Trade> readTrades(millrace::StreamEnvironment& env, const Options& options);

/// Writes the trades that come with the example, as CSV.
void writeBundledTrades(millrace::StreamEnvironment& env, const std::string& file);

}  // namespace stock_market

#endif  // STOCK_MARKET_TRADE_SOURCE_HPP
