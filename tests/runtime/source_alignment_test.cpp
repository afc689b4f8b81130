#include <millrace/runtime/source_alignment.hpp>

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/scripted_source.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;

namespace {

constexpr int kRecords = 200;

/// Record i of lane n is at (i + 1) * (n + 1) * 10 s, so that lanes run apart unless somebody holds them together.
struct Step {
    int lane = 0;
    int number = 0;  ///< from 1
    std::int64_t seconds() const { return std::int64_t{number} * (lane + 1) * 10; }
};

Script<Step> laneScript(int lane) {
    Script<Step> script;
    for (int i = 1; i <= kRecords; ++i) {
        const Step step{lane, i};
        script.element(step, Timestamp(std::chrono::seconds(step.seconds()))).endBlock();
    }
    return script;
}

/// How far any lane has been ahead of the slowest, while all lanes have begun and none has ended. A step counts if all had begun
/// when it was allowed, that is at the one before: its thread may be stopped in the midst of it, while a lane begins.
struct Gap {
    std::array<std::atomic<int>, 4> reached{};
    std::array<std::atomic<bool>, 4> knowsAll{};
    std::size_t lanes;
    std::atomic<std::int64_t> widest{0};
    std::atomic<int> seen{0};

    explicit Gap(std::size_t n) : lanes(n) {}
    void operator()(const Step& step) {
        ++seen;
        std::int64_t slowest = step.seconds();
        bool all = true;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const int number = reached[lane].load();
            all = all && number >= 2 && number < kRecords;
            slowest = std::min(slowest, Step{static_cast<int>(lane), number}.seconds());
        }
        reached[static_cast<std::size_t>(step.lane)] = step.number;
        const bool counts = knowsAll[static_cast<std::size_t>(step.lane)].exchange(all);
        if (!all || !counts) return;
        const std::int64_t gap = step.seconds() - slowest;
        for (std::int64_t most = widest.load(); gap > most && !widest.compare_exchange_weak(most, gap);) {}
    }
};

auto ordered() {
    return WatermarkStrategy::forMonotonousTimestamps();
}

/// Runs the same pipeline in simulations and on threads.
void onMany(const std::function<void(StreamEnvironment&)>& body) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        body(env);
    }
    for (int threads = 1; threads <= 3; ++threads) {
        CAPTURE(threads);
        StreamExecutionEnvironment env(ThreadPoolRuntime{threads});
        body(env);
    }
}

}  // namespace

TEST_CASE("sources of one alignment group stay within their drift, though no operator joins them",
          "[runtime][alignment][threads]") {
    const auto widest = [](StreamEnvironment& env, auto strategy) {
        env.setParallelism(1);
        Gap gap(3);
        for (int lane = 0; lane < 3; ++lane) {
            env.fromSource(ScriptedSplits<Step>({laneScript(lane)}), strategy, "lane").addSink([&](const Step& step) {
                gap(step);
            });
        }
        env.execute();
        CHECK(gap.seen == 3 * kRecords);
        return gap.widest.load();
    };
    std::int64_t unaligned = 0;
    onMany([&](StreamEnvironment& env) {
        // a lane may make one step when it is just within the drift
        CHECK(widest(env, ordered().withWatermarkAlignment("lanes", 100s)) <= 100 + 30);
        CHECK(widest(env, ordered().withWatermarkAlignment("lanes", 0s)) <= 30);
        unaligned = std::max(unaligned, widest(env, ordered()));
    });
    CHECK(unaligned > 130);
}

TEST_CASE("splits that one reader reads side by side are aligned with each other and with those of others",
          "[runtime][alignment][threads]") {
    const auto widest = [](StreamEnvironment& env, auto strategy) {
        env.setParallelism(2);
        Gap gap(4);
        ScriptedSplits<Step> source({laneScript(3), laneScript(2), laneScript(1), laneScript(0)});
        env.fromSource(source, strategy, "lanes").addSink([&](const Step& step) { gap(step); });
        env.execute();
        CHECK(gap.seen == 4 * kRecords);
        return gap.widest.load();
    };
    std::int64_t unaligned = 0;
    onMany([&](StreamEnvironment& env) {
        CHECK(widest(env, ordered().withWatermarkAlignment("lanes", 100s)) <= 100 + 40);
        unaligned = std::max(unaligned, widest(env, ordered()));
    });
    CHECK(unaligned > 140);
}

