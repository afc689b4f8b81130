#ifndef MILLRACE_TESTS_CRASH_PIPELINES_HPP
#define MILLRACE_TESTS_CRASH_PIPELINES_HPP

#include <millrace/connectors/rate_limiter.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {
class StreamEnvironment;
}  // namespace millrace

/// Pipelines that are killed while they run. What each writes depends on its input alone, whatever the parallelism: sources have
/// one subtask, watermarks follow every record.
namespace crash {

/// One run of a pipeline; those that go on with the same work have the same directory.
struct Settings {
    std::string directory;  ///< holds `checkpoints`, the output, and for some pipelines the input
    int parallelism = 1;    ///< of what is behind an exchange
    double seconds = 0;     ///< how long the input takes by the clock; 0: as fast as it goes
};

struct Pipeline {
    const char* name;
    /// Writes the input, where there is one to write. Before the first run.
    void (*prepare)(const Settings& settings);
    void (*build)(millrace::StreamEnvironment& env, const Settings& settings);
    /// What readers of the output see, a line for each record, in no order.
    std::vector<std::string> (*committed)(const Settings& settings);
};

extern const Pipeline kStockMarket;  ///< windows, tumbling and sliding → part files, rolled at every checkpoint
extern const Pipeline kSessions;     ///< files → sessions → SQLite, what is late → another table
extern const Pipeline kPayments;     ///< interval join → one file
extern const Pipeline kReminders;  ///< keyed process function: values, lists, maps, timers → part files, rolled by size
extern const Pipeline kPrices;     ///< keyed elements beside broadcast state → transactions
extern const Pipeline kBalances;  ///< rolling totals of many keys, saved while they change → part files
extern const Pipeline kCareless;  ///< does all that is warned of; only to see that it is found out

/// The lines of all files of a directory (or the file) that do not hide.
std::vector<std::string> finishedLines(const std::string& path);

inline millrace::RateLimiterStrategy paced(std::uint64_t records, const Settings& settings) {
    if (settings.seconds <= 0) return millrace::RateLimiterStrategy::noOp();
    return millrace::RateLimiterStrategy::perSecond(static_cast<double>(records) / settings.seconds);
}

/// A random number that is a function of its arguments.
inline std::uint64_t mixed(std::uint64_t number, std::uint64_t salt = 0) {
    std::uint64_t z = (number + 1) * 0x9e3779b97f4a7c15ULL + salt * 0xd1b54a32d192ed03ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

}  // namespace crash

#endif  // MILLRACE_TESTS_CRASH_PIPELINES_HPP
