#include <millrace/runtime/regions.hpp>

#include <millrace/checkpointing.hpp>
#include <millrace/committing_sink.hpp>
#include <millrace/core/log.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>
#include <millrace/testing/committed_sink.hpp>
#include <millrace/testing/verify_exactly_once.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// A job of several parts between which nothing is exchanged: of those only the one that has failed starts again.

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::int64_t kNumbers = 1000;

/// What one part of the job shows of itself.
struct Part {
    explicit Part(std::string called, std::uint64_t failingCall = ~std::uint64_t{0}, bool forEver = false)
        : name(std::move(called)), failsAt(failingCall), failsForEver(forEver) {}

    std::string name;
    std::uint64_t failsAt;  ///< call of its map
    bool failsForEver;
    testing::CommittedSink<std::int64_t> committed;
    testing::CollectSink<std::int64_t> plain;
    std::shared_ptr<std::atomic<int>> opens = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<std::uint64_t>> calls = std::make_shared<std::atomic<std::uint64_t>>(0);
};

struct Pass {
    std::string name;
    std::uint64_t failsAt;
    bool failsForEver;
    std::shared_ptr<std::atomic<int>> opens;
    std::shared_ptr<std::atomic<std::uint64_t>> calls;
    LongCounter* passed;

    void open(RuntimeContext& context) {
        ++*opens;
        passed = &context.counter(name);
    }
    std::int64_t operator()(std::int64_t i) {
        const std::uint64_t call = ++*calls;
        if (call == failsAt || (failsForEver && call > failsAt)) throw std::runtime_error(name + " fails");
        passed->add(1);
        return i;
    }
};

void build(StreamEnvironment& env, const Part& part, bool commits = true, double perSecond = 20'000) {
    const DataStream<std::int64_t> sums =
        env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, kNumbers,
                                           RateLimiterStrategy::perSecond(perSecond)),
                       WatermarkStrategy::noWatermarks(), part.name)
            .uid(part.name)
            .setParallelism(1)
            .map(Pass{part.name, part.failsAt, part.failsForEver, part.opens, part.calls, nullptr})
            .setParallelism(2)
            .keyBy([](std::int64_t i) { return i % 7; })
            .sum();
    if (commits) sums.keyBy([](std::int64_t i) { return i % 5; }).max().sinkTo(part.committed);
    sums.sinkTo(part.plain);
}
/// The last sum of each key, as all come to it.
std::int64_t total() {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < kNumbers; ++i) sum += i % 7 == 3 ? i : 0;
    return sum;
}

TEST_CASE("of two parts of a job only the one that has failed starts again", "[api][regions]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(40); ++seed) {
        CAPTURE(seed);
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(100us);
        StreamExecutionEnvironment env(runtime);
        env.setParallelism(2);
        Part good("good");
        Part bad("bad", 100 + 20 * seed);
        build(env, good);
        build(env, bad);
        CheckpointConfig config;
        config.interval = std::chrono::milliseconds(4 + seed % 9);
        config.restart = RestartStrategy::fixedDelay(1, std::chrono::milliseconds(seed % 4));
        env.enableCheckpointing(config);
        std::vector<std::string> warnings;
        setLogCallback([&](LogLevel level, std::string_view text) {
            if (level >= LogLevel::Warning) warnings.emplace_back(text);
        });
        const auto client = env.executeAsync("parts");
        while (!client->isDone() && client->step()) {
            CHECK((client->isDone() || client->status() == JobStatus::Running));
        }
        setLogCallback(nullptr);
        CHECK(client->result().status == JobStatus::Finished);
        CHECK(*good.opens == 2);
        CHECK(*bad.opens == 4);
        REQUIRE(warnings.size() == 1);
        CHECK_THAT(
            warnings.front(),
            ContainsSubstring("job 'parts': what begins with 'bad' (uid 'bad', subtask 0 of 1) starts again in ") &&
                ContainsSubstring("the rest goes on; after a failure: ") && ContainsSubstring("bad fails"));
        // each element once in what goes on, in both where it is committed
        CHECK(good.plain.size() == kNumbers);
        CHECK(*good.calls == kNumbers);
        CHECK(good.committed.committed().size() == kNumbers);
        CHECK(bad.committed.committed().size() == kNumbers);
        const auto bads = bad.plain.elements();
        CHECK(std::count(bads.begin(), bads.end(), total()) >= 1);
        CHECK(client->result().accumulator("good") == kNumbers);
        CHECK(client->result().accumulator("bad") <= kNumbers);
    }
}

