#ifndef MILLRACE_TESTS_API_RANDOM_STATE_STEPS_HPP
#define MILLRACE_TESTS_API_RANDOM_STATE_STEPS_HPP

#include "api/random_step.hpp"

#include <map>
#include <span>

namespace millrace::testsupport {

using KeyContext = KeyedProcessContext<std::int32_t>;
using TimerContext = OnTimerContext<std::int32_t>;

inline Timestamp timeAt(std::int64_t time) {
    return Timestamp{Duration{time}};
}
/// The end of the piece of time that `time` is in.
inline std::int64_t endOf(std::int64_t time, std::int64_t size) {
    return time - ((time % size) + size) % size + size;
}

// ---- keyed state and timers ----

/// Sums per key and piece of time, by state and event-time timers.
struct SumPerPiece {
    std::int64_t size;
    MapState<std::int64_t, std::int64_t> sums{};

    void open(KeyedRuntimeContext& context) {
        sums = context.getMapState(MapStateDescriptor<std::int64_t, std::int64_t>("sums"));
    }
    void processElement(const Row& row, KeyContext& context, Collector<Row>&) {
        const std::int64_t end = endOf(ticksOf(*context.timestamp()), size);
        sums.mutate(end, [&](std::int64_t& sum) { sum += row.value; });
        context.timerService().registerEventTimeTimer(timeAt(end - 1));
    }
    void onTimer(Timestamp time, TimerContext& context, Collector<Row>& out) {
        const std::int64_t end = ticksOf(time) + 1;
        out.collect({context.currentKey(), *sums.get(end) % 1000});
        sums.remove(end);
    }
};
using Pieces = std::map<std::pair<std::int32_t, std::int64_t>, std::int64_t>;

inline Pieces piecesOf(const Rows& rows, std::int64_t size) {
    Pieces pieces;
    for (const TimedRow& each : rows) pieces[{each.row.key, endOf(each.time, size)}] += each.row.value;
    return pieces;
}
inline Rows rowsOf(const Pieces& pieces) {
    Rows out;
    for (const auto& [piece, sum] : pieces) out.push_back({{piece.first, sum % 1000}, piece.second - 1});
    return out;
}

inline Step sumPerPiece(std::int64_t size) {
    return {"process with timers " + std::to_string(size),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.keyBy(&Row::key).process(SumPerPiece{size}));
            },
            [=](const Rows& rows) { return rowsOf(piecesOf(rows, size)); }};
}

/// The rolling sum of a key, of which only the last value does not depend on the order.
inline Step finalSum() {
    struct Last {
        ValueState<std::int64_t> last{};
        void open(KeyedRuntimeContext& context) { last = context.getState(ValueStateDescriptor<std::int64_t>("last")); }
        void processElement(const Row& row, KeyContext& context, Collector<Row>&) {
            last.update(row.value);
            context.timerService().registerEventTimeTimer(timeAt(1'000'000));
        }
        void onTimer(Timestamp, TimerContext& context, Collector<Row>& out) {
            out.collect({context.currentKey(), *last.value() % 1000});
        }
    };
    return {"last of sum",
            [](const RowStream& in, Building& b) -> RowStream {
                const auto sums = in.keyBy(&Row::key).sum(&Row::value);
                return b.cut(sums.keyBy(&Row::key).process(Last{}));
            },
            [](const Rows& rows) {
                std::map<std::int32_t, std::int64_t> sums;
                for (const TimedRow& each : rows) {
                    if (each.time >= 1'000'000) throw NoSingleAnswer();
                    sums[each.row.key] += each.row.value;
                }
                Rows out;
                for (const auto& [key, sum] : sums) out.push_back({{key, sum % 1000}, 1'000'000});
                return out;
            }};
}

// ---- two inputs: the stream and a part of it ----

struct Part {
    std::int64_t of;
    bool operator()(const Row& row) const { return ((row.value % of) + of) % of == 0; }
    Rows operator()(const Rows& rows) const {
        Rows part;
        for (const TimedRow& each : rows) {
            if ((*this)(each.row)) part.push_back(each);
        }
        return part;
    }
};
inline std::int64_t pairValue(const Row& left, const Row& right) {
    return (3 * left.value + right.value) % 1000;
}

