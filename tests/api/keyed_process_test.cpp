#include <millrace/millrace.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <map>
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
    Timestamp time;
    int pages = 0;
};
struct Stay {
    std::string user;
    std::int64_t visits;
    std::int64_t pages;
    bool operator==(const Stay&) const = default;
    auto operator<=>(const Stay&) const = default;
};

/// Reports a user who has not come for ten minutes.
struct Absences {
    ValueState<Timestamp> last;
    ReducingState<std::int64_t, std::plus<>> pages;
    ListState<int> visits;

    void open(KeyedRuntimeContext& context) {
        last = context.getState(ValueStateDescriptor<Timestamp>{"last"});
        pages = context.getReducingState(ReducingStateDescriptor<std::int64_t, std::plus<>>{"pages"});
        visits = context.getListState(ListStateDescriptor<int>{"visits"});
    }
    void processElement(const Visit& visit, KeyedProcessContext<std::string>& context, Collector<Stay>& out) {
        if (const Timestamp* const before = last.value()) {
            context.timerService().deleteEventTimeTimer(*before + 10min);
            if (visit.time > *before + 10min) leave(context.currentKey(), out);  // the watermark is not that far yet
        }
        last.update(visit.time);
        pages.add(visit.pages);
        visits.add(visit.pages);
        context.timerService().registerEventTimeTimer(visit.time + 10min);
    }
    void onTimer(Timestamp, OnTimerContext<std::string>& context, Collector<Stay>& out) {
        leave(context.currentKey(), out);
    }

private:
    void leave(const std::string& user, Collector<Stay>& out) {
        out.collect(Stay{user, static_cast<std::int64_t>(visits.get().size()), *pages.get()});
        last.clear();
        pages.clear();
        visits.clear();
    }
};

std::vector<Visit> manyVisits() {
    std::vector<Visit> visits;
    for (int i = 0; i < 2000; ++i) {
        const auto minute = i / 10;
        visits.push_back({"user " + std::to_string((i * 7919 ^ i * i) % 83), Timestamp(1min * minute), i % 5});
    }
    return visits;
}
std::vector<Stay> expectedStays(const std::vector<Visit>& visits) {
    struct Open {
        Timestamp last;
        Stay stay;
    };
    std::map<std::string, Open> open;
    std::vector<Stay> stays;
    for (const Visit& visit : visits) {
        const auto [at, isNew] = open.try_emplace(visit.user, Open{visit.time, Stay{visit.user, 0, 0}});
        if (!isNew && visit.time > at->second.last + 10min) {
            stays.push_back(at->second.stay);
            at->second.stay = Stay{visit.user, 0, 0};
        }
        at->second.last = visit.time;
        at->second.stay.visits += 1;
        at->second.stay.pages += visit.pages;
    }
    for (const auto& [user, one] : open) stays.push_back(one.stay);
    return sorted(stays);
}

}  // namespace

TEST_CASE("a keyed process function with state and timers gives the same on every runtime", "[api][threads]") {
    const std::vector<Visit> visits = manyVisits();
    const std::vector<Stay> expected = expectedStays(visits);
    REQUIRE(expected.size() > 90);
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(2);
        auto stays = env.fromCollection(visits)
                         .assignTimestampsAndWatermarks(
                             WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Visit::time))
                         .keyBy(&Visit::user)
                         .process(Absences{})
                         .uid("absences")
                         .executeAndCollect();
        CHECK(sorted(stays) == expected);
    });
}

