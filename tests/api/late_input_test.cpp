#include "api/random_pipeline.hpp"
#include "api/window_model.hpp"

#include <millrace/testing/operator_harness.hpp>
#include <millrace/testing/scripted_source.hpp>

#include <map>
#include <set>
#include <span>

// Input that comes late, in an order that is known: every implementation against Flink's rules, written naively.

namespace millrace::testsupport {

std::ostream& operator<<(std::ostream& out, const TimedRow& each) {
    return out << each.row.key << ":" << each.row.value << "@" << each.time;
}

}  // namespace millrace::testsupport

using namespace millrace;
using namespace millrace::testsupport;

namespace {

/// A record or a watermark, of one of two inputs.
struct Event {
    bool isWatermark;
    int input;
    TimedRow record;
};
using Events = std::vector<Event>;

Events randomEvents(std::uint64_t seed, int count, std::int64_t disorder, int keys) {
    Draw draw(seed);
    Events events;
    std::int64_t now = -50;
    std::int64_t watermarks[] = {INT64_MIN, INT64_MIN};
    for (int i = 0; i < count; ++i) {
        const int input = static_cast<int>(draw.below(2));
        now += draw.below(3);
        if (draw.oneIn(100)) now += draw.below(300);
        if (draw.oneIn(6)) {
            std::int64_t& mine = watermarks[input];
            mine = std::max(mine, now - draw.below(disorder));
            events.push_back({true, input, {{}, mine}});
        } else {
            events.push_back(
                {false,
                 input,
                 {{static_cast<std::int32_t>(draw.below(keys)), draw.below(100)}, now - draw.below(disorder)}});
        }
    }
    return events;
}

struct Outcome {
    Rows results;
    Rows late;
    bool operator==(const Outcome&) const = default;
    void sort() {
        std::sort(results.begin(), results.end());
        std::sort(late.begin(), late.end());
    }
    std::string text() const { return textOf(results, 200) + "; late " + textOf(late, 200); }
};

// ---- one input ----

using WindowsOf = std::function<std::vector<Bounds>(std::int64_t)>;

Outcome windowModel(const Events& events, const WindowsOf& windowsOf, std::int64_t lateness, bool withMax) {
    Outcome outcome;
    std::map<std::pair<std::int32_t, Bounds>, Totals> windows;
    std::set<std::pair<std::int32_t, Bounds>> pending;
    std::int64_t watermark = INT64_MIN;
    const auto fire = [&](const auto& window) {
        Totals totals = windows.at(window);
        if (!withMax) totals.max = 0;
        outcome.results.push_back({{window.first, mixed(totals)}, window.second.second - 1});
    };
    const auto advance = [&](std::int64_t to) {
        watermark = std::max(watermark, to);
        for (auto it = pending.begin(); it != pending.end();) {
            if (it->second.second - 1 <= watermark) {
                fire(*it);
                it = pending.erase(it);
            } else {
                ++it;
            }
        }
        std::erase_if(windows, [&](const auto& each) { return each.first.second.second - 1 + lateness <= watermark; });
    };
    for (const Event& event : events) {
        const auto& [row, time] = event.record;
        if (event.isWatermark) {
            advance(time);
            continue;
        }
        bool skipped = true;
        for (const Bounds& bounds : windowsOf(time)) {
            const std::int64_t last = bounds.second - 1;
            if (last + lateness <= watermark) continue;
            skipped = false;
            Total{}.add(row, windows[{row.key, bounds}]);
            if (last <= watermark) {
                fire(std::pair{row.key, bounds});
            } else {
                pending.insert({row.key, bounds});
            }
        }
        if (skipped && time + lateness <= watermark) outcome.late.push_back(event.record);
    }
    advance(INT64_MAX);
    return outcome;
}

Outcome sessionModel(const Events& events, std::int64_t gap, std::int64_t lateness) {
    struct Session {
        Bounds bounds;
        Totals totals;
        bool pending;
    };
    Outcome outcome;
    std::map<std::int32_t, std::vector<Session>> sessions;
    std::int64_t watermark = INT64_MIN;
    const auto advance = [&](std::int64_t to) {
        watermark = std::max(watermark, to);
        for (auto& [key, all] : sessions) {
            for (Session& session : all) {
                if (!session.pending || session.bounds.second - 1 > watermark) continue;
                session.pending = false;
                outcome.results.push_back({{key, mixed(session.totals)}, session.bounds.second - 1});
            }
            std::erase_if(all, [&](const Session& s) { return s.bounds.second - 1 + lateness <= watermark; });
        }
    };
    for (const Event& event : events) {
        const Row row = event.record.row;
        const std::int64_t time = event.record.time;
        if (event.isWatermark) {
            advance(time);
            continue;
        }
        Session merged{{time, time + gap}, {}, false};
        Total{}.add(row, merged.totals);
        auto& all = sessions[row.key];
        bool alone = true;
        std::erase_if(all, [&](const Session& other) {
            if (other.bounds.first > time + gap || other.bounds.second < time) return false;
            merged.bounds = {std::min(merged.bounds.first, other.bounds.first),
                             std::max(merged.bounds.second, other.bounds.second)};
            MergingTotal{}.merge(merged.totals, other.totals);
            alone = false;
            return true;
        });
        if (alone && merged.bounds.second - 1 + lateness <= watermark) {
            if (time + lateness <= watermark) outcome.late.push_back(event.record);
            continue;
        }
        merged.pending = merged.bounds.second - 1 > watermark;
        if (!merged.pending) outcome.results.push_back({{row.key, mixed(merged.totals)}, merged.bounds.second - 1});
        all.push_back(merged);
    }
    advance(INT64_MAX);
    return outcome;
}

const OutputTag<Row> kLate("late");

template <class Assigner, class Aggregate>
Outcome runWindows(const Events& events, const Assigner& assigner, const Aggregate& aggregate, std::int64_t lateness,
                   const Manner& manner) {
    testing::Script<Row> script;
    for (const Event& event : events) {
        if (event.isWatermark) {
            script.watermark(Timestamp{Duration{event.record.time}});
        } else {
            script.element(event.record.row, Timestamp{Duration{event.record.time}});
        }
    }
    testing::CollectSink<Row> results;
    testing::CollectSink<Row> late;
    const auto run = [&](StreamEnvironment& env) {
        env.setParallelism(manner.parallelism);
        env.setBufferTimeout(manner.bufferTimeout);
        env.setChannelMemory(manner.channelMemory);
        if (!manner.chaining) env.disableOperatorChaining();
        const RowStream windows =
            env.fromSource(testing::ScriptedSource<Row>(script), WatermarkStrategy::noWatermarks(), "script")
                .filter([](const Row& row) { return row.value >= 0; })
                .keyBy(&Row::key)
                .window(assigner)
                .allowedLateness(Duration{lateness})
                .sideOutputLateData(kLate)
                .aggregate(aggregate, toRow);
        windows.sinkTo(results);
        windows.getSideOutput(kLate).sinkTo(late);
        env.execute();
    };
    if (manner.runtime == Manner::Runtime::Threads) {
        StreamExecutionEnvironment env(ThreadPoolRuntime(2));
        run(env);
    } else if (manner.runtime == Manner::Runtime::Simulation) {
        StreamExecutionEnvironment env{SimulatedRuntime(manner.seed)};
        run(env);
    } else {
        StreamExecutionEnvironment env{CallerRuntime()};
        run(env);
    }
    return {random_pipeline::rowsOf(results), random_pipeline::rowsOf(late)};
}

/// Compares in several manners; on failure halves the input as long as it still fails.
void compare(Events events, std::uint64_t seed, const std::string& name,
             const std::function<Outcome(const Events&)>& model,
             const std::function<Outcome(const Events&, const Manner&)>& run) {
    for (std::uint64_t i = 0; i < 4; ++i) {
        const Manner manner = Manner::drawn(seed * 10 + i, false);
        const auto differs = [&](const Events& some) {
            Outcome expected = model(some);
            expected.sort();
            return run(some, manner) != expected;
        };
        if (!differs(events)) continue;
        for (bool smaller = true; smaller && events.size() > 1;) {
            smaller = false;
            const auto middle = events.begin() + static_cast<std::ptrdiff_t>(events.size() / 2);
            for (const Events& half : {Events(events.begin(), middle), Events(middle, events.end())}) {
                if (!differs(half)) continue;
                events = half;
                smaller = true;
                break;
            }
        }
        std::string script;
        for (const Event& event : events) {
            script += event.isWatermark ? " watermark " + std::to_string(event.record.time)
                                        : " " + textOf({event.record}).substr(7);
        }
        Outcome expected = model(events);
        expected.sort();
        FAIL(name << ", seed " << seed << ", " << manner.text() << ":" << script << "\nexpected " << expected.text()
                  << "\ngot      " << run(events, manner).text());
    }
    SUCCEED();
}

/// The same windows without what lets them be kept by window: for the general operator.
struct ByKey {
    using Window = TimeWindow;
    static constexpr bool kEventTime = true;
    static constexpr bool kMerging = false;
    SlidingEventTimeWindows assigner;
    EventTimeTrigger defaultTrigger() const { return {}; }
    void assignWindows(const Row& row, Timestamp time, const AssignerContext& context,
                       WindowList<TimeWindow>& windows) const {
        assigner.assignWindows(row, time, context, windows);
    }
};

}  // namespace

