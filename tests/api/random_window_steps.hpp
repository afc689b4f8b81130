#ifndef MILLRACE_TESTS_API_RANDOM_WINDOW_STEPS_HPP
#define MILLRACE_TESTS_API_RANDOM_WINDOW_STEPS_HPP

#include "api/random_step.hpp"
#include "api/window_model.hpp"

#include <map>
#include <set>
#include <span>

namespace millrace::testsupport {

inline Rows eachOf(const Rows& rows, const std::function<void(const TimedRow&, Rows&)>& body) {
    Rows out;
    for (const TimedRow& each : rows) body(each, out);
    return out;
}

// ---- operators without state ----

/// Four operators in one expression, or one by one under names that have another reader each.
inline Step chain(std::int64_t factor, std::int64_t kept) {
    const auto scale = [factor](const Row& row) { return Row{row.key, (row.value * factor + 1) % 1000}; };
    const auto keeps = [kept](const Row& row) { return (row.value + row.key) % 5 != kept; };
    const auto doubles = [](const Row& row, Collector<Row>& out) {
        out.collect(row);
        if (row.value % 4 == 0) out.collect({row.key, row.value + 1});
    };
    const auto rekey = [](const Row& row) {
        return Row{(row.key * 3 + static_cast<std::int32_t>(row.value)) % 50, row.value};
    };
    return {"map filter flatMap map",
            [=](const RowStream& in, Building& b) -> RowStream {
                if (b.fused) return in.map(scale).filter(keeps).flatMap(doubles).map(rekey);
                const RowStream scaled = b.cut(in.map(scale));
                const RowStream some = b.cut(scaled.filter(keeps));
                scaled.filter(keeps).addSink([](const Row&) {});
                const RowStream more = b.cut(some.flatMap(doubles));
                more.addSink([](const Row&) {});
                return b.cut(more.map(rekey));
            },
            [=](const Rows& rows) {
                return eachOf(rows, [&](const TimedRow& each, Rows& out) {
                    const Row row = scale(each.row);
                    if (!keeps(row)) return;
                    out.push_back({rekey(row), each.time});
                    if (row.value % 4 == 0) out.push_back({rekey({row.key, row.value + 1}), each.time});
                });
            }};
}

/// Through records that own memory.
inline Step throughText() {
    struct Text {
        std::string text;
        std::int32_t key;
    };
    const auto write = [](const Row& row) {
        return Text{"a text that is not short: " + std::to_string(row.value), row.key};
    };
    const auto even = [](const Text& text) { return (text.text.back() - '0') % 2 == 0; };
    const auto read = [](Text text) { return Row{text.key, std::stoll(text.text.substr(26))}; };
    return {"text",
            [=](const RowStream& in, Building& b) -> RowStream {
                if (b.fused) return in.map(write).filter(even).map(read);
                const DataStream<Text> texts = in.map(write);
                const DataStream<Text> some = texts.rebalance().filter(even);
                some.addSink([](const Text&) {});
                return b.cut(some.map(read));
            },
            [](const Rows& rows) {
                return eachOf(rows, [](const TimedRow& each, Rows& out) {
                    if (each.row.value % 2 == 0) out.push_back(each);
                });
            }};
}

inline Step exchange(std::int64_t which) {
    const char* const names[] = {"rebalance", "rescale", "shuffle", "global", "custom", "by key"};
    return {names[which],
            [which](const RowStream& in, Building& b) -> RowStream {
                const auto same = [](const Row& row) { return row; };
                switch (which) {
                    case 0:
                        return b.cut(in.rebalance().map(same));
                    case 1:
                        return b.cut(in.rescale().map(same));
                    case 2:
                        return b.cut(in.shuffle().map(same));
                    case 3:
                        return b.cut(in.global().map(same));
                    case 4:
                        return b.cut(
                            in.partitionCustom([](std::int64_t v, int n) { return static_cast<int>((v % n + n) % n); },
                                               &Row::value)
                                .map(same));
                    default:
                        return b.cut(in.keyBy(&Row::key).map(same));
                }
            },
            [](const Rows& rows) { return rows; }};
}

inline Step unionWithItself() {
    const auto negative = [](const Row& row) { return Row{row.key, -row.value}; };
    return {"union",
            [=](const RowStream& in, Building& b) -> RowStream { return in.unionWith(b.cut(in.map(negative)), in); },
            [=](const Rows& rows) {
                return eachOf(rows, [&](const TimedRow& each, Rows& out) {
                    out.push_back(each);
                    out.push_back(each);
                    out.push_back({negative(each.row), each.time});
                });
            }};
}

/// To a side output and back.
inline Step sideOutput() {
    static const OutputTag<Row> kOdd("odd");
    struct Split {
        void processElement(const Row& row, ProcessContext& context, Collector<Row>& out) const {
            if (row.value % 2 != 0) {
                context.output(kOdd, Row{row.key + 1, row.value});
            } else {
                out.collect(row);
            }
        }
    };
    return {"side output",
            [](const RowStream& in, Building& b) -> RowStream {
                const RowStream split = b.cut(in.process(Split{}));
                return split.unionWith(split.getSideOutput(kOdd));
            },
            [](const Rows& rows) {
                return eachOf(rows, [](const TimedRow& each, Rows& out) {
                    out.push_back({{each.row.key + (each.row.value % 2 != 0), each.row.value}, each.time});
                });
            }};
}

// ---- windows ----

/// Every window of a key with what is in it; nothing is late.
inline Rows windowModel(const Rows& rows, const std::function<std::vector<Bounds>(std::int64_t)>& windowsOf,
                        bool withMax = true) {
    std::map<std::pair<std::int32_t, Bounds>, Totals> windows;
    for (const TimedRow& each : rows) {
        for (const Bounds& bounds : windowsOf(each.time)) {
            Totals& totals = windows[{each.row.key, bounds}];
            Total{}.add(each.row, totals);
        }
    }
    Rows out;
    for (auto& [window, totals] : windows) {
        if (!withMax) totals.max = 0;
        out.push_back({{window.first, mixed(totals)}, window.second.second - 1});
    }
    return out;
}
inline Step tumbling(std::int64_t size, std::int64_t offset) {
    return {"tumbling " + std::to_string(size) + " offset " + std::to_string(offset),
            [=](const RowStream& in, Building& b) -> RowStream {
                const auto windows =
                    in.keyBy(&Row::key).window(TumblingEventTimeWindows::of(Duration{size}, Duration{offset}));
                const auto minus = [](const Row& row) { return Row{row.key, -row.value}; };
                if (b.fused) return windows.aggregate(Total{}, toRow).map(minus).map(minus);
                const RowStream results = b.cut(windows.aggregate(Total{}, toRow));
                const RowStream negative = b.cut(results.map(minus));
                return b.cut(negative.map(minus));
            },
            [=](const Rows& rows) {
                return windowModel(rows, [=](std::int64_t time) { return slidingBounds(time, size, size, offset); });
            }};
}
template <class Aggregate>
inline Step sliding(std::int64_t size, std::int64_t slide, std::int64_t offset, Aggregate aggregate, bool withMax) {
    return {"sliding " + std::to_string(size) + " by " + std::to_string(slide) + " offset " + std::to_string(offset),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.keyBy(&Row::key)
                                 .window(SlidingEventTimeWindows::of(Duration{size}, Duration{slide}, Duration{offset}))
                                 .aggregate(aggregate, toRow));
            },
            [=](const Rows& rows) {
                return windowModel(
                    rows, [=](std::int64_t time) { return slidingBounds(time, size, slide, offset); }, withMax);
            }};
}
inline Step cumulating(std::int64_t step, std::int64_t steps) {
    const std::int64_t size = step * steps;
    return {"cumulating " + std::to_string(step) + " to " + std::to_string(size),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.keyBy(&Row::key)
                                 .window(CumulatingEventTimeWindows::of(Duration{step}, Duration{size}))
                                 .aggregate(Total{}, toRow));
            },
            [=](const Rows& rows) {
                return windowModel(rows, [=](std::int64_t time) { return cumulatingBounds(time, step, size); });
            }};
}
inline Step sessions(std::int64_t gap) {
    return {"sessions " + std::to_string(gap),
            [=](const RowStream& in, Building& b) -> RowStream {
                return b.cut(in.keyBy(&Row::key)
                                 .window(EventTimeSessionWindows::withGap(Duration{gap}))
                                 .aggregate(MergingTotal{}, toRow));
            },
            [=](const Rows& rows) {
                std::map<std::int32_t, std::set<std::int64_t>> times;
                for (const TimedRow& each : rows) times[each.row.key].insert(each.time);
                // the session of each time is known from the times alone
                std::map<std::int32_t, std::map<std::int64_t, Bounds>> sessionOf;
                for (const auto& [key, all] : times) {
                    std::vector<std::int64_t> members;
                    const auto finish = [&, &sessions = sessionOf[key]] {
                        for (const std::int64_t member : members) {
                            sessions[member] = {members.front(), members.back() + gap};
                        }
                        members.clear();
                    };
                    for (const std::int64_t time : all) {
                        // one that begins where another ends joins it only if it has not fired yet
                        if (!members.empty() && members.back() + gap == time) throw NoSingleAnswer();
                        if (!members.empty() && members.back() + gap < time) finish();
                        members.push_back(time);
                    }
                    finish();
                }
                std::map<std::pair<std::int32_t, Bounds>, Totals> windows;
                for (const TimedRow& each : rows) {
                    Total{}.add(each.row, windows[{each.row.key, sessionOf[each.row.key][each.time]}]);
                }
                Rows out;
                for (const auto& [window, totals] : windows) {
                    out.push_back({{window.first, mixed(totals)}, window.second.second - 1});
                }
                return out;
            }};
}
/// All records at once, whatever their keys.
inline Step windowAll(std::int64_t size) {
    return {"windowAll " + std::to_string(size),
            [=](const RowStream& in, Building&) -> RowStream {
                return in.windowAll(TumblingEventTimeWindows::of(Duration{size}))
                    .process([](const TimeWindow&, std::span<const Row> all, Collector<Row>& out) {
                        std::map<std::int32_t, std::int64_t> sums;
                        for (const Row& row : all) sums[row.key] += row.value;
                        for (const auto& [key, sum] : sums) out.collect({key, sum % 1000});
                    });
            },
            [=](const Rows& rows) {
                std::map<std::pair<std::int32_t, std::int64_t>, std::int64_t> sums;
                for (const TimedRow& each : rows) {
                    sums[{each.row.key, slidingBounds(each.time, size, size, 0).front().second - 1}] += each.row.value;
                }
                Rows out;
                for (const auto& [window, sum] : sums) out.push_back({{window.first, sum % 1000}, window.second});
                return out;
            }};
}

