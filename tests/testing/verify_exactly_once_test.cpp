#include <millrace/testing/verify_exactly_once.hpp>

#include <millrace/millrace.hpp>
#include <millrace/testing.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"
#include "testing/planted_bugs.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Click {
    int page = 0;
    std::int64_t count = 0;
    Timestamp time{};
    bool operator==(const Click&) const = default;
};
Click anyClick(testing::Random& random) {
    return {static_cast<int>(random.below(5)), random.between(1, 5), Timestamp(random.below(300) * 1s)};
}
DataStream<Click> perMinute(const DataStream<Click>& clicks) {
    return clicks.keyBy(&Click::page).window(TumblingEventTimeWindows::of(1min)).sum(&Click::count);
}
/// The time of a sum is that of the click that came first, which the order of arrival decides.
std::vector<Click> withoutTimes(std::vector<Click> clicks) {
    for (Click& click : clicks) click.time = {};
    return clicks;
}

/// Counts in a member, which is not state.
struct CountInMember {
    std::int64_t count = 0;
    Click operator()(const Click& click) { return {click.page, ++count, click.time}; }
};
struct CountInState {
    ValueState<std::int64_t> count;
    void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<std::int64_t>{"count"}); }
    void processElement(const Click& click, KeyedProcessContext<int>&, Collector<Click>& out) {
        count.update(count.valueOr(0) + 1);
        out.collect({click.page, *count.value(), click.time});
    }
};

}  // namespace

TEST_CASE("windows over clicks are exactly once", "[testing][exactly-once]") {
    const int runs = roundsToTry(150);
    const auto result = testing::verifyExactlyOnce<Click>(
        perMinute, anyClick, {.time = &Click::time, .outOfOrderness = 30s, .runs = runs}, withoutTimes);
    CHECK(result);
    CHECK_THAT(result.message(), ContainsSubstring("exactly once in " + std::to_string(runs) + " runs with "));
}

TEST_CASE("a count in state keeps its order per key, a count in a member is found out", "[testing][exactly-once]") {
    const auto byPage = [](std::vector<Click> clicks) {
        std::stable_sort(clicks.begin(), clicks.end(), [](const Click& a, const Click& b) { return a.page < b.page; });
        return clicks;
    };
    CHECK(testing::verifyExactlyOnce<Click>(
        [](DataStream<Click> clicks) { return clicks.keyBy(&Click::page).process(CountInState{}); }, anyClick,
        {.runs = roundsToTry(100), .mostSources = 1, .ordered = true}, byPage));

    const auto result = testing::verifyExactlyOnce<Click>(
        [](const DataStream<Click>& clicks) { return clicks.global().map(CountInMember{}); }, anyClick,
        {.runs = 100, .seed = 3, .mostSources = 1});
    CHECK_FALSE(result);
    CAPTURE(result.message());
    CHECK_THAT(result.message(), ContainsSubstring("lost"));
    CHECK(result.events() <= 6);
    CHECK(result.plan().faults.size() <= 2);
    CHECK(result.plan().parallelism <= 2);

    // the seed that it names finds it again
    const std::string text = result.message().substr(result.message().find("seed ") + 5);
    const auto again = testing::verifyExactlyOnce<Click>(
        [](const DataStream<Click>& clicks) { return clicks.global().map(CountInMember{}); }, anyClick,
        {.runs = 1, .seed = std::stoull(text), .mostSources = 1});
    CHECK_FALSE(again);
    CHECK(again.plan().faults.size() == result.plan().faults.size());
}

TEST_CASE("a pipeline that depends on the order of arrival is told apart from a broken one",
          "[testing][exactly-once]") {
    const auto result = testing::verifyExactlyOnce<Click>(
        [](const DataStream<Click>& clicks) {
            return clicks.keyBy([](const Click&) { return 0; }).reduce([](const Click& a, const Click& b) {
                return Click{b.page, (a.count * 3 + b.count) % 1'000'003, {}};
            });
        },
        anyClick, {.runs = 50});
    CHECK_FALSE(result);
    CHECK_THAT(result.message(), ContainsSubstring("even though nothing goes wrong"));
}

