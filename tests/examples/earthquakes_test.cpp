#include <earthquakes/earthquakes.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace earthquakes;

namespace {

std::string line(const Activity& row) {
    const auto start = std::chrono::floor<std::chrono::milliseconds>(row.start).time_since_epoch().count();
    const std::string strongest = row.strongest ? fmt::format("{:.3f}", *row.strongest) : "";
    return fmt::format("{},{},{},{},{}", start, row.net, row.events, strongest, row.place);
}

}  // namespace

TEST_CASE("earthquakes: what is counted and what is late follows from the order of the reports alone",
          "[examples][threads]") {
    const auto expectedActivity = testing::golden("earthquakes_activity.csv");
    const auto expectedLate = testing::golden("earthquakes_late.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const auto [activity, late] =
            activityOfNetworks(readReports(env, testing::exampleFile("earthquakes/data/earthquakes.jsonl")));
        std::map<std::string, int> lateEvents;
        late.addSink([&lateEvents](const Earthquake& event) { ++lateEvents[event.net]; }).setParallelism(1);

        CHECK(testing::difference(testing::lines(activity.executeAndCollect(), line), expectedActivity) == "");
        const std::vector<std::pair<std::string, int>> counts(lateEvents.begin(), lateEvents.end());
        const auto actualLate =
            testing::lines(counts, [](const auto& count) { return fmt::format("{},{}", count.first, count.second); });
        CHECK(testing::difference(actualLate, expectedLate) == "");
    });
}

TEST_CASE("earthquakes: an event without magnitude counts, and is never the strongest", "[examples]") {
    const CountAndStrongest function;
    auto acc = function.createAccumulator();
    function.add({"1", "us", std::nullopt, "nowhere", {}, {}}, acc);
    CHECK(acc.events == 1);
    CHECK_FALSE(acc.strongest.has_value());
    function.add({"2", "us", -0.5, "deep below", {}, {}}, acc);
    function.add({"3", "us", std::nullopt, "nowhere", {}, {}}, acc);
    function.add({"4", "us", -0.5, "elsewhere", {}, {}}, acc);
    CHECK(acc.events == 4);
    CHECK(acc.strongest == -0.5);
    CHECK(acc.place == "deep below");
}