TEST_CASE("late input: windows of every kind, at any parallelism, give what the naive model gives",
          "[api][property][threads]") {
    for (std::uint64_t seed = 1; seed <= seedCount(12); ++seed) {
        Draw draw(seed);
        const Events events = randomEvents(seed, 400, 1 + draw.below(60), 1 + static_cast<int>(draw.below(6)));
        const std::int64_t lateness = draw.oneIn(2) ? 0 : draw.below(40);
        const std::int64_t slide = 1 + draw.below(20);
        const std::int64_t size = 1 + draw.below(4 * slide);
        const std::int64_t offset = draw.below(2 * slide - 1) - slide + 1;
        const std::int64_t steps = 1 + draw.below(4);
        const auto check = [&](const std::string& name, auto assigner, auto aggregate, const WindowsOf& windowsOf,
                               bool withMax = true) {
            compare(
                events, seed, name + ", lateness " + std::to_string(lateness),
                [&](const Events& some) { return windowModel(some, windowsOf, lateness, withMax); },
                [&](const Events& some, const Manner& manner) {
                    return runWindows(some, assigner, aggregate, lateness, manner);
                });
        };
        const auto tumbling = TumblingEventTimeWindows::of(Duration{slide}, Duration{offset});
        const auto tumblingBounds = [=](std::int64_t time) { return slidingBounds(time, slide, slide, offset); };
        check("tumbling", tumbling, Total{}, tumblingBounds);
        check("tumbling by key", ByKey{SlidingEventTimeWindows::of(Duration{slide}, Duration{slide}, Duration{offset})},
              MergingTotal{}, tumblingBounds);
        const auto sliding = SlidingEventTimeWindows::of(Duration{size}, Duration{slide}, Duration{offset});
        const auto bounds = [=](std::int64_t time) { return slidingBounds(time, size, slide, offset); };
        check("sliding", sliding, Total{}, bounds);
        check("sliding with merge", sliding, MergingTotal{}, bounds);
        check("sliding with subtract", sliding, SubtractingTotal{}, bounds, false);
        check("sliding by key", ByKey{sliding}, MergingTotal{}, bounds);
        check("cumulating", CumulatingEventTimeWindows::of(Duration{slide}, Duration{slide * steps}, Duration{offset}),
              Total{}, [=](std::int64_t time) {
                  auto all = cumulatingBounds(time - offset, slide, slide * steps);
                  for (Bounds& each : all) each = {each.first + offset, each.second + offset};
                  return all;
              });
        compare(
            events, seed, "sessions of gap " + std::to_string(slide) + ", lateness " + std::to_string(lateness),
            [&](const Events& some) { return sessionModel(some, slide, lateness); },
            [&](const Events& some, const Manner& manner) {
                return runWindows(some, EventTimeSessionWindows::withGap(Duration{slide}), MergingTotal{}, lateness,
                                  manner);
            });
    }
}

