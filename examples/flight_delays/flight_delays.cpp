// Flights and delays for each airport and hour, and the most delayed airports of each day.

#include "flight_delays.hpp"

#include <millrace/millrace.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <arguments.hpp>
#include <ordered_sink.hpp>

#include <cstdio>
#include <string>

using namespace millrace;
using namespace flight_delays;

namespace {

constexpr const char* kUsage = R"(The most delayed airports of each day, of a sample of flights in the United States.

usage: flight_delays [OPTION...]
  --input FILE    CSV with the columns date, delay_min and origin
                  (default: the flights that come with the example)
  --hours FILE    also writes flights and delay of each airport and hour, as CSV
  --parallelism N
  --help
)";

void print(const WorstOfDay& worst) {
    fmt::print("{:%Y-%m-%d}", worst.day);
    for (const Delays& airport : worst.airports) {
        fmt::print("   {} {:6.1f} min of {:2}", airport.origin, airport.average(), airport.flights);
    }
    fmt::print("\n");
}

int run(examples::Arguments& arguments) {
    const auto input = arguments.takeText("--input").value_or(MILLRACE_EXAMPLE_DATA "/flights_2001q1.csv");
    const auto hoursFile = arguments.takeText("--hours");
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    arguments.expectNothingMore();

    const DataStream<Delays> hours = delaysPerHour(readFlights(env, input));
    if (hoursFile) hours.sinkTo(examples::inOrder<Delays>(FileSink::csv<Delays>(*hoursFile))).setParallelism(1);

    fmt::print("average delay at departure, airports with at least 5 flights in the sample\n");
    worstAirports(hours).sinkTo(examples::inOrder<WorstOfDay>(examples::forEach<WorstOfDay>(print))).setParallelism(1);
    env.execute("flight delays");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
