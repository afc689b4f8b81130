#ifndef MILLRACE_TESTS_CONFORMANCE_PLAIN_KINDS_HPP
#define MILLRACE_TESTS_CONFORMANCE_PLAIN_KINDS_HPP

#include "harness_subject.hpp"

#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include <optional>
#include <string>
#include <vector>

// Pipelines over plain records of the kinds that have no windows of their own.

namespace millrace::conformance {

struct IntervalSettings {
    KeyOfRecord key;
    Duration lower;
    Duration upper;
    bool lowerInclusive;
    bool upperInclusive;
    std::optional<std::string> lateLeft;
    std::optional<std::string> lateRight;

    explicit IntervalSettings(const json& op);
};

/// None for functions that depend on how the library reduces.
std::optional<OneInputPipeline> plainReduce(const json& op);
TwoInputPipeline plainIntervalJoin(const IntervalSettings& settings, const std::vector<std::string>& sides);
TwoInputPipeline plainWindowPairs(const KeyOfRecord& key, const TumblingEventTimeWindows& windows, Duration lateness,
                                  bool join);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_PLAIN_KINDS_HPP
