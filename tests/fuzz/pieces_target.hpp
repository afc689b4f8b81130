#ifndef MILLRACE_TESTS_FUZZ_PIECES_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_PIECES_TARGET_HPP

#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/testing.hpp>

#include <fuzz/require.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

// The pieces of snapshots that operators read back: keyed cells with their stamps, timers, panes, slices, sessions, windows
// with triggers, what a join buffers, broadcast maps, lists of functions.

namespace fuzz {

struct Item {
    std::int64_t key = 0;
    std::uint64_t number = 0;
    std::string text;
};

inline millrace::Timestamp nanos(std::int64_t count) {
    return millrace::Timestamp(std::chrono::nanoseconds(count));
}

struct AddNumbers {
    std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a + b; }
};

/// A function with all kinds of keyed state and of timers.
struct KeepAll {
    millrace::ValueState<std::string> value;
    millrace::ListState<std::string> list;
    millrace::MapState<std::uint64_t, std::string> map;
    millrace::ReducingState<std::uint64_t, AddNumbers> sum;

    void open(millrace::KeyedRuntimeContext& context) {
        using namespace millrace;
        const StateTtlConfig ttl(std::chrono::hours(1));
        value = context.getState(ValueStateDescriptor<std::string>("value", ttl));
        list = context.getListState(ListStateDescriptor<std::string>("list", ttl));
        map = context.getMapState(MapStateDescriptor<std::uint64_t, std::string>("map", ttl));
        sum = context.getReducingState(ReducingStateDescriptor<std::uint64_t, AddNumbers>("sum"));
    }
    void processElement(const Item& item, millrace::KeyedProcessContext<std::int64_t>& context,
                        millrace::Collector<std::uint64_t>& out) {
        std::uint64_t seen = value.value() != nullptr ? value.value()->size() : 0;
        value.update(item.text);
        list.add(item.text);
        map.put(item.number % 3, item.text);
        sum.add(item.number);
        const auto later = nanos(static_cast<std::int64_t>(item.number) * 7 + 50);
        context.timerService().registerEventTimeTimer(later);
        context.timerService().registerProcessingTimeTimer(later);
        for (const std::string& each : list.get()) seen += each.size();
        for (const auto& [key, each] : map.entries()) seen += key + each.size();
        out.collect(seen);
    }
    void onTimer(millrace::Timestamp, millrace::OnTimerContext<std::int64_t>&,
                 millrace::Collector<std::uint64_t>& out) {
        out.collect(sum.get() != nullptr ? *sum.get() : 0);
    }
};

/// A function with lists that belong to no key.
struct KeepLists {
    millrace::OperatorListState<std::string> split;
    millrace::OperatorListState<std::uint64_t> all;

    void initializeState(millrace::FunctionInitializationContext& context) {
        auto& store = context.getOperatorStateStore();
        split = store.getListState(millrace::ListStateDescriptor<std::string>("split"));
        all = store.getUnionListState(millrace::ListStateDescriptor<std::uint64_t>("all"));
    }
    void snapshotState(millrace::FunctionSnapshotContext&) {}
    void processElement(const Item& item, millrace::ProcessContext&, millrace::Collector<std::uint64_t>& out) {
        split.add(item.text);
        all.add(item.number);
        out.collect(split.get().size());
    }
};

inline const millrace::MapStateDescriptor<std::string, std::uint64_t> kRules("rules");
struct KeepBroadcast {
    void processElement(const Item& item, millrace::BroadcastReadOnlyContext& context,
                        millrace::Collector<std::uint64_t>& out) {
        out.collect(context.getBroadcastState(kRules).getOr(item.text, 0));
    }
    void processBroadcastElement(const Item& item, millrace::BroadcastContext& context,
                                 millrace::Collector<std::uint64_t>&) {
        context.getBroadcastState(kRules).put(item.text, item.number);
    }
};

/// Ten records, the first of them at `from`, and a watermark behind them.
template <class Harness>
void feed(Harness& harness, std::int64_t from) {
    using millrace::Timestamp;
    for (std::int64_t i = 0; i < 10; ++i) {
        const Item item{i % 3, static_cast<std::uint64_t>(i), std::string(static_cast<std::size_t>(3 * i), 'a')};
        if constexpr (requires { harness.processElement1(item, Timestamp()); }) {
            harness.processElement2(item, nanos(from + 5 * i));
            harness.processElement1(item, nanos(from + 5 * i));
        } else {
            harness.processElement(item, nanos(from + 5 * i));
        }
    }
    if constexpr (requires { harness.processWatermark1(Timestamp()); }) {
        harness.processWatermark1(nanos(from + 30));
        harness.processWatermark2(nanos(from + 30));
    } else {
        harness.processWatermark(nanos(from + 30));
    }
}

using PieceName = std::tuple<std::string, std::string, int>;

/// What the snapshots of an operator consist of.
template <class Make>
millrace::MemorySnapshot sampleOf(Make make) {
    auto harness = make();
    feed(harness, 0);
    return harness.snapshot();
}

