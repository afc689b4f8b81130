#ifndef MILLRACE_TIME_WATERMARK_ALIGNMENT_HPP
#define MILLRACE_TIME_WATERMARK_ALIGNMENT_HPP

#include <millrace/time/timestamp.hpp>

#include <string>

namespace millrace {

/// That a source belongs to a group which stays together in event time; made by `withWatermarkAlignment`. @public
struct WatermarkAlignment {
    std::string group{};  ///< empty: none
    Duration maxDrift{0};
};

}  // namespace millrace

#endif  // MILLRACE_TIME_WATERMARK_ALIGNMENT_HPP
