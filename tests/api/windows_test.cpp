#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <millrace/testing/operator_harness.hpp>
#include <millrace/testing/scripted_source.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Visit {
    std::string user;
    std::int64_t pages = 0;
    Timestamp time;
    auto operator<=>(const Visit&) const = default;
};

Timestamp afterSeconds(std::int64_t s) {
    return Timestamp(std::chrono::seconds(s));
}
std::int64_t secondsOf(Timestamp t) {
    return t.time_since_epoch() / 1s;
}

std::vector<Visit> manyVisits() {
    std::vector<Visit> visits;
    for (std::int64_t i = 0; i < 2000; ++i) {
        const auto n = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15u >> 40;
        visits.push_back({"user " + std::to_string(n % 23), static_cast<std::int64_t>(n % 7),
                          afterSeconds(i - static_cast<std::int64_t>(n % 11))});
    }
    return visits;
}

DataStream<Visit> visits(StreamEnvironment& env, std::vector<Visit> all = manyVisits()) {
    return env.fromCollection(std::move(all))
        .assignTimestampsAndWatermarks(
            WatermarkStrategy::forBoundedOutOfOrderness(11s).withTimestampAssigner(&Visit::time));
}

using Session = std::tuple<std::string, std::int64_t, std::int64_t, std::size_t>;
const auto describeSession = [](const std::string& user, const TimeWindow& window, std::span<const Visit> all) {
    return Session{user, secondsOf(window.start), secondsOf(window.end), all.size()};
};

std::vector<Session> expectedSessions(std::int64_t gap) {
    auto all = manyVisits();
    std::sort(all.begin(), all.end(),
              [](const Visit& a, const Visit& b) { return std::tie(a.user, a.time) < std::tie(b.user, b.time); });
    std::vector<Session> sessions;
    for (const Visit& visit : all) {
        const std::int64_t t = secondsOf(visit.time);
        if (!sessions.empty() && std::get<0>(sessions.back()) == visit.user && t <= std::get<2>(sessions.back())) {
            std::get<2>(sessions.back()) = t + gap;
            ++std::get<3>(sessions.back());
        } else {
            sessions.emplace_back(visit.user, t, t + gap, 1);
        }
    }
    return sorted(sessions);
}

}  // namespace

TEST_CASE("sessions are the same on every runtime and at every parallelism", "[api][windowing][threads]") {
    const auto expected = expectedSessions(40);
    CHECK(expected.size() > 100);
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        for (const int parallelism : {1, 4}) {
            CAPTURE(runtime, parallelism);
            env.setParallelism(parallelism);
            const auto sessions = visits(env)
                                      .rebalance()
                                      .keyBy(&Visit::user)
                                      .window(EventTimeSessionWindows::withGap(40s))
                                      .process(describeSession)
                                      .executeAndCollect();
            CHECK(sorted(sessions) == expected);
        }
    });
}

TEST_CASE("count windows hold n elements, or the last n", "[api][windowing][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        std::vector<Visit> seven;
        for (std::int64_t i = 1; i <= 7; ++i) seven.push_back({"a", i, afterSeconds(i)});
        const auto keyed = env.fromCollection(seven).keyBy(&Visit::user);
        const auto sums = [](const std::string&, const GlobalWindow&, std::span<const Visit> all) {
            std::int64_t sum = 0;
            for (const Visit& visit : all) sum += visit.pages;
            return sum;
        };
        CHECK(keyed.countWindow(3).process(sums).executeAndCollect() == std::vector<std::int64_t>{6, 15});
        CHECK(env.fromCollection(seven).keyBy(&Visit::user).countWindow(3, 1).process(sums).executeAndCollect() ==
              std::vector<std::int64_t>{1, 3, 6, 9, 12, 15, 18});
        CHECK(env.fromCollection(seven)
                  .countWindowAll(2)
                  .sum(&Visit::pages)
                  .map([](const Visit& visit) { return visit.pages; })
                  .executeAndCollect() == std::vector<std::int64_t>{3, 7, 11});
    });
}

