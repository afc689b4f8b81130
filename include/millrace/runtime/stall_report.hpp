#ifndef MILLRACE_RUNTIME_STALL_REPORT_HPP
#define MILLRACE_RUNTIME_STALL_REPORT_HPP

#include <millrace/core/config.hpp>
#include <millrace/runtime/job_status.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Why an input, or what is behind it, holds event time back. @public
enum class StallCause : unsigned char {
    NoWatermarkStrategy,  ///< a source that makes no watermarks, and nothing behind it does
    NoRecordYet,          ///< no record has come, so there is no watermark
    NoWatermarkEmitted,   ///< records have come, but their generator has not emitted a watermark
    QuietInput,           ///< no further record comes, and the input is not idle
    SlowestInput,         ///< records come, but those of this input are behind the others in event time
    AllInputsIdle,        ///< event time stands until one of them has a record
    PausedByAlignment,    ///< waits for a slower source of its alignment group, which the next finding is about
    BlockedSink,          ///< a sink takes nothing for now
    FullChannel,          ///< an operator takes its records more slowly than they come
    LongCall,             ///< an operator has held its thread for more than a second
    NotScheduled          ///< an operator could go on, but no thread runs it
};

/// "NoRecordYet". @public
std::string_view toString(StallCause cause) noexcept;

/// One reason why event time stands, and where. @public
struct StallFinding {
    StallCause cause{};
    std::string name;  ///< operators of the chain: "source -> map"
    std::string uid;   ///< of its last operator
    int subtask = 0;
    int parallelism = 1;
    std::string split;                    ///< of a source, where it is known which one; else empty
    Timestamp watermark = kMinTimestamp;  ///< where it has got to
    Duration since{0};                    ///< how long it has been so, where that is known; else 0
    std::uint64_t records = 0;            ///< that it has read or got
    std::string text;                     ///< what, where, and what to do about it: whole sentences
};

/// An operator that needs event time, and where it has got to. @public
struct StallWaiting {
    std::string name;
    std::string uid;
    int subtask = 0;  ///< the one that is behind
    int parallelism = 1;
    Timestamp watermark = kMinTimestamp;
};

/// What holds event time back in a job: the result of `JobClient::explainStall`. @public
struct StallReport {
    std::string jobName;
    JobStatus status = JobStatus::Running;
    std::vector<StallWaiting> waiting;    ///< event-time operators; without any, keyed ones, else sinks
    std::vector<StallFinding> findings;   ///< what holds them back; empty when nothing does
    std::vector<std::string> idleInputs;  ///< do not count at present: "'clicks' (subtask 1 of 2)"

    /// All of it as text of several lines, for people.
    std::string toString() const;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/stall_report.ipp>
#endif

#endif  // MILLRACE_RUNTIME_STALL_REPORT_HPP