/// Input: for each piece a number that chooses its name, its length in two bytes, and its bytes.
template <class Make>
void restorePieces(std::span<const std::uint8_t> data, Make make) {
    using namespace millrace;
    static const std::vector<PieceName> names = [&] {
        std::vector<PieceName> all;
        sampleOf(make).forEach([&](const std::string& uid, const std::string& state, int keyGroup, const auto&) {
            const PieceName name{uid, state, keyGroup};
            if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
        });
        return all;
    }();
    MemorySnapshot given;
    while (data.size() >= 3) {
        const auto& [uid, state, keyGroup] = names[data[0] % names.size()];
        const std::size_t length = std::min<std::size_t>(data[1] + 256u * data[2], data.size() - 3);
        given.write(uid, state, keyGroup, std::as_bytes(data.subspan(3, length)));
        data = data.subspan(3 + length);
    }
    MemorySnapshot saved;
    try {
        auto harness = make();
        harness.restore(given);
        saved = harness.snapshot();
        feed(harness, 70);
        saved = harness.snapshot();
        harness.advanceProcessingTime(std::chrono::hours(2));
    } catch (const MillraceException&) {
        if (saved.empty()) return;  // damaged, and said so
    }
    auto again = make();  // what has been accepted can be saved and read back
    again.restore(saved);
}

inline auto makeProcess() {
    return millrace::testing::harnessForKeyedProcess<Item>(&Item::key, KeepAll{});
}
inline auto makePanes() {
    return millrace::testing::harnessFor<Item>([](millrace::DataStream<Item> items) {
        return items.keyBy(&Item::key)
            .window(millrace::TumblingEventTimeWindows::of(std::chrono::nanoseconds(20)))
            .allowedLateness(std::chrono::nanoseconds(50))
            .sum(&Item::number);
    });
}
inline auto makePanesOfLists() {
    return millrace::testing::harnessFor<Item>([](millrace::DataStream<Item> items) {
        return items.keyBy(&Item::key)
            .window(millrace::TumblingEventTimeWindows::of(std::chrono::nanoseconds(20)))
            .process([](const std::int64_t&, const millrace::TimeWindow&, std::span<const Item> all) {
                return static_cast<std::uint64_t>(all.size());
            });
    });
}
inline auto makeSlices() {
    return millrace::testing::harnessFor<Item>([](millrace::DataStream<Item> items) {
        return items.map([](const Item& item) { return std::pair(item.key, item.number); })
            .keyBy([](const std::pair<std::int64_t, std::uint64_t>& item) { return item.first; })
            .window(millrace::SlidingEventTimeWindows::of(std::chrono::nanoseconds(40), std::chrono::nanoseconds(10)))
            .sum(&std::pair<std::int64_t, std::uint64_t>::second);
    });
}
inline auto makeSessions() {
    return millrace::testing::harnessFor<Item>([](millrace::DataStream<Item> items) {
        return items.keyBy(&Item::key)
            .window(millrace::EventTimeSessionWindows::withGap(std::chrono::nanoseconds(20)))
            .allowedLateness(std::chrono::nanoseconds(20))
            .sum(&Item::number);
    });
}
inline auto makeWindowsByKey() {
    return millrace::testing::harnessFor<Item>([](millrace::DataStream<Item> items) {
        return items.keyBy(&Item::key)
            .window(millrace::SlidingEventTimeWindows::of(std::chrono::nanoseconds(40), std::chrono::nanoseconds(20)))
            .trigger(millrace::CountTrigger::of(3))
            .evictor(millrace::CountEvictor::of(2))
            .process([](const std::int64_t&, const millrace::TimeWindow&, std::span<const Item> all) {
                return static_cast<std::uint64_t>(all.size());
            });
    });
}
inline auto makeJoin() {
    return millrace::testing::harnessFor<Item, Item>(
        [](millrace::DataStream<Item> left, millrace::DataStream<Item> right) {
            return left.keyBy(&Item::key)
                .intervalJoin(right.keyBy(&Item::key))
                .between(std::chrono::nanoseconds(-20), std::chrono::nanoseconds(20))
                .process([](const Item& a, const Item& b) { return a.number + b.number; });
        });
}
inline auto makeBroadcast() {
    return millrace::testing::harnessForBroadcast<Item, Item>(KeepBroadcast{}, kRules);
}
inline auto makeLists() {
    return millrace::testing::harnessForProcess<Item>(KeepLists{});
}

/// `use(make)` for one of the operators; there are so many of them.
inline constexpr std::size_t kOperators = 9;
template <class Use>
void withOperator(std::size_t which, Use use) {
    switch (which) {
        case 0:
            return use(makeProcess);
        case 1:
            return use(makePanes);
        case 2:
            return use(makePanesOfLists);
        case 3:
            return use(makeSlices);
        case 4:
            return use(makeSessions);
        case 5:
            return use(makeWindowsByKey);
        case 6:
            return use(makeJoin);
        case 7:
            return use(makeBroadcast);
        default:
            return use(makeLists);
    }
}

/// The first byte chooses the operator.
inline void pieces(std::span<const std::uint8_t> data) {
    withOperator(choose(data, kOperators), [&](auto make) { restorePieces(data, make); });
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_PIECES_TARGET_HPP
