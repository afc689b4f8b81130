#include <millrace/testing/check_equivalent.hpp>

#include <millrace/millrace.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using testing::checkEquivalent;
using testing::Random;

namespace {

struct Click {
    std::string page;
    std::int64_t count = 0;
    Timestamp time;
    bool operator==(const Click&) const = default;
};

Click randomClick(Random& random) {
    return {random.oneOf({"/", "/about", "/news"}), random.between(1, 5), Timestamp(random.below(300) * 1s)};
}

const testing::Equivalence<Click> kHalfAMinute{.time = &Click::time, .outOfOrderness = 30s};

struct Count {
    std::string page;
    Timestamp minute;
    std::int64_t count = 0;
    bool operator==(const Count&) const = default;
};

struct Sum {
    std::int64_t createAccumulator() const { return 0; }
    void add(const Click& click, std::int64_t& sum) const { sum += click.count; }
    std::int64_t getResult(const std::int64_t& sum) const { return sum; }
};
DataStream<Count> perMinute(const DataStream<Click>& clicks) {
    return clicks.keyBy(&Click::page)
        .window(TumblingEventTimeWindows::of(1min))
        .aggregate(Sum{}, [](const std::string& page, const TimeWindow& window, std::int64_t sum) {
            return Count{page, window.start, sum};
        });
}

/// The same by hand: with keyed state, and timers at the ends of the minutes.
struct CountByHand {
    MapState<Timestamp, std::int64_t> sums;
    Duration early{0};

    void open(KeyedRuntimeContext& context) {
        sums = context.getMapState(MapStateDescriptor<Timestamp, std::int64_t>{"sums"});
    }
    void processElement(const Click& click, KeyedProcessContext<std::string>& context, Collector<Count>&) {
        const Timestamp minute = std::chrono::floor<std::chrono::minutes>(click.time);
        sums.mutate(minute, [&](std::int64_t& sum) { sum += click.count; });
        context.timerService().registerEventTimeTimer(minute + 1min - 1ns - early);
    }
    void onTimer(Timestamp time, OnTimerContext<std::string>& context, Collector<Count>& out) {
        const Timestamp minute = std::chrono::floor<std::chrono::minutes>(time);
        if (const std::int64_t* const sum = sums.get(minute)) out.collect({context.currentKey(), minute, *sum});
        sums.remove(minute);
    }
};
DataStream<Count> perMinuteByHand(const DataStream<Click>& clicks) {
    return clicks.keyBy(&Click::page).process(CountByHand{});
}

}  // namespace

TEST_CASE("two ways to count per minute are equivalent, in batch as well", "[testing]") {
    CHECK(checkEquivalent<Click>(perMinute, perMinuteByHand, randomClick, kHalfAMinute));
    auto how = kHalfAMinute;
    how.alsoInBatch = true;
    how.runs = 20;
    CHECK(checkEquivalent<Click>(perMinute, perMinuteByHand, randomClick, how));
}

TEST_CASE("a pipeline that depends on the order of arrival is found, with two events", "[testing]") {
    // sum keeps the members of the record that came first, whatever its time
    const auto first = [](DataStream<Click> clicks) {
        return clicks.keyBy(&Click::page).window(TumblingEventTimeWindows::of(1min)).sum(&Click::count);
    };
    const auto result = checkEquivalent<Click>(first, first, randomClick, kHalfAMinute);
    CAPTURE(result);
    CHECK_FALSE(result);
    CHECK(result.events() == 2);
    CHECK_THAT(result.message(), ContainsSubstring("the pipelines differ for 2 events (of ") &&
                                     ContainsSubstring("as they come to the first") &&
                                     ContainsSubstring("and to the second") &&
                                     ContainsSubstring("the first (parallelism 1) gives\n    {page: "));
    // the same seed, the same counterexample
    CHECK(checkEquivalent<Click>(first, first, randomClick, kHalfAMinute).message() == result.message());

    auto how = kHalfAMinute;
    how.sameArrival = true;
    how.mostSources = 1;
    CHECK(checkEquivalent<Click>(first, first, randomClick, how));
}

