#ifndef MILLRACE_RUNTIME_JOB_STATUS_HPP
#define MILLRACE_RUNTIME_JOB_STATUS_HPP

#include <millrace/core/errors.hpp>
#include <millrace/metrics/accumulators.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace millrace {

/// Where a job is in its life, as in Flink. @public
enum class JobStatus : unsigned char { Created, Running, Failing, Failed, Cancelling, Canceled, Finished, Restarting };

/// Flink's spelling: "RUNNING".
constexpr std::string_view toString(JobStatus status) noexcept {
    switch (status) {
        case JobStatus::Created:
            return "CREATED";
        case JobStatus::Running:
            return "RUNNING";
        case JobStatus::Failing:
            return "FAILING";
        case JobStatus::Failed:
            return "FAILED";
        case JobStatus::Cancelling:
            return "CANCELLING";
        case JobStatus::Canceled:
            return "CANCELED";
        case JobStatus::Finished:
            return "FINISHED";
        case JobStatus::Restarting:
            return "RESTARTING";
    }
    return "?";
}

/// FAILED, CANCELED and FINISHED: the job has ended and all its operators are closed.
constexpr bool isTerminal(JobStatus status) noexcept {
    return status == JobStatus::Failed || status == JobStatus::Canceled || status == JobStatus::Finished;
}

/// A job was cancelled before its end; thrown by `execute()` and `JobClient::result()`. @public
class JobCancelledException : public JobExecutionException {
public:
    using JobExecutionException::JobExecutionException;
};

/// What a job leaves behind. @public
struct JobExecutionResult {
    std::string jobName;
    JobStatus status = JobStatus::Finished;
    Duration netRuntime{0};
    AccumulatorValues accumulators;
    std::uint64_t traceHash = 0;  ///< simulation: equal for equal executions; 0 elsewhere

    /// The merged value of an accumulator. *Failure:* ConfigurationException when there is none of that name and type.
    template <class T = std::int64_t, class Map = AccumulatorValues::Map>
    const T& accumulator(const std::string& name) const {
        const Map& all = accumulators.template map<Map>();
        const auto found = all.find(name);
        const T* const value = found == all.end() ? nullptr : std::get_if<T>(&found->second);
        if (value == nullptr) {
            throw ConfigurationException(
                "the job '" + jobName + "' has no accumulator '" + name +
                "' of this type; counters are std::int64_t (as are LongMinimum and LongMaximum), sums, averages and "
                "extrema of doubles double, lists std::vector<std::string>, histograms "
                "std::vector<NumberCount>");
        }
        return *value;
    }
};

/// What one subtask of one operator chain has done so far. @public
struct OperatorMetrics {
    int nodeId = 0;
    std::string name;  ///< operators of the chain: "map -> filter"
    std::string uid;   ///< of its last operator
    int subtask = 0;
    int parallelism = 1;
    std::uint64_t recordsIn = 0;
    std::uint64_t recordsOut = 0;
    std::uint64_t lateRecordsDropped = 0;
    std::uint64_t recordsSkipped = 0;  ///< by `onError`
    std::uint64_t deadLetters = 0;     ///< sent to a side output by `onError`
    /// Reserved by its state, as far as `setStateMemoryLimit` counts it.
    std::uint64_t stateBytes = 0;
    std::uint64_t stateEntries = 0;  ///< of them: one per key, or per key and window
    double recordsInPerSecond = 0;
    double recordsOutPerSecond = 0;
    Timestamp watermark = kMinTimestamp;
    bool idle = false;
    double queueFill = 0;  ///< 0 … 1: how full its input channels are; 0 where it is called directly
};

}  // namespace millrace

#endif  // MILLRACE_RUNTIME_JOB_STATUS_HPP
