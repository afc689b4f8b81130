#ifndef MILLRACE_WINDOWING_PRE_AGGREGATION_HPP
#define MILLRACE_WINDOWING_PRE_AGGREGATION_HPP

#include <cstdint>

namespace millrace {

/// When elements of windows are added up in front of the exchange: see `preAggregate`. @public
enum class PreAggregation : std::uint8_t {
    Adaptive,  ///< while that makes clearly fewer records of them
    Always
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_PRE_AGGREGATION_HPP