TEST_CASE("windows over a whole stream run in one subtask and know no key", "[api][windowing][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(3);
        using Count = std::pair<std::int64_t, std::size_t>;
        const auto counts =
            visits(env)
                .rebalance()
                .windowAll(TumblingEventTimeWindows::of(1000s))
                .process([](const TimeWindow& window, std::span<const Visit> all, Collector<Count>& out) {
                    out.collect({secondsOf(window.start), all.size()});
                })
                .executeAndCollect();
        std::vector<Count> expected{{-1000, 0}, {0, 0}, {1000, 0}};
        for (const Visit& visit : manyVisits()) {
            ++expected[static_cast<std::size_t>(std::max<std::int64_t>(secondsOf(visit.time) + 1000, 0) / 1000)].second;
        }
        if (expected.front().second == 0) expected.erase(expected.begin());
        CHECK(counts == expected);
    });
    StreamExecutionEnvironment env;
    CHECK_THAT(messageOf([&] {
                   visits(env).windowAll(TumblingEventTimeWindows::of(1s)).sum(&Visit::pages).setParallelism(2);
               }),
               ContainsSubstring("always runs at parallelism 1"));
}

TEST_CASE("triggers, evictors and ways to emit are options of a windowed stream", "[api][windowing]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    const std::vector<Visit> few{{"a", 1, afterSeconds(1)},  {"a", 2, afterSeconds(25)},  {"a", 4, afterSeconds(2)},
                                 {"a", 8, afterSeconds(12)}, {"a", 16, afterSeconds(40)}, {"a", 32, afterSeconds(3)}};
    const auto pages = [](const Visit& visit) { return visit.pages; };
    const auto windows = [&] {
        return env.fromCollection(few)
            .assignTimestampsAndWatermarks(
                WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Visit::time))
            .keyBy(&Visit::user)
            .window(TumblingEventTimeWindows::of(20s))
            .allowedLateness(1h);
    };
    using Pages = std::vector<std::int64_t>;
    CHECK(sorted(windows().emitFinal().sum(&Visit::pages).map(pages).executeAndCollect()) == Pages{2, 16, 45});
    const auto all = windows().sum(&Visit::pages).map(pages).executeAndCollect();
    const auto explicitly =
        windows().trigger(EventTimeTrigger::create()).sum(&Visit::pages).map(pages).executeAndCollect();
    CHECK(sorted(all) == sorted(explicitly));
    CHECK(sorted(all) == Pages{2, 16, 45});
    const auto counted = windows()
                             .trigger(CountTrigger::of(2))
                             .evictor(CountEvictor::of(1))
                             .sum(&Visit::pages)
                             .map(pages)
                             .executeAndCollect();
    CHECK(sorted(counted) == Pages{4, 32});
    // all records come in one block, and one watermark behind it passes two of the windows
    CHECK(sorted(windows().emitEvery(5s).sum(&Visit::pages).map(pages).executeAndCollect()) == Pages{2, 16, 45});
    CHECK(sorted(windows().emitOnWallClock(1ms).sum(&Visit::pages).map(pages).executeAndCollect()) == Pages{2, 16, 45});
    CHECK_THROWS_AS(windows().emitOnWallClock(0ms), ConfigurationException);
    CHECK_THROWS_AS(windows().allowedLateness(-1s), ConfigurationException);
}

TEST_CASE("final results of windows are in time for windows that follow, wherever a restore is in between",
          "[api][windowing]") {
    using testing::at;
    using testing::element;
    using testing::trace;
    using testing::watermark;
    const auto pipeline = [](const DataStream<Visit>& all) {
        return all.keyBy(&Visit::user)
            .window(TumblingEventTimeWindows::of(10ns))
            .allowedLateness(5ns)
            .emitFinal()
            .sum(&Visit::pages)
            .keyBy(&Visit::user)
            .window(TumblingEventTimeWindows::of(10ns))
            .sum(&Visit::pages);
    };
    const auto steps = [](auto& harness, const auto& between) {
        std::int64_t reached = 0;
        const auto event = [&](std::int64_t pages, std::int64_t time) {
            between(reached);
            harness.processElement({"a", pages, {}}, at(time));
        };
        const auto advance = [&](std::int64_t time) {
            between(reached);
            harness.processWatermark(at(time));
            reached = time;
        };
        advance(0);
        event(1, 1);
        advance(9);
        event(2, 3);  // late, but within the lateness
        event(4, 12);
        advance(13);
        advance(14);
        event(8, 19);
        advance(25);
        harness.processWatermark(kMaxTimestamp);
    };
    auto whole = testing::harnessFor<Visit>(pipeline);
    steps(whole, [](std::int64_t) {});
    CHECK(whole.output() == trace(watermark(at(-5)), watermark(at(4)), watermark(at(8)),
                                  element(Visit{"a", 3, {}}, at(9)), watermark(at(9)),
                                  element(Visit{"a", 12, {}}, at(19)), watermark(at(20)), watermark(kMaxTimestamp)));
    CHECK(whole.lateRecordsDropped() == 0);

    for (int cut = 0; cut < 9; ++cut) {
        CAPTURE(cut);
        auto harness = testing::harnessFor<Visit>(pipeline);
        int step = 0;
        steps(harness, [&](std::int64_t reached) {
            if (step++ != cut) return;
            harness.restoreFromOwnSnapshot();
            harness.processWatermark(at(reached));  // as restored sources do
        });
        auto output = harness.takeOutput();
        output.erase(std::remove_if(output.begin(), output.end(),
                                    [](const auto& item) { return item.kind != testing::TraceKind::Element; }),
                     output.end());
        CHECK(output == trace(element(Visit{"a", 3, {}}, at(9)), element(Visit{"a", 12, {}}, at(19))));
        CHECK(harness.lateRecordsDropped() == 0);
    }
}