// ---- two inputs, one event at a time ----

namespace {

const OutputTag<Row> kLateLeft("late left");
const OutputTag<Row> kLateRight("late right");

Row pairOf(const Row& left, const Row& right) {
    return {left.key, 100 * left.value + right.value};
}

/// What comes out of two inputs, late elements of the left side with a negative key.
template <class Pipeline>
Outcome runTwoInputs(const Events& events, Pipeline pipeline, bool lateSides) {
    auto harness = testing::harnessFor<Row, Row>(pipeline);
    if (lateSides) {
        harness.sideOutput(kLateLeft);
        harness.sideOutput(kLateRight);
    }
    for (const Event& event : events) {
        const Timestamp time{Duration{event.record.time}};
        if (event.isWatermark) {
            event.input == 0 ? harness.processWatermark1(time) : harness.processWatermark2(time);
        } else {
            event.input == 0 ? harness.processElement1(event.record.row, time)
                             : harness.processElement2(event.record.row, time);
        }
    }
    Outcome outcome;
    harness.processBothWatermarks(kMaxTimestamp);
    for (const auto& item : harness.output()) {
        if (item.kind == testing::TraceKind::Element) outcome.results.push_back({*item.value, ticksOf(item.time)});
        if (item.kind == testing::TraceKind::SideElement) {
            Row row = *item.value;
            if (item.tag == kLateLeft.id()) row.key = -1 - row.key;
            outcome.late.push_back({row, ticksOf(item.time)});
        }
    }
    outcome.sort();
    return outcome;
}

Outcome intervalModel(const Events& events, std::int64_t lower, std::int64_t upper) {
    Outcome outcome;
    std::int64_t watermarks[] = {INT64_MIN, INT64_MIN};
    std::int64_t combined = INT64_MIN;
    struct Kept {
        TimedRow record;
        std::int64_t until;  // forgotten when the watermark reaches it
    };
    std::vector<Kept> sides[2];
    for (const Event& event : events) {
        const int input = event.input;
        const auto& [row, time] = event.record;
        if (event.isWatermark) {
            watermarks[input] = std::max(watermarks[input], time);
            if (const auto smaller = std::min(watermarks[0], watermarks[1]); smaller > combined) {
                combined = smaller;
                for (auto& side : sides) std::erase_if(side, [&](const Kept& kept) { return kept.until <= combined; });
            }
            continue;
        }
        if (time < combined) {
            outcome.late.push_back({{input == 0 ? -1 - row.key : row.key, row.value}, time});
            continue;
        }
        for (const Kept& other : sides[1 - input]) {
            const std::int64_t distance = input == 0 ? other.record.time - time : time - other.record.time;
            if (other.record.row.key != row.key || distance < lower || distance > upper) continue;
            outcome.results.push_back({input == 0 ? pairOf(row, other.record.row) : pairOf(other.record.row, row),
                                       std::max(time, other.record.time)});
        }
        sides[input].push_back({event.record, time + std::max<std::int64_t>(0, input == 0 ? upper : -lower)});
    }
    return outcome;
}

/// Both sides of each key and window; `emit` is called at each firing.
using EmitGroup = std::function<void(const Rows& lefts, const Rows& rights, std::int64_t last, Rows& out)>;
Outcome pairedWindowsModel(const Events& events, std::int64_t size, std::int64_t slide, std::int64_t lateness,
                           const EmitGroup& emit) {
    Outcome outcome;
    struct Group {
        Rows sides[2];
        bool pending = false;
    };
    std::map<std::pair<std::int64_t, std::int32_t>, Group> groups;  // by last timestamp and key
    std::int64_t watermarks[] = {INT64_MIN, INT64_MIN};
    std::int64_t combined = INT64_MIN;
    const auto fire = [&](std::int64_t last, Group& group) {
        emit(group.sides[0], group.sides[1], last, outcome.results);
        group.pending = false;
    };
    const auto advance = [&](std::int64_t to) {
        if (to <= combined) return;
        combined = to;
        for (auto& [where, group] : groups) {
            if (group.pending && where.first <= combined) fire(where.first, group);
        }
        std::erase_if(groups, [&](const auto& each) { return each.first.first + lateness <= combined; });
    };
    for (const Event& event : events) {
        const auto& [row, time] = event.record;
        if (event.isWatermark) {
            watermarks[event.input] = std::max(watermarks[event.input], time);
            advance(std::min(watermarks[0], watermarks[1]));
            continue;
        }
        for (const Bounds& bounds : slidingBounds(time, size, slide, 0)) {
            const std::int64_t last = bounds.second - 1;
            if (last + lateness <= combined) continue;
            Group& group = groups[{last, row.key}];
            group.sides[event.input].push_back(event.record);
            if (last <= combined) {
                fire(last, group);
            } else {
                group.pending = true;
            }
        }
    }
    advance(INT64_MAX);
    return outcome;
}

Outcome sortedOutcome(Outcome outcome) {
    outcome.sort();
    return outcome;
}

}  // namespace

