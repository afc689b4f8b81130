#ifndef MILLRACE_PRE_AGGREGATION_HPP
#define MILLRACE_PRE_AGGREGATION_HPP

// Windows that add up in front of the exchange: `.window(…).preAggregate().sum(…)`.

#include <millrace/api/pre_aggregated_stream.hpp>

#endif  // MILLRACE_PRE_AGGREGATION_HPP