TEST_CASE("a job's final results go into windows that follow", "[api][windowing][threads]") {
    using Sum = std::pair<std::int64_t, std::int64_t>;
    const auto sums = [](bool final, StreamEnvironment& env) {
        const auto minutes =
            visits(env).keyBy(&Visit::user).window(TumblingEventTimeWindows::of(60s)).allowedLateness(30s);
        const auto add = [](const TimeWindow& window, std::span<const Visit> all) {
            std::int64_t sum = 0;
            for (const Visit& visit : all) sum += visit.pages;
            return Sum{secondsOf(window.start), sum};
        };
        const auto following = [&add](const DataStream<Visit>& results) {
            return sorted(results.windowAll(TumblingEventTimeWindows::of(60s)).process(add).executeAndCollect());
        };
        return final ? following(minutes.emitFinal().sum(&Visit::pages)) : following(minutes.sum(&Visit::pages));
    };
    StreamExecutionEnvironment one{SimulatedRuntime(1)};
    const std::vector<Sum> expected = sums(false, one);  // no record is late
    CHECK(expected.size() > 30);
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(2);
        CHECK(sums(true, env) == expected);
    });
}

TEST_CASE("processing-time windows need no watermarks; event-time sessions do", "[api][windowing]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    env.fromCollection(manyVisits())
        .keyBy(&Visit::user)
        .window(TumblingProcessingTimeWindows::of(1s))
        .sum(&Visit::pages)
        .addSink([](const Visit&) {});
    env.execute();
    env.fromCollection(manyVisits())
        .keyBy(&Visit::user)
        .window(EventTimeSessionWindows::withGap(1s))
        .sum(&Visit::pages)
        .addSink([](const Visit&) {});
    CHECK_THAT(messageOf([&] { env.execute(); }),
               ContainsSubstring("session window sum") && ContainsSubstring("it would never fire"));
}

TEST_CASE("a processing-time window takes all that comes in its last tick, and fires once", "[api][windowing]") {
    // it fired for each block that came in this tick, with what this block had brought
    const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U, 5U);
    CAPTURE(seed);
    StreamExecutionEnvironment env{SimulatedRuntime(seed, Timestamp{9ns})};
    env.setBufferTimeout(0ms);  // a block at a time comes to the window
    testing::Script<Visit> script;
    for (int i = 0; i < 20; ++i) script.element({"a", 1, {}}).endBlock();
    script.pause(1s).element({"a", 7, {}}).pause(1s);
    const auto pages = env.fromSource(testing::ScriptedSource<Visit>(script), WatermarkStrategy::noWatermarks(), "in")
                           .keyBy(&Visit::user)
                           .window(TumblingProcessingTimeWindows::of(10ns))
                           .sum(&Visit::pages)
                           .map([](const Visit& visit) { return visit.pages; })
                           .executeAndCollect();
    CHECK(pages == std::vector<std::int64_t>{20, 7});
}

TEST_CASE("results of processing-time windows carry the last timestamp of their window", "[api][windowing]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    const auto pages = env.fromCollection(std::vector<Visit>{{"a", 1, {}}, {"a", 2, {}}, {"b", 4, {}}})
                           .countWindowAll(3)
                           .process([](WindowContextOf<GlobalWindow>& context, std::span<const Visit> all) {
                               return std::pair(all.size(), context.window().maxTimestamp() == kMaxTimestamp);
                           })
                           .executeAndCollect();
    CHECK(pages == std::vector<std::pair<std::size_t, bool>>{{3, true}});
}