TEST_CASE("late input: an interval join and its side outputs give what the naive model gives", "[api][property]") {
    for (std::uint64_t seed = 1; seed <= seedCount(40); ++seed) {
        CAPTURE(seed);
        Draw draw(seed);
        const Events events = randomEvents(seed, 500, 1 + draw.below(40), 1 + static_cast<int>(draw.below(4)));
        const std::int64_t lower = draw.below(40) - 25;
        const std::int64_t upper = lower + draw.below(30);
        const bool exclusive = draw.oneIn(2) && upper - lower >= 2;
        CAPTURE(lower, upper, exclusive);
        const auto pipeline = [&](const RowStream& left, const RowStream& right) -> RowStream {
            auto join = left.keyBy(&Row::key)
                            .intervalJoin(right.keyBy(&Row::key))
                            .between(Duration{lower}, Duration{upper})
                            .sideOutputLeftLateData(kLateLeft)
                            .sideOutputRightLateData(kLateRight);
            if (exclusive) join = join.lowerBoundExclusive().upperBoundExclusive();
            return join.process(&pairOf);
        };
        const std::int64_t inner = exclusive ? 1 : 0;
        CHECK(runTwoInputs(events, pipeline, true) ==
              sortedOutcome(intervalModel(events, lower + inner, upper - inner)));
    }
}

