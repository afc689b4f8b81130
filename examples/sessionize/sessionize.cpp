// Visits to a web site: clicks of one user that follow each other within a quarter of an hour.

#include "sessionize.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <arguments.hpp>
#include <ordered_sink.hpp>

#include <chrono>
#include <cstdint>
#include <string>

using namespace millrace;
using namespace sessionize;

namespace {

constexpr const char* kUsage = R"(Visits to a web site, from clicks that arrive out of order.

usage: sessionize [OPTION...]
  --input FILE      CSV with user, page and time (default: the day that comes with the example)
  --gap DURATION    a visit ends when nothing was clicked for so long (15min)
  --patience DURATION   how much later than others a click may arrive (30s)
  --parallelism N
  --help
)";

/// Adds up the visits of each hour, and prints an hour when the first visit of another one comes.
class HourlyTable {
public:
    void operator()(const Visit& visit) {
        const auto hour = std::chrono::floor<std::chrono::hours>(visit.end);
        if (hour != hour_) {
            print();
            *this = {};
            hour_ = hour;
        }
        ++visits_;
        clicks_ += visit.clicks;
        orders_ += visit.ordered ? 1 : 0;
        if (visit.clicks > longest_.clicks) longest_ = visit;
    }
    void print() const {
        if (visits_ == 0) return;
        fmt::print(
            "{:%Y-%m-%d %H:00}  {:4} visits  {:5.1f} clicks each  {:3} with an order   "
            "longest: {}, {} clicks from {}\n",
            hour_, visits_, static_cast<double>(clicks_) / static_cast<double>(visits_), orders_, longest_.user,
            longest_.clicks, longest_.entry);
    }

private:
    Timestamp hour_ = kMinTimestamp;
    std::int64_t visits_ = 0;
    std::int64_t clicks_ = 0;
    std::int64_t orders_ = 0;
    Visit longest_{};
};

int run(examples::Arguments& arguments) {
    using namespace std::chrono_literals;
    const auto input = arguments.takeText("--input").value_or(MILLRACE_EXAMPLE_DATA "/clicks.csv");
    const auto gap = arguments.take<std::chrono::milliseconds>("--gap", 15min, 1ms, 24h);
    const auto patience = arguments.take<std::chrono::milliseconds>("--patience", 30s, 0s, 24h);
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    arguments.expectNothingMore();

    const auto [visits, late] = visitsOf(readClicks(env, input, patience), gap);
    // one subtask each, and read only after the job: nothing to guard
    HourlyTable table;
    std::int64_t lateClicks = 0;
    visits.sinkTo(examples::inOrder<Visit>(examples::forEach<Visit>([&table](const Visit& visit) { table(visit); })))
        .setParallelism(1);
    late.addSink([&lateClicks](const Click&) { ++lateClicks; }).name("late clicks").setParallelism(1);
    env.execute("visits");

    table.print();
    fmt::print("\n{} clicks came when their visit was over\n", lateClicks);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