TEST_CASE("a pipeline that throws by itself, or gives nothing, has not been verified", "[testing][exactly-once]") {
    const auto throws = testing::verifyExactlyOnce<Click>(
        [](const DataStream<Click>& clicks) {
            return clicks.map([](const Click& click) -> Click {
                if (click.page == 3) throw std::runtime_error("page 3 is not supported");
                return click;
            });
        },
        anyClick, {.runs = 20});
    CHECK_FALSE(throws);
    CHECK_THAT(throws.message(), ContainsSubstring("page 3 is not supported"));
    CHECK(throws.events() == 1);

    const auto nothing = testing::verifyExactlyOnce<Click>(
        [](const DataStream<Click>& clicks) { return clicks.filter([](const Click&) { return false; }); }, anyClick,
        {.runs = 5});
    CHECK_FALSE(nothing);
    CHECK_THAT(nothing.message(), ContainsSubstring("has given no result"));
}

TEST_CASE("at least once, results may be repeated, but none is lost", "[testing][exactly-once]") {
    const testing::ExactlyOnce<Click> how{.runs = 100, .mode = CheckpointingMode::AtLeastOnce};
    const auto pipeline = [](const DataStream<Click>& clicks) {
        return clicks.rebalance().map([](const Click& click) { return click; });
    };
    CHECK(testing::verifyExactlyOnce<Click>(pipeline, anyClick, how));
}

TEST_CASE("the same seed gives the same trial", "[testing][exactly-once]") {
    const auto messageOf = [] {
        return testing::verifyExactlyOnce<Click>(
                   perMinute, anyClick, {.time = &Click::time, .outOfOrderness = 30s, .runs = 30}, withoutTimes)
            .message();
    };
    CHECK(messageOf() == messageOf());
}

// With two checkpoints at a time, the second may be in the store already when the first one's predecessors are discarded, and be
// given up all the same: then all of them were gone, and the job began anew.
TEST_CASE("whatever operation of the store fails after its effect, a job goes on with what it has",
          "[testing][exactly-once]") {
    testing::FaultPlan calm;
    const auto committed = [](testing::FaultPlan plan, std::string& error) {
        PlantedJob job(PlantedBug::None, true);
        const auto outcome = detail::runJob(job, plan);
        error = outcome.report.error;
        auto results = outcome.results;
        std::sort(results.begin(), results.end());
        return results;
    };
    std::string error;
    const auto expected = committed(calm, error);
    REQUIRE(error.empty());
    for (std::uint64_t seed = 1; seed <= roundsToTry<std::uint64_t>(10); ++seed) {
        for (std::uint64_t operation = 1; operation <= 60; ++operation) {
            testing::FaultPlan plan;
            plan.seed = seed;
            plan.bufferTimeout = -1ms;
            plan.checkpoints = true;
            plan.interval = 2ms;
            plan.maxConcurrent = 2;
            plan.tolerableFailures = 0;
            plan.faults = {{.kind = testing::Fault::Kind::FailStoreAfter, .at = operation}};
            const auto results = committed(plan, error);
            if (error.empty() && results == expected) continue;
            CAPTURE(seed, operation, error);
            CHECK(results == expected);
        }
    }
}

// ---- planted bugs -------------------------------------------------------------------------------------------------------

TEST_CASE("the job without a planted bug is exactly once", "[testing][exactly-once][long]") {
    for (const bool late : {false, true}) {
        const auto result =
            testing::verifyExactlyOnce([late] { return PlantedJob(PlantedBug::None, late); }, {.runs = 400});
        CAPTURE(late, result.message());
        CHECK(result);
    }
}

TEST_CASE("every planted bug is found", "[testing][exactly-once][long]") {
    for (std::size_t i = 1; i < kPlantedBugs.size(); ++i) {
        const auto& [bug, name] = kPlantedBugs[i];
        const auto result = testing::verifyExactlyOnce([bug = bug] { return PlantedJob(bug, true); }, {.runs = 1000});
        CAPTURE(name, result.message());
        CHECK_FALSE(result);
        CHECK_THAT(result.message(), ContainsSubstring("the results are not those of the undisturbed run"));
        CHECK(result.plan().faults.size() <= 3);
    }
}
