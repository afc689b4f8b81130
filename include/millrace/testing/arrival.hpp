#ifndef MILLRACE_TESTING_ARRIVAL_HPP
#define MILLRACE_TESTING_ARRIVAL_HPP

#include <millrace/core/config.hpp>
#include <millrace/testing/random.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// How the events of a check arrive at a pipeline, and how a check that fails is made small. Events are numbers here.

namespace millrace::detail {

/// One way for events to come into a job.
struct Arrival {
    struct Step {
        std::size_t event;
        int source;
        bool watermark;  ///< one follows the event, as large as the bound allows
    };
    std::uint64_t seed = 0;  ///< of the simulation
    int parallelism = 1;
    bool batch = false;
    std::vector<Step> steps;

    int sources() const noexcept;
};

/// What may vary between arrivals.
struct ArrivalLimits {
    Duration disorder{};  ///< how far behind the largest timestamp an event may come
    int mostSources = 1;
    int mostParallelism = 1;
    bool batch = false;
};

/// `times` are the events' timestamps; empty if they have none.
Arrival drawArrival(testing::Random& random, std::size_t events, const std::vector<Timestamp>& times,
                    const ArrivalLimits& limits);

/// Two arrivals of the same events.
struct ArrivalPair {
    Arrival first;
    Arrival second;
    /// Whether the events come in the same order through the same sources and between the same watermarks.
    bool sameOrder() const noexcept;
};

/// Takes away what is not needed for `differs` to stay true: events first, then sources, watermarks, parallelism, differences
/// between the arrivals and disorder. Asks at most `mostAttempts` times.
void shrinkArrivals(ArrivalPair& pair, const std::vector<Timestamp>& times, int mostAttempts,
                    const std::function<bool(const ArrivalPair&)>& differs);

/// A check that failed, in texts.
struct EquivalenceFailure {
    ArrivalPair arrivals;
    std::vector<std::string> events;
    std::vector<std::string> first;   ///< results
    std::vector<std::string> second;  ///< results
    std::string firstError;
    std::string secondError;
    std::size_t drawn = 0;  ///< number of events before they were made fewer
    int run = 0;
    int runs = 0;
    std::uint64_t seed = 0;
};
std::string describeFailure(const EquivalenceFailure& failure);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/arrival.ipp>
#endif

#endif  // MILLRACE_TESTING_ARRIVAL_HPP
