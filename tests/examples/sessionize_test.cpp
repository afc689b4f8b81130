#include <sessionize/sessionize.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace sessionize;

TEST_CASE("sessionize: visits and late clicks are those of a plain loop, on every runtime", "[examples]") {
    const auto expectedVisits = testing::golden("sessionize_visits.csv");
    const auto expectedLate = testing::golden("sessionize_late.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        using namespace std::chrono_literals;
        const auto [visits, late] =
            visitsOf(readClicks(env, testing::exampleFile("sessionize/data/clicks.csv"), 30s), 15min);
        std::map<std::string, int> lateClicks;
        late.addSink([&lateClicks](const Click& click) { ++lateClicks[click.user]; }).setParallelism(1);

        const auto millis = [](Timestamp time) {
            return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
        };
        const auto actual = testing::lines(visits.executeAndCollect(), [&](const Visit& visit) {
            return fmt::format("{},{},{},{},{},{}", millis(visit.end), visit.user, millis(visit.start), visit.clicks,
                               visit.entry, visit.ordered ? 1 : 0);
        });
        CHECK(testing::difference(actual, expectedVisits) == "");
        const std::vector<std::pair<std::string, int>> counts(lateClicks.begin(), lateClicks.end());
        const auto actualLate =
            testing::lines(counts, [](const auto& count) { return fmt::format("{},{}", count.first, count.second); });
        CHECK(testing::difference(actualLate, expectedLate) == "");
    });
}
