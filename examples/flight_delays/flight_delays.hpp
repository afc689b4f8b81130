#ifndef FLIGHT_DELAYS_FLIGHT_DELAYS_HPP
#define FLIGHT_DELAYS_FLIGHT_DELAYS_HPP

#include <millrace/millrace.hpp>

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace flight_delays {

/// A row of the input. Its times are local to the airport; they are taken as UTC.
struct Flight {
    millrace::Timestamp time;
    int delayMinutes;
    std::string origin;
};

/// Flights that left an airport between two points in time, and the sum of their delays, negative for who left early.
struct Delays {
    millrace::Timestamp start;
    millrace::Timestamp end;
    std::string origin;
    std::int64_t flights = 0;
    std::int64_t delayMinutes = 0;

    double average() const { return static_cast<double>(delayMinutes) / static_cast<double>(flights); }
    auto operator<=>(const Delays&) const = default;
};

/// The airports with the greatest average delay on one day, the worst first.
struct WorstOfDay {
    millrace::Timestamp day;
    std::vector<Delays> airports;

    auto operator<=>(const WorstOfDay&) const = default;
};

/// Adds up flights, or what has been added up before.
struct SumOfDelays {
    struct Accumulator {
        std::int64_t flights = 0;
        std::int64_t delayMinutes = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Flight& flight, Accumulator& acc) const {
        ++acc.flights;
        acc.delayMinutes += flight.delayMinutes;
    }
    void add(const Delays& delays, Accumulator& acc) const {
        acc.flights += delays.flights;
        acc.delayMinutes += delays.delayMinutes;
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
};

inline Delays toDelays(const std::string& origin, const millrace::TimeWindow& window,
                       const SumOfDelays::Accumulator& sum) {
    return {window.start, window.end, origin, sum.flights, sum.delayMinutes};
}

struct WorstAirports {
    std::size_t howMany;
    std::int64_t leastFlights;  ///< airports with fewer flights on that day do not take part

    WorstOfDay operator()(const millrace::Timestamp& day, const millrace::TimeWindow& /*window*/,
                          std::span<const Delays> airports) const {
        WorstOfDay worst{day, {}};
        for (const Delays& airport : airports) {
            if (airport.flights >= leastFlights) worst.airports.push_back(airport);
        }
        std::sort(worst.airports.begin(), worst.airports.end(), [](const Delays& a, const Delays& b) {
            const std::int64_t left = a.delayMinutes * b.flights;  // compares the averages without rounding
            const std::int64_t right = b.delayMinutes * a.flights;
            return left != right ? left > right : a.origin < b.origin;
        });
        if (worst.airports.size() > howMany) worst.airports.resize(howMany);
        return worst;
    }
};

inline millrace::DataStream<Flight> readFlights(millrace::StreamEnvironment& env, const std::string& file) {
    const auto format =
        millrace::CsvFormat<Flight>{}.column("date", &Flight::time).column("delay_min", &Flight::delayMinutes);
    return env.fromSource(millrace::FileSource::of(format, file),
                          millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Flight::time),
                          "flights");
}

/// Flights and delays for each origin and hour.
inline millrace::DataStream<Delays> delaysPerHour(const millrace::DataStream<Flight>& flights) {
    using namespace std::chrono_literals;
    return flights.keyBy(&Flight::origin)
        .window(millrace::TumblingEventTimeWindows::of(1h))
        .aggregate(SumOfDelays{}, toDelays)
        .name("delays per hour");
}

/// The most delayed airports of each day. Windows on the results of windows: a result carries the last time of its
/// window, so an hour falls into its day, and a day's sum into the same day's ranking.
inline millrace::DataStream<WorstOfDay> worstAirports(const millrace::DataStream<Delays>& hours) {
    using namespace std::chrono_literals;
    const auto days = millrace::TumblingEventTimeWindows::of(24h);
    return hours.keyBy(&Delays::origin)
        .window(days)
        .aggregate(SumOfDelays{}, toDelays)
        .name("delays per day")
        .keyBy(&Delays::start)
        .window(days)
        .process(WorstAirports{5, 5})
        .name("worst airports");
}

}  // namespace flight_delays

#endif  // FLIGHT_DELAYS_FLIGHT_DELAYS_HPP