TEST_CASE("groups of different names know nothing of each other, and each member has its own drift",
          "[runtime][alignment]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        std::vector<std::int64_t> seconds(3);
        const auto lane = [&](int number, const std::string& group, Duration drift) {
            Script<Step> script =
                number == 0 ? Script<Step>().element({0, 1}, Timestamp(10s)).pause(1h) : laneScript(number);
            env.fromSource(ScriptedSplits<Step>({script}), ordered().withWatermarkAlignment(group, drift), group)
                .setParallelism(1)
                .addSink([&seconds, number](const Step& step) {
                    seconds[static_cast<std::size_t>(number)] = step.seconds();
                });
        };
        lane(0, "a", 10s);
        lane(1, "a", 100s);
        lane(2, "b", 10s);
        const auto job = env.executeAsync();
        env.runtime().advance(1s);
        CHECK(seconds[0] == 10);
        // whether lane 1 began before it knew of lane 0 is up to the seed; from then on it waits
        CHECK(seconds[1] >= 10);
        CHECK(seconds[2] == std::int64_t{kRecords} * 30);
        if (seed == 0) CHECK(seconds[1] <= 10 + 100 + 20);
        job->cancel();
    }
}

TEST_CASE("an idle member frees the others, one that has ended too", "[runtime][alignment]") {
    const bool ends = GENERATE(true, false);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed, ends);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.setParallelism(1);
        Script<Step> slow;
        slow.element({0, 1}, Timestamp(10s)).pause(10s);
        if (!ends) slow.pause(1h);
        int fast = 0;
        const auto strategy = ordered().withWatermarkAlignment("lanes", 50s).withIdleness(ends ? Duration(1h) : 10s);
        env.fromSource(ScriptedSplits<Step>({slow}), strategy, "slow").addSink([](const Step&) {});
        // not before the slow one has told of itself
        Script<Step> later;
        later.pause(1s);
        for (int i = 1; i <= kRecords; ++i) later.element({1, i}, Timestamp(i * 20s)).endBlock();
        env.fromSource(ScriptedSplits<Step>({later}), strategy, "fast").addSink([&](const Step&) { ++fast; });
        const auto job = env.executeAsync();
        env.runtime().advance(5s);
        CHECK(fast == 4);  // with its third record, at 60 s, it is just within the drift; with the next one no more
        env.runtime().advance(20s);
        CHECK(fast == kRecords);
        job->cancel();
    }
}

TEST_CASE("a source that pauses is not idle, however long it takes", "[runtime][alignment]") {
    StreamExecutionEnvironment env(SimulatedRuntime{4});
    env.setParallelism(1);
    Channel<Step> ahead(16);
    Channel<Step> behind(16);
    const auto strategy = ordered().withTimestampAssigner(
        [](const Step& step) { return Timestamp(std::chrono::seconds(step.seconds())); });
    env.fromSource(ChannelSource<Step>(ahead), strategy.withWatermarkAlignment("a", 10s).withIdleness(5s), "ahead")
        .addSink([](const Step&) {});
    env.fromSource(ChannelSource<Step>(behind), strategy.withWatermarkAlignment("a", 10s), "behind")
        .addSink([](const Step&) {});
    const auto job = env.executeAsync();
    const auto idle = [&] {
        for (const OperatorMetrics& row : job->metrics()) {
            if (row.name == "ahead") return row.idle;
        }
        return true;
    };
    REQUIRE(behind.push({0, 1}));
    env.runtime().advance(1s);
    REQUIRE(ahead.push({0, 10}));
    env.runtime().advance(1s);
    REQUIRE(ahead.push({0, 11}));
    env.runtime().advance(1min);
    CHECK_FALSE(idle());
    REQUIRE(behind.push({0, 10}));
    env.runtime().advance(4s);
    CHECK_FALSE(idle());
    env.runtime().advance(4s);  // now it has been asked, and had nothing
    CHECK(idle());
    job->cancel();
}

TEST_CASE("a quiet broadcast source does not stop the input that it is for", "[runtime][alignment]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.setParallelism(2);
        const MapStateDescriptor<int, int> rulesState("rules");
        // one rule at the beginning of time, then silence for an hour
        Script<Step> rules;
        rules.element({0, 1}, Timestamp(1s)).watermark(Timestamp(1s)).pause(1h);
        auto ruleStream = env.fromSource(ScriptedSource<Step>(rules), WatermarkStrategy::noWatermarks(), "rules");
        Script<Step> later;  // so that the rule has come
        later.pause(1s);
        for (int i = 1; i <= kRecords; ++i) later.element({5, i}, Timestamp(i * 1min)).endBlock();
        std::atomic<int> seen{0};
        struct Count {
            std::atomic<int>* seen;
            void processElement(const Step&, KeyedReadOnlyContext<int>&, Collector<int>&) { ++*seen; }
            void processBroadcastElement(const Step&, KeyedBroadcastContext<int>&, Collector<int>&) {}
        };
        env.fromSource(ScriptedSplits<Step>({later}), ordered(), "steps")
            .keyBy(&Step::lane)
            .connect(ruleStream.broadcast(rulesState))
            .process(Count{&seen})
            .addSink([](int) {});
        const auto job = env.executeAsync();
        env.runtime().advance(2s);
        CHECK(seen == kRecords);
        job->cancel();
    }
}