TEST_CASE("checkpoints behind the restart of a part hold all parts", "[api][regions]") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        SimulatedRuntime runtime(seed);
        runtime.setStepDuration(100us);
        StreamExecutionEnvironment env(runtime);
        env.setParallelism(2);
        // each part fails, one behind the other or both at once; and then all of them, by a failure of a checkpoint
        Part first("first", 300 + 5 * seed);
        Part second("second", 300 + 5 * (seed * 7 % 30));
        build(env, first);
        build(env, second);
        CheckpointConfig config;
        config.interval = 5ms;
        config.restart = RestartStrategy::fixedDelay(2, 2ms);
        env.enableCheckpointing(config);
        setLogCallback([](LogLevel, std::string_view) {});
        const auto client = env.executeAsync("parts");
        CHECK(client->result().status == JobStatus::Finished);
        setLogCallback(nullptr);
        CHECK(*first.opens == 4);
        CHECK(*second.opens == 4);
        CHECK(first.committed.committed().size() == kNumbers);
        CHECK(second.committed.committed().size() == kNumbers);
        int completed = 0;
        for (const CheckpointStatistics& each : client->checkpoints())
            completed += each.status == CheckpointStatus::Completed;
        CHECK(completed > 3);
    }
}

TEST_CASE("a part that fails more often than its job may restart ends the job, with the cause", "[api][regions]") {
    SimulatedRuntime runtime(1);
    StreamExecutionEnvironment env(runtime);
    env.setParallelism(2);
    Part good("good");
    Part bad("bad", 100, true);
    build(env, good);
    build(env, bad);
    CheckpointConfig config;
    config.interval = 5ms;
    config.restart = RestartStrategy::fixedDelay(3, 1ms);
    env.enableCheckpointing(config);
    setLogCallback([](LogLevel, std::string_view) {});
    const auto client = env.executeAsync("parts");
    CHECK_THAT(messageOf([&] { client->result(); }),
               ContainsSubstring("job 'parts' failed") && ContainsSubstring("bad fails"));
    setLogCallback(nullptr);
    CHECK(client->status() == JobStatus::Failed);
    CHECK(*bad.opens == 8);
    CHECK(*good.opens == 2);
}

TEST_CASE("a job can be cancelled, stopped and rescaled while a part of it waits for its restart", "[api][regions]") {
    for (const int what : {0, 1, 2}) {
        for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(10); ++seed) {
            CAPTURE(what, seed);
            SimulatedRuntime runtime(seed);
            StreamExecutionEnvironment env(runtime);
            env.setParallelism(2);
            Part good("good");
            Part bad("bad", 300);
            build(env, good);
            build(env, bad);
            CheckpointConfig config;
            config.interval = 5ms;
            config.restart = RestartStrategy::fixedDelay(3, 20ms);
            env.enableCheckpointing(config);
            setLogCallback([](LogLevel, std::string_view) {});
            const auto client = env.executeAsync("parts");
            runtime.advance(20ms + std::chrono::milliseconds(seed));
            REQUIRE(*bad.calls > 299);
            REQUIRE(*bad.opens == 2);
            if (what == 0) {
                client->cancel();
                CHECK_THROWS_AS(client->result(), JobCancelledException);
            } else if (what == 1) {
                client->stop();
                CHECK(client->result().status == JobStatus::Finished);
                CHECK(*bad.opens == 4);
            } else {
                client->rescale("bad", 3);  // waits for it
                CHECK(*good.opens == 4);
                CHECK(client->result().status == JobStatus::Finished);
                CHECK(good.plain.size() == kNumbers);
                CHECK(good.committed.committed().size() == kNumbers);
                CHECK(bad.committed.committed().size() == kNumbers);
            }
            setLogCallback(nullptr);
        }
    }
}

TEST_CASE("the state of a part that has started again counts towards the limit of the job", "[api][regions]") {
    SimulatedRuntime runtime(3);
    runtime.setStepDuration(100us);
    StreamExecutionEnvironment env(runtime);
    env.setParallelism(2);
    Part good("good");
    Part bad("bad", 300);
    build(env, good);
    build(env, bad);
    env.enableCheckpointing({.interval = 5ms, .restart = RestartStrategy::fixedDelay(1, 1ms)});
    const auto client = env.executeAsync("parts");
    bool seen = false;
    while (!client->isDone() && client->step()) {
        std::uint64_t bytes = 0;
        for (const OperatorMetrics& row : client->metrics()) bytes += row.stateBytes;
        if (*bad.opens != 4 || client->isDone()) continue;  // it has not started again yet
        seen = seen || bytes > 0;
        REQUIRE(client->stateBytes() == bytes);
    }
    CHECK(seen);
    CHECK(client->result().status == JobStatus::Finished);
}

