// Earthquakes per network and six hours, from reports that arrive out of order, and some of them too late.

#include "earthquakes.hpp"

#include <millrace/millrace.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <arguments.hpp>
#include <ordered_sink.hpp>

#include <cstdint>
#include <map>
#include <string>

using namespace millrace;
using namespace earthquakes;

namespace {

constexpr const char* kUsage = R"(Earthquakes per network and six hours, and the strongest of them.

usage: earthquakes [OPTION...]
  --input FILE    JSON lines with id, net, mag, place, time and updated (default: the week that comes with the example)
  --parallelism N
  --help
)";

/// Prints the rows of a stream in order, with a headline for each window.
class Printer {
public:
    void operator()(const Activity& activity) {
        if (activity.end != shown_) {
            fmt::print("\n{:%Y-%m-%d %H:%M} to {:%H:%M} UTC\n", activity.start, activity.end);
            shown_ = activity.end;
        }
        fmt::print("  {}  {:3} events", activity.net, activity.events);
        if (activity.strongest) fmt::print("   {:5.2f}  {}", *activity.strongest, activity.place);
        fmt::print("\n");
    }

private:
    Timestamp shown_ = kMinTimestamp;
};

int run(examples::Arguments& arguments) {
    const auto input = arguments.takeText("--input").value_or(MILLRACE_EXAMPLE_DATA "/earthquakes.jsonl");
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    arguments.expectNothingMore();

    const auto [activity, late] = activityOfNetworks(readReports(env, input));
    activity.sinkTo(examples::inOrder<Activity>(examples::forEach<Activity>(Printer{}))).setParallelism(1);
    // one subtask, and read only after the job: nothing to guard
    std::map<std::string, std::int64_t> lateEvents;
    late.addSink([&lateEvents](const Earthquake& event) { ++lateEvents[event.net]; })
        .name("late events")
        .setParallelism(1);
    env.execute("earthquakes");

    fmt::print("\ntoo late to be counted, by network:\n");
    for (const auto& [net, count] : lateEvents) fmt::print("  {}  {:3} events\n", net, count);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
