#ifndef STOCK_MARKET_PROGRESS_HPP
#define STOCK_MARKET_PROGRESS_HPP

#include <millrace/millrace.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace stock_market {

struct Progress {
    std::uint64_t trades = 0;
    double tradesPerSecond = 0;
    std::uint64_t late = 0;
    millrace::Timestamp eventTime = millrace::kMaxTimestamp;  ///< reached by all subtasks
};

inline Progress progressOf(const millrace::JobClient& job, const std::string& source) {
    Progress progress;
    for (const millrace::OperatorMetrics& row : job.metrics()) {
        progress.late += row.lateRecordsDropped;
        progress.eventTime = std::min(progress.eventTime, row.watermark);
        if (row.name != source) continue;
        progress.trades += row.recordsOut;
        progress.tradesPerSecond += row.recordsOutPerSecond;
    }
    return progress;
}

/// Waits for the job's end; meanwhile, if stderr is a terminal, a line there says how far it is. `total`: 0 if unknown.
inline void waitWithProgress(millrace::JobClient& job, const std::string& source, std::uint64_t total) {
    using namespace std::chrono_literals;
    if (isatty(STDERR_FILENO) == 0) return;
    bool shown = false;
    while (!job.waitFor(500ms)) {
        const Progress progress = progressOf(job, source);
        std::string line = fmt::format("\r{:.1f} million trades, {:.2f} million/s",
                                       static_cast<double>(progress.trades) / 1e6, progress.tradesPerSecond / 1e6);
        if (total > 0) {
            line += fmt::format(", {:.0f} %", 100 * static_cast<double>(progress.trades) / static_cast<double>(total));
        }
        if (progress.eventTime != millrace::kMinTimestamp && progress.eventTime != millrace::kMaxTimestamp) {
            line +=
                fmt::format(", event time {:%H:%M:%S}", std::chrono::floor<std::chrono::seconds>(progress.eventTime));
        }
        fmt::print(stderr, "{}\x1b[K", line);
        std::fflush(stderr);
        shown = true;
    }
    if (shown) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace stock_market

#endif  // STOCK_MARKET_PROGRESS_HPP
