#include "simulate/steps.hpp"

#include <millrace/windowing/triggers/purging_trigger.hpp>

#include <algorithm>
#include <span>

namespace millrace::simulate {

namespace {

Step ordered(std::string name, std::function<RowStream(const RowStream&, Building&)> build) {
    return {std::move(name), std::move(build), [](const Rows& rows) { return rows; }};
}

/// Counts what came in time and what was late, remembers the last values, and tells of both by timers.
struct Diary {
    ListState<std::int64_t> values{};
    ValueState<std::int64_t> late{};
    MapState<std::int64_t, std::int64_t> timers{};

    void open(KeyedRuntimeContext& context) {
        values = context.getListState(ListStateDescriptor<std::int64_t>("values"));
        late = context.getState(ValueStateDescriptor<std::int64_t>("late"));
        timers = context.getMapState(MapStateDescriptor<std::int64_t, std::int64_t>("timers"));
    }
    void processElement(const Row& row, KeyedProcessContext<std::int32_t>& context, Collector<Row>& out) {
        const Timestamp time = *context.timestamp();
        if (time <= context.timerService().currentWatermark()) {
            late.update(late.valueOr(0) + 1);
            out.collect({row.key, 10'000 + *late.value()});
            return;
        }
        values.add(row.value);
        const Timestamp end = time + Duration{10};
        timers.mutate(ticksOf(end), [](std::int64_t& count) { ++count; });
        context.timerService().registerEventTimeTimer(end);
        if (row.value % 7 == 0) {
            context.timerService().deleteEventTimeTimer(end);
            timers.remove(ticksOf(end));
        }
    }
    void onTimer(Timestamp time, OnTimerContext<std::int32_t>& context, Collector<Row>& out) {
        std::int64_t digest = 0;
        for (const std::int64_t value : values.get()) digest = (digest * 31 + value) % 1009;
        const std::int64_t* const count = timers.get(ticksOf(time));
        out.collect({context.currentKey(), digest * 100 + (count == nullptr ? 0 : *count)});
        timers.remove(ticksOf(time));
    }
};

struct Digest {
    std::int64_t createAccumulator() const { return 17; }
    void add(const Row& row, std::int64_t& acc) const { acc = (acc * 31 + row.value) % 10'007; }
    std::int64_t getResult(const std::int64_t& acc) const { return acc; }
};
constexpr auto kWithKey = [](const std::int32_t& key, const TimeWindow&, std::int64_t result) {
    return Row{key, result};
};
constexpr auto kSum = [](const Row& a, const Row& b) { return Row{a.key, a.value + b.value}; };
const OutputTag<Row>& lateTag() {
    static const OutputTag<Row> tag("late");
    return tag;
}
/// Records that were late, under keys of their own, in one stream with the results.
RowStream withLate(const RowStream& results) {
    return results.unionWith(results.getSideOutput(lateTag()).map([](const Row& row) {
        return Row{row.key + 1000, row.value};
    }));
}

}  // namespace

Step anyOrderedStep(Draw& draw) {
    const std::int64_t size = 1 + draw.below(30);
    const std::int64_t lateness = draw.below(2 * size);
    switch (draw.below(9)) {
        case 0:
            return ordered("rolling reduce",
                           [](const RowStream& in, Building& b) { return b.cut(in.keyBy(&Row::key).reduce(kSum)); });
        case 1:
            return ordered("rolling maxBy", [](const RowStream& in, Building& b) {
                return b.cut(in.keyBy(&Row::key).maxBy(&Row::value));
            });
        case 2:
            return ordered("count windows of " + std::to_string(size), [=](const RowStream& in, Building& b) {
                return b.cut(in.keyBy(&Row::key).countWindow(1 + size % 5).reduce(kSum));
            });
        case 3:
            return ordered("sliding count windows", [=](const RowStream& in, Building& b) {
                return b.cut(in.keyBy(&Row::key).countWindow(1 + size % 5, 1 + lateness % 3).reduce(kSum));
            });
        case 4:
            return ordered(
                "diary", [](const RowStream& in, Building& b) { return b.cut(in.keyBy(&Row::key).process(Diary{})); });
        case 5:
            return ordered("tumbling " + std::to_string(size) + " with lateness " + std::to_string(lateness),
                           [=](const RowStream& in, Building& b) {
                               return withLate(b.cut(in.keyBy(&Row::key)
                                                         .window(TumblingEventTimeWindows::of(Duration{size}))
                                                         .allowedLateness(Duration{lateness})
                                                         .sideOutputLateData(lateTag())
                                                         .aggregate(Digest{}, kWithKey)));
                           });
        case 6:
            return ordered(
                "sliding " + std::to_string(2 * size) + " by " + std::to_string(size) + " with lateness " +
                    std::to_string(lateness),
                [=](const RowStream& in, Building& b) {
                    return withLate(b.cut(in.keyBy(&Row::key)
                                              .window(SlidingEventTimeWindows::of(Duration{2 * size}, Duration{size}))
                                              .allowedLateness(Duration{lateness})
                                              .sideOutputLateData(lateTag())
                                              .reduce(kSum)));
                });
        case 7:
            return ordered("sessions " + std::to_string(size) + " with lateness " + std::to_string(lateness),
                           [=](const RowStream& in, Building& b) {
                               return withLate(b.cut(in.keyBy(&Row::key)
                                                         .window(EventTimeSessionWindows::withGap(Duration{size}))
                                                         .allowedLateness(Duration{lateness})
                                                         .sideOutputLateData(lateTag())
                                                         .reduce(kSum)));
                           });
        default:
            return ordered("purged count windows with all that is in them", [=](const RowStream& in, Building& b) {
                return b.cut(in.keyBy(&Row::key)
                                 .window(GlobalWindows::create())
                                 .trigger(PurgingTrigger::of(CountTrigger::of(1 + size % 4)))
                                 .process([](const std::int32_t& key, const GlobalWindow&, std::span<const Row> all,
                                             Collector<Row>& out) {
                                     std::int64_t digest = 0;
                                     for (const Row& row : all) digest = (digest * 31 + row.value) % 1009;
                                     out.collect({key, digest});
                                 }));
            });
    }
}

}  // namespace millrace::simulate
