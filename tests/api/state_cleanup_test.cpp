#include <millrace/state_processor.hpp>
// first: it stands alone
#include <millrace/checkpointing.hpp>
#include <millrace/connectors/data_generator_source.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>
#include <millrace/testing/verify_exactly_once.hpp>

#include "api/api_fixtures.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// State with a time to live in jobs: what has expired does not stay because its key never comes again.

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;

namespace {

struct Visit {
    std::string user;
    std::int64_t number = 0;
    bool operator==(const Visit&) const = default;
};

/// Numbers the visits of a user within a second.
struct CountRecent {
    ValueState<std::int64_t> count{};
    void open(KeyedRuntimeContext& context) {
        count = context.getState(ValueStateDescriptor<std::int64_t>{"count", StateTtlConfig(1s)});
    }
    void processElement(const Visit& visit, KeyedProcessContext<std::string>&, Collector<Visit>& out) {
        count.mutate([](std::int64_t& n) { ++n; });
        out.collect({visit.user, *count.value()});
    }
};

std::size_t bytesOf(const MemorySnapshot& snapshot) {
    std::size_t bytes = 0;
    snapshot.forEach([&](const auto&, const auto&, int, const auto& piece) { bytes += piece.size(); });
    return bytes;
}

/// Numbers the firings of a window and the windows of a key, for a while.
struct CountWindows {
    StateTtlConfig ttl;
    ValueState<int> firings{};
    ValueState<int> windows{};
    void open(WindowRuntimeContext& context) {
        firings = context.windowState().getState(ValueStateDescriptor<int>{"firings", ttl});
        windows = context.globalState().getState(ValueStateDescriptor<int>{"windows", ttl});
    }
    Visit process(const std::string& user, WindowContext&, std::span<const Visit>) {
        firings.update(firings.valueOr(0) + 1);
        windows.update(windows.valueOr(0) + 1);
        return {user, *firings.value() * *windows.value()};
    }
};

/// A sum that stays for a third of the keys, beside states that go after a moment: keys come and go within a table while
/// snapshots of it are open.
struct SumsAmongTheForgotten {
    ValueState<std::string> sum{};
    ListState<std::int64_t> latest{};
    MapState<std::int64_t, std::string> seen{};
    void open(KeyedRuntimeContext& context) {
        const StateTtlConfig ttl = StateTtlConfig(1ms).cleanupIncrementally(20, true);
        sum = context.getState(ValueStateDescriptor<std::string>{"sum"});
        latest = context.getListState(ListStateDescriptor<std::int64_t>{"latest", ttl});
        seen = context.getMapState(MapStateDescriptor<std::int64_t, std::string>{"seen", ttl});
    }
    void processElement(const Visit& visit, KeyedProcessContext<std::string>&, Collector<Visit>& out) {
        latest.add(visit.number);
        seen.put(visit.number, visit.user);
        if (visit.user.back() % 3 != 0) return;
        const std::int64_t total = std::stoll(sum.valueOr("0")) + visit.number;
        sum.update(std::to_string(total));
        out.collect({visit.user, total});
    }
};

/// Runs a pipeline over users who come once each, 500 a second; gives the most entries that its states had.
template <class Pipeline>
std::uint64_t mostEntries(std::uint64_t seed, std::uint64_t users, Pipeline pipeline) {
    StreamExecutionEnvironment env(SimulatedRuntime{seed});
    env.setParallelism(2);
    CheckpointConfig config;
    config.interval = 100ms;
    env.enableCheckpointing(config);
    std::uint64_t arrived = 0;
    std::uint64_t wrong = 0;
    const auto visitOf = [](std::uint64_t i) {
        return Visit{"user " + std::to_string(i), static_cast<std::int64_t>(i)};
    };
    const auto visits = env.fromSource(DataGeneratorSource(visitOf, users, RateLimiterStrategy::perSecond(500)),
                                       WatermarkStrategy::forBoundedOutOfOrderness(10ms).withTimestampAssigner(
                                           [](const Visit& visit) { return Timestamp(visit.number * 2ms); }),
                                       "visits");
    pipeline(visits)
        .addSink([&](const Visit& visit) {
            ++arrived;
            wrong += visit.number == 1 ? 0 : 1;
        })
        .setParallelism(1);
    const auto job = env.executeAsync("visits");
    std::uint64_t most = 0;
    for (int step = 0; job->step() && !job->isDone(); ++step) {
        if (step % 32 != 0) continue;
        std::uint64_t entries = 0;
        for (const OperatorMetrics& row : job->metrics()) entries += row.stateEntries;
        most = std::max(most, entries);
    }
    job->result();
    CHECK(arrived == users);
    CHECK(wrong == 0);
    return most;
}

}  // namespace