inline Step intervalJoin(Part part, std::int64_t lower, std::int64_t upper) {
    const auto pair = [](const Row& left, const Row& right) { return Row{left.key, pairValue(left, right)}; };
    return {"interval join [" + std::to_string(lower) + ", " + std::to_string(upper) + "]",
            [=](const RowStream& in, Building& b) -> RowStream {
                const RowStream some = b.cut(in.filter(part));
                return b.cut(in.keyBy(&Row::key)
                                 .intervalJoin(some.keyBy(&Row::key))
                                 .between(Duration{lower}, Duration{upper})
                                 .process(pair));
            },
            [=](const Rows& rows) {
                std::map<std::int32_t, Rows> rights;
                for (const TimedRow& each : part(rows)) rights[each.row.key].push_back(each);
                Rows out;
                for (const TimedRow& left : rows) {
                    for (const TimedRow& right : rights[left.row.key]) {
                        if (right.time < left.time + lower || right.time > left.time + upper) continue;
                        out.push_back({pair(left.row, right.row), std::max(left.time, right.time)});
                    }
                }
                return out;
            }};
}

using Groups = std::map<std::pair<std::int32_t, std::int64_t>, std::pair<Rows, Rows>>;
inline Groups groupsOf(const Rows& lefts, const Rows& rights, std::int64_t size) {
    Groups groups;
    for (const TimedRow& each : lefts) groups[{each.row.key, endOf(each.time, size)}].first.push_back(each);
    for (const TimedRow& each : rights) groups[{each.row.key, endOf(each.time, size)}].second.push_back(each);
    return groups;
}

inline Step windowJoin(Part part, std::int64_t size) {
    const auto pair = [](const Row& left, const Row& right) { return Row{left.key, pairValue(left, right)}; };
    return {"window join " + std::to_string(size),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.join(b.cut(in.filter(part)))
                                 .where(&Row::key)
                                 .equalTo(&Row::key)
                                 .window(TumblingEventTimeWindows::of(Duration{size}))
                                 .apply(pair));
            },
            [=](const Rows& rows) {
                Rows out;
                for (const auto& [group, sides] : groupsOf(rows, part(rows), size)) {
                    for (const TimedRow& left : sides.first) {
                        for (const TimedRow& right : sides.second) {
                            out.push_back({pair(left.row, right.row), group.second - 1});
                        }
                    }
                }
                return out;
            }};
}

/// Both sides filtered, so that a group may miss either.
inline Step coGroup(Part left, Part right, std::int64_t size) {
    const auto describe = [](std::span<const Row> lefts, std::span<const Row> rights, Collector<Row>& out) {
        std::int64_t sum = static_cast<std::int64_t>(100 * lefts.size() + rights.size());
        for (const Row& row : lefts) sum += row.value;
        for (const Row& row : rights) sum -= row.value;
        out.collect({lefts.empty() ? rights.front().key : lefts.front().key, sum % 1000});
    };
    return {"coGroup " + std::to_string(size),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.filter(left)
                                 .coGroup(b.cut(in.filter(right)))
                                 .where(&Row::key)
                                 .equalTo(&Row::key)
                                 .window(SlidingEventTimeWindows::of(Duration{size}, Duration{size}))
                                 .apply(describe));
            },
            [=](const Rows& rows) {
                Rows out;
                for (const auto& [group, sides] : groupsOf(left(rows), right(rows), size)) {
                    auto sum = static_cast<std::int64_t>(100 * sides.first.size() + sides.second.size());
                    for (const TimedRow& each : sides.first) sum += each.row.value;
                    for (const TimedRow& each : sides.second) sum -= each.row.value;
                    out.push_back({{group.first, sum % 1000}, group.second - 1});
                }
                return out;
            }};
}