TEST_CASE("what an event timer emits has the timer's timestamp, so windows behind it work", "[api][threads]") {
    struct Later {
        void processElement(int value, KeyedProcessContext<int>& context, Collector<int>&) {
            context.timerService().registerEventTimeTimer(Timestamp(1s * value));
        }
        void onTimer(Timestamp time, OnTimerContext<int>&, Collector<int>& out) {
            out.collect(static_cast<int>(time.time_since_epoch() / 1s));
        }
    };
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        auto sums =
            env.fromData({1, 2, 12, 3, 25})
                .assignTimestampsAndWatermarks(
                    WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner([](int) { return Timestamp{}; }))
                .keyBy([](int value) { return value % 2; })
                .process(Later{})
                .keyBy([](int) { return 0; })
                .window(TumblingEventTimeWindows::of(10s))
                .reduce([](int a, int b) { return a + b; })
                .executeAndCollect();
        CHECK(sums == std::vector<int>{6, 12, 25});
    });
}

TEST_CASE("what a processing timer emits has no timestamp, which an event-time window says", "[api]") {
    struct Soon {
        void processElement(int, KeyedProcessContext<int>& context, Collector<int>&) {
            context.timerService().registerProcessingTimeTimer(context.timerService().currentProcessingTime() + 1ms);
        }
        void onTimer(Timestamp, OnTimerContext<int>& context, Collector<int>& out) {
            CHECK_FALSE(context.timestamp().has_value());
            CHECK(context.timeDomain() == TimeDomain::ProcessingTime);
            out.collect(context.currentKey());
        }
    };
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<int>(i); }, 100,
                                       RateLimiterStrategy::perSecond(100)),
                   WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner([](int) { return Timestamp{}; }))
        .keyBy([](int value) { return value % 3; })
        .process(Soon{})
        .keyBy([](int) { return 0; })
        .window(TumblingEventTimeWindows::of(10s))
        .reduce([](int a, int b) { return a + b; })
        .addSink([](int) {});
    CHECK_THAT(messageOf([&] { env.execute(); }),
               ContainsSubstring("a record has no timestamp, but event-time windows need one"));
}

TEST_CASE("lambdas may be keyed process functions, and functions without keys work on keyed streams", "[api]") {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    const auto numbers = env.fromData({1, 2, 3, 4}).keyBy([](int value) { return value % 2; });
    auto keyed = numbers
                     .process([](int value, KeyedProcessContext<int>& context, Collector<std::string>& out) {
                         out.collect(std::to_string(value) + " of " + std::to_string(context.currentKey()));
                     })
                     .executeAndCollect();
    CHECK(sorted(keyed) == std::vector<std::string>{"1 of 1", "2 of 0", "3 of 1", "4 of 0"});

    StreamExecutionEnvironment other{SimulatedRuntime(1)};
    auto plain = other.fromData({1, 2, 3, 4})
                     .keyBy([](int value) { return value % 2; })
                     .process([](int value, ProcessContext& context, Collector<int>& out) {
                         if (!context.timestamp()) out.collect(10 * value);
                     })
                     .executeAndCollect();
    CHECK(sorted(plain) == std::vector<int>{10, 20, 30, 40});

    StreamExecutionEnvironment generic{SimulatedRuntime(1)};
    auto fired = generic.fromData({1, 2, 3, 4})
                     .keyBy([](int value) { return value % 2; })
                     .process<int>([](int value, auto& context, auto& out) {
                         context.timerService().registerEventTimeTimer(Timestamp{});
                         out.collect(10 * value + context.currentKey());
                     })
                     .executeAndCollect();
    CHECK(sorted(fired) == std::vector<int>{11, 20, 31, 40});
}

TEST_CASE("a function that opens with a KeyedRuntimeContext is keyed, even if it takes a plain ProcessContext",
          "[api]") {
    struct Numbering {
        ValueState<int> count;
        void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<int>{"count"}); }
        void processElement(int value, ProcessContext&, Collector<std::pair<int, int>>& out) {
            count.mutate([](int& n) { ++n; });
            out.collect(std::pair(value, *count.value()));
        }
    };
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    auto numbered =
        env.fromData({5, 6, 5, 5}).keyBy([](int value) { return value; }).process(Numbering{}).executeAndCollect();
    CHECK(sorted(numbered) == std::vector<std::pair<int, int>>{{5, 1}, {5, 2}, {5, 3}, {6, 1}});
}