TEST_CASE("a difference in one record is found and shown with one event", "[testing]") {
    const auto but4 = [](const DataStream<Click>& clicks) {
        return perMinute(clicks.filter([](const Click& click) { return click.count != 4; }));
    };
    auto how = kHalfAMinute;
    how.seed = 7;
    const auto result = checkEquivalent<Click>(perMinute, but4, randomClick, how);
    CAPTURE(result);
    CHECK_FALSE(result);
    CHECK(result.events() == 1);
    const std::string& text = result.message();
    CHECK_THAT(text, ContainsSubstring("for 1 event (of ") && ContainsSubstring("the events, as they come to both:") &&
                         ContainsSubstring("count: 4, time: 1970-01-01T00:0") &&
                         ContainsSubstring("the second (parallelism 1) gives nothing"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 5);
}

TEST_CASE("a window that closes too early is found, with the watermark that it takes", "[testing]") {
    const auto tooEarly = [](const DataStream<Click>& clicks) {
        return clicks.keyBy(&Click::page).process(CountByHand{{}, 10s});
    };
    auto how = kHalfAMinute;
    how.runs = 300;
    const auto result = checkEquivalent<Click>(perMinute, tooEarly, randomClick, how);
    CAPTURE(result);
    CHECK_FALSE(result);
    // one click makes the timer, one the watermark, one comes between the timer's time and the end of the minute
    CHECK(result.events() == 3);
    CHECK_THAT(result.message(), ContainsSubstring("then a watermark"));
}

TEST_CASE("records without times may come in any order", "[testing]") {
    const auto number = [](Random& random) { return random.below(5); };
    const auto distinct = [](DataStream<std::int64_t> numbers) { return numbers.distinct(); };
    CHECK(checkEquivalent<std::int64_t>(distinct, distinct, number));
    const auto byHand = [](const DataStream<std::int64_t>& numbers) {
        return numbers.keyBy([](std::int64_t n) { return n; }).countWindow(1).reduce([](std::int64_t a, std::int64_t) {
            return a;
        });
    };
    const auto result = checkEquivalent<std::int64_t>(distinct, byHand, number);
    CHECK_FALSE(result);
    CHECK(result.events() == 2);  // the same number twice
    // only the order of results differs
    const auto sort = [](DataStream<std::int64_t> numbers) { return numbers.global().sortPartition(); };
    const auto same = [](DataStream<std::int64_t> numbers) { return numbers.map([](std::int64_t n) { return n; }); };
    CHECK(checkEquivalent<std::int64_t>(sort, same, number));
    const auto ordered = checkEquivalent<std::int64_t>(sort, same, number, {.mostParallelism = 1, .ordered = true});
    CHECK_FALSE(ordered);
    CHECK(ordered.events() == 2);
}

TEST_CASE("late events within the allowed lateness: only the last result of a window counts", "[testing]") {
    const auto pipeline = [](const DataStream<Click>& clicks) -> DataStream<Count> {
        return clicks.keyBy(&Click::page)
            .window(TumblingEventTimeWindows::of(1min))
            .allowedLateness(1min)
            .aggregate(Sum{}, [](const std::string& page, const TimeWindow& window, std::int64_t sum) {
                return Count{page, window.start, sum};
            });
    };
    const auto last = [](const std::vector<Count>& counts) {
        std::map<std::pair<std::string, Timestamp>, std::int64_t> byWindow;
        for (const Count& count : counts) {
            auto& most = byWindow[{count.page, count.minute}];
            most = std::max(most, count.count);  // counts only grow
        }
        std::vector<Count> latest;
        for (const auto& [window, sum] : byWindow) latest.push_back({window.first, window.second, sum});
        return latest;
    };
    auto how = kHalfAMinute;
    how.allowedLateness = 1min;
    CHECK(checkEquivalent<Click>(pipeline, pipeline, randomClick, how, last));
    CHECK_FALSE(checkEquivalent<Click>(pipeline, pipeline, randomClick, how));  // updates come or do not
}

TEST_CASE("a pipeline that throws, and pipelines without results, are not equivalent", "[testing]") {
    const auto throws = [](const DataStream<Click>& clicks) {
        return clicks.map([](const Click& click) {
            if (click.page == "/news") throw std::runtime_error("no news");
            return click;
        });
    };
    const auto result = checkEquivalent<Click>(throws, throws, randomClick);
    CHECK_FALSE(result);
    CHECK(result.events() == 1);
    CHECK_THAT(result.message(), ContainsSubstring("gives fails: ") && ContainsSubstring("no news"));

    const auto nothing = [](const DataStream<Click>& clicks) {
        return clicks.filter([](const Click&) { return false; });
    };
    CHECK_THAT(checkEquivalent<Click>(nothing, nothing, randomClick).message(),
               ContainsSubstring("have given no result in any of 50 runs"));
}

TEST_CASE("a generator may make all events of a run at once", "[testing]") {
    const auto pairs = [](Random& random) {
        std::vector<Click> clicks;
        for (std::int64_t n = random.below(10); n > 0; --n) clicks.insert(clicks.end(), 2, randomClick(random));
        return clicks;
    };
    CHECK(checkEquivalent<Click>(perMinute, perMinuteByHand, pairs, kHalfAMinute));
}

TEST_CASE("arrivals keep to their limits", "[testing]") {
    const std::uint64_t seed = GENERATE(range(1, 40));
    CAPTURE(seed);
    Random random(seed);
    std::vector<Timestamp> times;
    for (int i = 0; i < 50; ++i) times.push_back(Timestamp(Duration(random.below(100))));
    const detail::ArrivalLimits limits{Duration{20}, 3, 4, false};
    const detail::Arrival arrival = detail::drawArrival(random, times.size(), times, limits);
    CHECK(arrival.parallelism >= 1);
    CHECK(arrival.parallelism <= 4);
    CHECK(arrival.sources() <= 3);
    std::set<std::size_t> events;
    Timestamp largest = kMinTimestamp;
    for (const auto& step : arrival.steps) {
        events.insert(step.event);
        if (largest != kMinTimestamp) CHECK(times[step.event] >= largest - Duration{20});
        largest = std::max(largest, times[step.event]);
    }
    CHECK(events.size() == 50);
}

TEST_CASE("a counterexample becomes as small as what makes it one", "[testing]") {
    Random random(3);
    const detail::ArrivalLimits limits{Duration{0}, 3, 4, true};
    detail::ArrivalPair pair{detail::drawArrival(random, 60, {}, limits), detail::drawArrival(random, 60, {}, limits)};
    int asked = 0;
    const auto placeOf = [](const detail::Arrival& arrival, std::size_t event) {
        for (std::size_t i = 0; i < arrival.steps.size(); ++i) {
            if (arrival.steps[i].event == event) return static_cast<int>(i);
        }
        return -1;
    };
    // what only the second arrival decides: two of sixty events, in an order
    const int sign = placeOf(pair.second, 17) < placeOf(pair.second, 42) ? 1 : -1;
    detail::shrinkArrivals(pair, {}, 1000, [&](const detail::ArrivalPair& candidate) {
        ++asked;
        const int a = placeOf(candidate.second, 17);
        const int b = placeOf(candidate.second, 42);
        return a >= 0 && b >= 0 && (b - a) * sign > 0;
    });
    CHECK(asked < 200);
    REQUIRE(pair.first.steps.size() == 2);
    REQUIRE(pair.second.steps.size() == 2);
    for (const detail::Arrival* arrival : {&pair.first, &pair.second}) {
        CHECK(arrival->parallelism == 1);
        CHECK(arrival->sources() == 1);
        CHECK_FALSE(arrival->batch);
    }
    CHECK(placeOf(pair.second, 17) + placeOf(pair.second, 42) == 1);
}
