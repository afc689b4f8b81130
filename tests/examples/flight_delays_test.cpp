#include <flight_delays/flight_delays.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <examples/golden.hpp>

#include <string>
#include <vector>

using namespace millrace;
using namespace flight_delays;

namespace {

const std::string kFlights = testing::exampleFile("flight_delays/data/flights_2001q1.csv");

}  // namespace

TEST_CASE("flight_delays: flights and delay per airport and hour are those of a plain loop", "[examples][threads]") {
    const auto expected = testing::golden("flight_delays_hours.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const auto hours = delaysPerHour(readFlights(env, kFlights)).executeAndCollect();
        const auto actual = testing::lines(hours, [](const Delays& hour) {
            return fmt::format("{:%Y/%m/%d %H},{},{},{}", hour.start, hour.origin, hour.flights, hour.delayMinutes);
        });
        CHECK(testing::difference(actual, expected) == "");
    });
}

TEST_CASE("flight_delays: the worst airports of a day, found by windows on windows, are those of a plain loop",
          "[examples][threads]") {
    const auto expected = testing::golden("flight_delays_days.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        std::vector<std::string> actual;
        for (const WorstOfDay& worst : worstAirports(delaysPerHour(readFlights(env, kFlights))).executeAndCollect()) {
            int rank = 0;
            for (const Delays& airport : worst.airports) {
                actual.push_back(fmt::format("{:%Y/%m/%d},{},{},{},{}", worst.day, ++rank, airport.origin,
                                             airport.flights, airport.delayMinutes));
            }
        }
        std::sort(actual.begin(), actual.end());
        CHECK(testing::difference(actual, expected) == "");
    });
}