inline Step drawWindowStep(Draw& draw) {
    switch (draw.below(12)) {
        case 0:
        case 1:
            return chain(1 + draw.below(5), draw.below(5));
        case 2:
            return throughText();
        case 3:
        case 4:
            return exchange(draw.below(6));
        case 5:
            return unionWithItself();
        case 6:
            return sideOutput();
        case 7: {
            const std::int64_t size = 1 + draw.below(60);
            return tumbling(size, draw.below(2 * size - 1) - size + 1);
        }
        case 8: {
            const std::int64_t slide = 1 + draw.below(20);
            const std::int64_t size = 1 + draw.below(5 * slide);  // sometimes with gaps
            const std::int64_t offset = draw.below(2 * slide - 1) - slide + 1;
            if (draw.oneIn(3)) return sliding(size, slide, offset, Total{}, true);
            if (draw.oneIn(2)) return sliding(size, slide, offset, MergingTotal{}, true);
            return sliding(size, slide, offset, SubtractingTotal{}, false);
        }
        case 9:
            return cumulating(1 + draw.below(20), 1 + draw.below(5));
        case 10:
            return sessions(1 + draw.below(draw.oneIn(2) ? 30 : 200));
        default:
            return windowAll(1 + draw.below(50));
    }
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_RANDOM_WINDOW_STEPS_HPP