/// The sums of both inputs side by side in one function: shared state and timers.
inline Step coProcess(Part part, std::int64_t size) {
    struct Both {
        std::int64_t size;
        MapState<std::int64_t, std::int64_t> sums{};
        void open(KeyedRuntimeContext& context) {
            sums = context.getMapState(MapStateDescriptor<std::int64_t, std::int64_t>("sums"));
        }
        void add(std::int64_t value, KeyContext& context) {
            const std::int64_t end = endOf(ticksOf(*context.timestamp()), size);
            sums.mutate(end, [&](std::int64_t& sum) { sum += value; });
            context.timerService().registerEventTimeTimer(timeAt(end - 1));
        }
        void processElement1(const Row& row, KeyContext& context, Collector<Row>&) { add(row.value, context); }
        void processElement2(const Row& row, KeyContext& context, Collector<Row>&) { add(3 * row.value, context); }
        void onTimer(Timestamp time, TimerContext& context, Collector<Row>& out) {
            const std::int64_t end = ticksOf(time) + 1;
            out.collect({context.currentKey(), *sums.get(end) % 1000});
            sums.remove(end);
        }
    };
    return {"co-process " + std::to_string(size),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.keyBy(&Row::key).connect(b.cut(in.filter(part)).keyBy(&Row::key)).process(Both{size}));
            },
            [=](const Rows& rows) {
                Pieces pieces = piecesOf(rows, size);
                for (const auto& [piece, sum] : piecesOf(part(rows), size)) pieces[piece] += 3 * sum;
                return rowsOf(pieces);
            }};
}

/// Connected without keys: a function for each input.
inline Step connectMap(Part part) {
    return {"connect",
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.connect(b.cut(in.filter(part)))
                                 .map([](const Row& row) { return row; },
                                      [](const Row& row) {
                                          return Row{row.key, row.value + 1};
                                      }));
            },
            [=](const Rows& rows) {
                Rows out = rows;
                for (const TimedRow& each : part(rows)) out.push_back({{each.row.key, each.row.value + 1}, each.time});
                return out;
            }};
}

/// Every subtask gets every rule; what depends on them waits until event time has passed all of them.
inline Step broadcastRules(Part part) {
    static const MapStateDescriptor<std::int64_t, std::int64_t> kRules("rules");
    struct Apply {
        ListState<std::int64_t> values{};
        void open(KeyedRuntimeContext& context) {
            values = context.getListState(ListStateDescriptor<std::int64_t>("values"));
        }
        void processElement(const Row& row, KeyedReadOnlyContext<std::int32_t>& context, Collector<Row>&) {
            values.add(row.value);
            context.timerService().registerEventTimeTimer(timeAt(2'000'000));
        }
        void processBroadcastElement(const Row& row, KeyedBroadcastContext<std::int32_t>& context, Collector<Row>&) {
            auto& rules = context.getBroadcastState(kRules);
            rules.put(row.value % 10, 1);
        }
        void onTimer(Timestamp, KeyedReadOnlyContext<std::int32_t>& context, Collector<Row>& out) {
            const auto& rules = context.getBroadcastState(kRules);
            for (const std::int64_t value : values.get()) {
                if (rules.contains(value % 10)) out.collect({context.currentKey(), value});
            }
        }
    };
    return {"broadcast state",
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.keyBy(&Row::key).connect(b.cut(in.filter(part)).broadcast(kRules)).process(Apply{}));
            },
            [=](const Rows& rows) {
                std::map<std::int64_t, bool> rules;
                for (const TimedRow& each : part(rows)) rules[each.row.value % 10] = true;
                Rows out;
                for (const TimedRow& each : rows) {
                    if (each.time >= 2'000'000) throw NoSingleAnswer();
                    if (rules.contains(each.row.value % 10)) out.push_back({each.row, 2'000'000});
                }
                return out;
            }};
}

inline Step drawStateStep(Draw& draw) {
    const auto part = [&] { return Part{1 + draw.below(4)}; };
    switch (draw.below(11)) {
        case 0:
        case 1:
            return sumPerPiece(1 + draw.below(40));
        case 2:
            return finalSum();
        case 3:
        case 4: {
            const std::int64_t lower = draw.below(20) - 12;
            return intervalJoin(part(), lower, lower + draw.below(15));
        }
        case 5:
            return windowJoin(part(), 1 + draw.below(10));
        case 6:
        case 7:
            return coGroup(Part{1 + draw.below(4)}, Part{2 + draw.below(4)}, 1 + draw.below(40));
        case 8:
            return coProcess(part(), 1 + draw.below(40));
        case 9:
            return connectMap(part());
        default:
            return broadcastRules(part());
    }
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_RANDOM_STATE_STEPS_HPP