TEST_CASE("late input: window joins and coGroups give what the naive model gives", "[api][property]") {
    for (std::uint64_t seed = 1; seed <= seedCount(30); ++seed) {
        CAPTURE(seed);
        Draw draw(seed);
        const Events events = randomEvents(seed, 400, 1 + draw.below(40), 1 + static_cast<int>(draw.below(4)));
        const std::int64_t slide = 1 + draw.below(12);
        const std::int64_t size = slide + draw.below(2 * slide);
        const std::int64_t lateness = draw.oneIn(2) ? 0 : draw.below(20);
        CAPTURE(size, slide, lateness);
        const auto join = [&](const RowStream& left, const RowStream& right) -> RowStream {
            return left.join(right)
                .where(&Row::key)
                .equalTo(&Row::key)
                .window(TumblingEventTimeWindows::of(Duration{slide}))
                .allowedLateness(Duration{lateness})
                .apply(&pairOf);
        };
        const auto pairs = [](const Rows& lefts, const Rows& rights, std::int64_t last, Rows& out) {
            for (const TimedRow& left : lefts) {
                for (const TimedRow& right : rights) out.push_back({pairOf(left.row, right.row), last});
            }
        };
        CHECK(runTwoInputs(events, join, false) ==
              sortedOutcome(pairedWindowsModel(events, slide, slide, lateness, pairs)));

        const auto coGroup = [&](const RowStream& left, const RowStream& right) -> RowStream {
            return left.coGroup(right)
                .where(&Row::key)
                .equalTo(&Row::key)
                .window(SlidingEventTimeWindows::of(Duration{size}, Duration{slide}))
                .allowedLateness(Duration{lateness})
                .apply([](std::span<const Row> lefts, std::span<const Row> rights, Collector<Row>& out) {
                    std::int64_t text = 0;  // tells the order of arrival, too
                    for (const Row& row : lefts) text = (text * 31 + row.value) % 1'000'003;
                    for (const Row& row : rights) text = (text * 37 + row.value) % 1'000'003;
                    out.collect({lefts.empty() ? rights.front().key : lefts.front().key, text});
                });
        };
        const auto described = [](const Rows& lefts, const Rows& rights, std::int64_t last, Rows& out) {
            std::int64_t text = 0;
            for (const TimedRow& each : lefts) text = (text * 31 + each.row.value) % 1'000'003;
            for (const TimedRow& each : rights) text = (text * 37 + each.row.value) % 1'000'003;
            out.push_back({{lefts.empty() ? rights.front().row.key : lefts.front().row.key, text}, last});
        };
        CHECK(runTwoInputs(events, coGroup, false) ==
              sortedOutcome(pairedWindowsModel(events, size, slide, lateness, described)));
    }
}
