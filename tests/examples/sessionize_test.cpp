#include <sessionize/sessionize.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>
#include <millrace/testing/check_equivalent.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace sessionize;

TEST_CASE("sessionize: visits and late clicks are those of a plain loop, on every runtime", "[examples][threads]") {
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

TEST_CASE("sessionize: visits are those of sorted clicks, however they arrive", "[examples]") {
    using namespace std::chrono_literals;
    constexpr millrace::Duration kGap = 15min;
    const auto sessions = [&](const DataStream<Click>& clicks) { return visitsOf(clicks, kGap).visits; };
    const auto cutAtGaps = [&](const DataStream<Click>& clicks) {
        return clicks.keyBy(&Click::user)
            .groupReduce([&](const std::string& user, std::span<const Click> all, Collector<Visit>& out) {
                std::vector<Click> sorted(all.begin(), all.end());
                std::sort(sorted.begin(), sorted.end(), [](const Click& a, const Click& b) { return a.time < b.time; });
                for (std::size_t i = 0; i < sorted.size();) {
                    Visit visit{{}, user, sorted[i].time, 0, sorted[i].page, false};
                    do {
                        visit.end = sorted[i].time + kGap;
                        ++visit.clicks;
                        visit.ordered = visit.ordered || sorted[i].page == "/checkout";
                        ++i;
                    } while (i < sorted.size() && sorted[i].time <= visit.end);
                    out.collect(visit);
                }
            });
    };
    CHECK(millrace::testing::checkEquivalent<Click>(
        sessions, cutAtGaps,
        [](millrace::testing::Random& random) {
            // to the nanosecond: of two clicks at once, which is the first would be a matter of arrival
            return Click{random.oneOf({"ann", "bob", "cid"}), random.oneOf({"/", "/shoes", "/checkout"}),
                         Timestamp(Duration(random.below(3 * 3'600'000'000'000)))};
        },
        {.time = &Click::time, .outOfOrderness = 5min}));
}