// one that was made without a time to live would keep state for ever, whatever else it says
static_assert(!std::is_default_constructible_v<StateTtlConfig>);

TEST_CASE("state whose time to live is over is neither kept nor saved though its key never comes again", "[api]") {
    const std::uint64_t seed = GENERATE(1u, 2u);
    CAPTURE(seed);
    const std::uint64_t most = mostEntries(
        seed, 3000, [](const DataStream<Visit>& visits) { return visits.keyBy(&Visit::user).process(CountRecent{}); });
    CHECK(most > 400);
    CHECK(most < 1500);
}

TEST_CASE("states of window functions are cleaned up when windows fire", "[api]") {
    const auto most = [](StateTtlConfig ttl) {
        return mostEntries(1, 6000, [&](const DataStream<Visit>& visits) {
            return visits.keyBy(&Visit::user)
                .window(TumblingEventTimeWindows::of(200ms))
                .allowedLateness(5s)
                .process(CountWindows{ttl});
        });
    };
    // of the keys most are gone, of the windows those that stay for 5 seconds because of the lateness
    CHECK(most(StateTtlConfig(1s)) + 5000 < most(StateTtlConfig(1s).disableCleanupInBackground()));
}

TEST_CASE("what has expired is neither saved nor restored", "[api]") {
    auto harness = testing::harnessForKeyedProcess<Visit>(&Visit::user, CountRecent{});
    for (int i = 0; i < 10'000; ++i) harness.processElement({"user " + std::to_string(i), 0});
    const MemorySnapshot full = harness.snapshot();
    CHECK(bytesOf(full) > 10'000 * 20);

    harness.advanceProcessingTime(1h);
    CHECK(bytesOf(harness.snapshot()) == 0);
    for (int i = 0; i < 4000; ++i) harness.processElement({"one", 0});
    const MemorySnapshot after = harness.snapshot();
    CHECK(bytesOf(after) < 100);

    auto restored = testing::harnessForKeyedProcess<Visit>(&Visit::user, CountRecent{});
    restored.advanceProcessingTime(1h);
    restored.restore(full);
    CHECK(bytesOf(restored.snapshot()) == 0);
    restored.restore(after);
    restored.processElement({"one", 0});
    restored.processElement({"user 7", 0});
    std::vector<Visit> visits;
    for (const auto& item : restored.takeOutput()) visits.push_back(*item.value);
    CHECK(visits == std::vector<Visit>{{"one", 4001}, {"user 7", 1}});
}

TEST_CASE("a savepoint has no state that has expired", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    env.setParallelism(2);
    auto [visits, input] = env.fromChannel<Visit>(200);
    visits.keyBy(&Visit::user).process(CountRecent{}).uid("count").addSink([](const Visit&) {});
    env.enableCheckpointing(CheckpointConfig{});
    const auto job = env.executeAsync("visits");
    for (int i = 0; i < 100; ++i) REQUIRE(input.push({"user " + std::to_string(i), 0}));
    job->waitFor(600ms);
    for (int i = 0; i < 3; ++i) REQUIRE(input.push({"user " + std::to_string(40 * i), 0}));
    job->waitFor(600ms);
    job->stopWithSavepoint(directory.path("saved"));
    job->result();

    std::map<std::string, std::int64_t> counts;
    const SavepointReader savepoint(directory.path("saved"));
    for (const auto& [user, count] : savepoint.readValueState<std::string, std::int64_t>("count", "count")) {
        counts[user] = count;
    }
    CHECK(counts == std::map<std::string, std::int64_t>{{"user 0", 2}, {"user 40", 2}, {"user 80", 2}});
}

TEST_CASE("states beside those that are cleaned up are exactly once, whatever fails", "[api][exactly-once]") {
    CHECK(testing::verifyExactlyOnce<Visit>(
        [](const DataStream<Visit>& visits) { return visits.keyBy(&Visit::user).process(SumsAmongTheForgotten{}); },
        [](testing::Random& random) {
            return Visit{"user " + std::to_string(random.below(60)), random.between(1, 9)};
        },
        {.runs = roundsToTry(60), .mostEvents = 250, .mostSources = 1}));
}