TEST_CASE("on threads a part of a job starts again while the others go on", "[api][regions][threads]") {
    StreamExecutionEnvironment env(ThreadPoolRuntime(2));
    env.setParallelism(2);
    Part good("good");
    Part bad("bad", 500);
    Part other("other", 800);
    for (const Part* part : {&good, &bad, &other}) build(env, *part, false, 10'000);
    CheckpointConfig config;
    config.interval = 3ms;
    config.restart = RestartStrategy::fixedDelay(2, 1ms);
    env.enableCheckpointing(config);
    setLogCallback([](LogLevel, std::string_view) {});
    const auto client = env.executeAsync("parts");
    std::thread watching([&] {
        while (!client->isDone()) {
            (void)client->metrics();
            (void)client->accumulators();
            (void)client->checkpoints();
            std::this_thread::yield();
        }
    });
    CHECK(client->result().status == JobStatus::Finished);
    watching.join();
    setLogCallback(nullptr);
    CHECK(*good.opens == 2);
    CHECK(*bad.opens == 4);
    CHECK(*other.opens == 4);
    CHECK(good.plain.size() == kNumbers);
    for (const Part* part : {&good, &bad, &other}) {
        const auto all = part->plain.elements();
        CHECK(std::count(all.begin(), all.end(), total()) >= 1);
    }
}

/// Two parts with the faults of a trial.
class TwoParts {
public:
    void build(StreamEnvironment& env) {
        for (int i = 0; i < 2; ++i) {
            testing::Script<std::int64_t> script;
            for (std::int64_t n = 0; n < 30; ++n) {
                script.element(n);
                if (n % 3 == 0) script.pause(std::chrono::milliseconds(1 + n % 5));
            }
            env.fromSource(testing::ScriptedSource<std::int64_t>(script), WatermarkStrategy::noWatermarks(),
                           "numbers " + std::to_string(i))
                .map([faults = faults_](std::int64_t n) mutable {
                    faults.pass(testing::FaultPoint::Read);
                    return n;
                })
                .keyBy([](std::int64_t n) { return n % 5; })
                .sum()
                .map([i](std::int64_t sum) { return 10'000 * i + sum; })
                .sinkTo(sink_);
        }
    }
    std::vector<std::int64_t> committed() const { return sorted(sink_.committed()); }
    void killed() { sink_.killed(); }
    testing::FaultInjector faults() const { return faults_; }

private:
    testing::FaultInjector faults_;
    testing::CommittedSink<std::int64_t> sink_{faults_};
};

TEST_CASE("a job of two parts is exactly once, whatever fails", "[api][regions]") {
    // under a sanitizer fewer than roundsToTry: these took half a minute
    const auto result =
        testing::verifyExactlyOnce([] { return TwoParts{}; }, {.runs = kSanitized ? 40 : 600, .seed = 50});
    CAPTURE(result.message());
    CHECK(result);
}

TEST_CASE("parts are what edges and alignment groups join", "[api][regions]") {
    detail::JobGraph graph;
    const auto add = [&](std::vector<int> inputs, std::string group = {}) {
        auto* const node = new detail::GraphNode;
        node->id = static_cast<int>(graph.nodes.size());
        for (const int from : inputs) node->inputs.emplace_back().from = from;
        node->alignment.group = std::move(group);
        graph.nodes.add(node);
    };
    add({});       // 0
    add({});       // 1
    add({0});      // 2
    add({1});      // 3
    add({}, "a");  // 4
    add({4});      // 5
    add({}, "b");  // 6
    add({}, "a");  // 7
    add({2, 7});   // 8 joins 0, 2 with 7, and by its group with 4 and 5
    add({3});      // 9
    const detail::List<int> regions = detail::regionsOf(graph);
    CHECK(std::vector(regions.begin(), regions.end()) == std::vector<int>{0, 1, 0, 1, 0, 0, 2, 0, 0, 1});
}

}  // namespace
