#include <millrace/api/data_stream.hpp>

#include <millrace/functions/error_policy.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>

#include <support/catch.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// onError of operators with two inputs, joins, windows, timers and sinks; what it does to others is in on_error_test.cpp.

namespace {

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

Timestamp at(std::int64_t nanoseconds) {
    return Timestamp(Duration(nanoseconds));
}
template <class Fn>
std::string errorOf(Fn fn) {
    try {
        fn();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return {};
}

template <class Out>
std::vector<std::string> linesOf(const Trace<Out>& trace) {
    std::vector<std::string> lines;
    for (const auto& item : trace) {
        std::ostringstream line;
        line << item;
        lines.push_back(line.str());
    }
    return lines;
}

struct Item {
    std::string key;
    int value = 0;
    bool operator==(const Item&) const = default;
};
struct Rule {
    int limit = 0;
    bool operator==(const Rule&) const = default;
};

const OutputTag<Item> kBadItem("bad item");
const OutputTag<FailedRecord<Rule>> kBadRule("bad rule");

int positive(int value) {
    if (value < 0) throw std::runtime_error("below zero: " + std::to_string(value));
    return value;
}

// ---- two inputs -----------------------------------------------------------------------------------------------------------

struct Both {
    void processElement1(Item item, ProcessContext&, Collector<int>& out) {
        out.collect(0);
        out.collect(positive(item.value));
    }
    void processElement2(const Rule& rule, ProcessContext&, Collector<int>& out) { out.collect(positive(rule.limit)); }
};

TEST_CASE("onError of connected streams has a policy for each input", "[api][on_error]") {
    auto harness = harnessFor<Item, Rule>([](DataStream<Item> items, DataStream<Rule> rules) {
        return items.connect(rules).process(Both{}).onError(ErrorPolicy::deadLetter(kBadItem),
                                                            ErrorPolicy::deadLetter(kBadRule));
    });
    const auto& items = harness.sideOutput(kBadItem);
    const auto& rules = harness.sideOutput(kBadRule);
    harness.processElement1({"a", 1}, at(1));
    harness.processElement1({"b", -1}, at(2));
    harness.processElement2({-5}, at(3));
    harness.processElement2({7}, at(4));
    CHECK(harness.output() ==
          trace(element(0, at(1)), element(1, at(1)), sideElement("bad item", "{key: b, value: -1}", at(2)),
                sideElement("bad rule", "{record: {limit: -5}, error: below zero: -5}", at(3)), element(7, at(4))));
    CHECK(items == std::vector<Item>{{"b", -1}});
    REQUIRE(rules.size() == 1);
    CHECK(harness.deadLetters() == 2);
    CHECK(harness.recordsSkipped() == 0);

    // one policy is for both; a dead letter for the input that it fits, and an error of the other one fails the job
    auto skipping = harnessFor<Item, Rule>([](DataStream<Item> in, DataStream<Rule> other) {
        return in.connect(other).process(Both{}).onError(ErrorPolicy::skip());
    });
    skipping.processElement1({"b", -1});
    skipping.processElement2({-5});
    CHECK(skipping.recordsSkipped() == 2);
    auto first = harnessFor<Item, Rule>([](DataStream<Item> in, DataStream<Rule> other) {
        return in.connect(other).process(Both{}).uid("both").onError(ErrorPolicy::deadLetter(kBadItem));
    });
    first.processElement1({"b", -1});
    CHECK(first.deadLetters() == 1);
    CHECK_THAT(errorOf([&] { first.processElement2({-5}); }),
               ContainsSubstring("uid 'both'") && ContainsSubstring("below zero: -5"));
}

TEST_CASE("onError of map and flatMap of connected streams calls the whole function again", "[api][on_error]") {
    const auto calls = std::make_shared<int>(0);
    auto harness = harnessFor<Item, Rule>([&](DataStream<Item> items, DataStream<Rule> rules) {
        return items.connect(rules)
            .map([](Item item) { return std::to_string(positive(item.value)); },
                 [calls](const Rule& rule) {
                     if (++*calls < 3) throw std::runtime_error("not yet");
                     return std::to_string(rule.limit);
                 })
            .onError(ErrorPolicy::skip(), ErrorPolicy::retry(2));
    });
    harness.processElement1({"a", -1});
    harness.processElement2({8});
    CHECK(harness.output() == trace(element("8")));
    CHECK(*calls == 3);

    auto emitting = harnessFor<Item, Rule>([](DataStream<Item> items, DataStream<Rule> rules) {
        const auto each = [](Collector<int>& out, int value) {
            out.collect(value);
            positive(value);
        };
        return items.connect(rules)
            .flatMap([each](const Item& item, Collector<int>& out) { each(out, item.value); },
                     [each](const Rule& rule, Collector<int>& out) { each(out, rule.limit); })
            .onError(ErrorPolicy::retry(1).orSkip());
    });
    emitting.processElement1({"a", -1});
    emitting.processElement2({-2});
    emitting.processElement1({"a", 3});
    CHECK(emitting.output() == trace(element(3)));
    CHECK(emitting.recordsSkipped() == 2);
}

/// Adds up, and tells the sum by a timer; the timer of a sum of 13 fails.
struct Sums {
    ValueState<int> sum;
    std::shared_ptr<int> timers = std::make_shared<int>(0);

    void open(KeyedRuntimeContext& context) { sum = context.getState(ValueStateDescriptor<int>{"sum"}); }
    void processElement1(const Item& item, KeyedProcessContext<std::string>& context, Collector<Item>&) {
        sum.update(sum.valueOr(0) + item.value);
        positive(item.value);
        context.timerService().registerEventTimeTimer(at(10));
    }
    void processElement2(Item item, KeyedProcessContext<std::string>&, Collector<Item>& out) {
        out.collect({item.key, positive(item.value)});
    }
    void onTimer(Timestamp, OnTimerContext<std::string>& context, Collector<Item>& out) {
        ++*timers;
        out.collect({context.currentKey(), sum.valueOr(0)});
        if (sum.valueOr(0) == 13) {
            sum.update(100);
            throw std::runtime_error("unlucky");
        }
    }
};

TEST_CASE(
    "onError of keyed connected streams keeps what a failing call has done to state; timers have a policy of their own",
    "[api][on_error]") {
    const OutputTag<FailedTimer<std::string>> badTimer("bad timer");
    Sums sums;
    const auto timers = sums.timers;
    auto harness = harnessFor<Item, Item>([&](DataStream<Item> left, DataStream<Item> right) {
        return left.keyBy(&Item::key)
            .connect(right.keyBy(&Item::key))
            .process(sums)
            .uid("sums")
            .onError(ErrorPolicy::skip(), ErrorPolicy::deadLetter(kBadItem))
            .onTimerError(ErrorPolicy::deadLetter(badTimer));
    });
    const auto& letters = harness.sideOutput(badTimer);
    harness.sideOutput(kBadItem);
    harness.processElement1({"a", 15}, at(1));
    harness.processElement1({"a", -2}, at(2));  // 13 all the same
    harness.processElement1({"b", 4}, at(2));
    harness.processElement2({"a", -9}, at(3));
    harness.restoreFromOwnSnapshot();
    harness.processBothWatermarks(at(10));
    CHECK(harness.takeOutput() ==
          trace(sideElement("bad item", Item{"a", -9}, at(3)),
                sideElement("bad timer", "{key: a, time: " + describeValue(at(10)) + ", error: unlucky}", at(10)),
                element(Item{"b", 4}, at(10)), watermark(at(10))));
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].key == "a");
    CHECK(letters[0].time == at(10));
    CHECK(*timers == 2);  // the timer is gone
    harness.processBothWatermarks(at(20));
    CHECK(*timers == 2);
    harness.processElement1({"a", 1}, at(21));
    harness.processBothWatermarks(at(30));
    CHECK(harness.takeOutput() == trace(watermark(at(20)), element(Item{"a", 101}, at(10)), watermark(at(30))));

    // without a policy a timer that fails is a failure of the job; with retry it is tried again, with what it has done
    auto failing = harnessFor<Item, Item>([&](DataStream<Item> left, DataStream<Item> right) {
        return left.keyBy(&Item::key).connect(right.keyBy(&Item::key)).process(Sums{}).onError(ErrorPolicy::skip());
    });
    failing.processElement1({"a", 13}, at(1));
    CHECK_THAT(errorOf([&] { failing.processBothWatermarks(at(10)); }), ContainsSubstring("unlucky"));
    auto again = harnessFor<Item, Item>([&](DataStream<Item> left, DataStream<Item> right) {
        return left.keyBy(&Item::key)
            .connect(right.keyBy(&Item::key))
            .process(Sums{})
            .onTimerError(ErrorPolicy::retry(1));
    });
    again.processElement1({"a", 13}, at(1));
    again.processBothWatermarks(at(10));
    CHECK(again.output() == trace(element(Item{"a", 100}, at(10)), watermark(at(10))));
}

/// For one input: emits in a timer of processing time, which fails for the key "x".
struct Remind {
    void processElement(const Item& item, KeyedProcessContext<std::string>& context, Collector<std::string>&) {
        positive(item.value);
        context.timerService().registerProcessingTimeTimer(at(item.value));
    }
    void onTimer(Timestamp, OnTimerContext<std::string>& context, Collector<std::string>& out) {
        if (context.currentKey() == "x") throw std::runtime_error("no x");
        out.collect(context.currentKey());
    }
};

TEST_CASE("onTimerError of one input, before or behind onError, and with timers of processing time",
          "[api][on_error]") {
    const auto run = [](auto addPolicies) {
        auto harness =
            harnessFor<Item>([&](DataStream<Item> in) { return addPolicies(in.keyBy(&Item::key).process(Remind{})); });
        harness.processElements({{"x", 3}, {"y", 4}, {"z", -1}}, {});
        harness.setProcessingTime(at(5));
        CHECK(harness.recordsSkipped() == 2);
        return harness.takeOutput();
    };
    const auto skip = ErrorPolicy::skip();
    CHECK(run([&](auto stream) { return std::move(stream).onError(skip).onTimerError(skip); }) == trace(element("y")));
    CHECK(run([&](auto stream) { return std::move(stream).onTimerError(skip).onError(skip); }) == trace(element("y")));
}

/// Takes records over, so a policy that may send them has to give it a copy.
struct Greedy {
    void processElement(Item&& item, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        const Item taken = std::move(item);
        out.collect(taken.key);
        context.timerService().registerEventTimeTimer(at(positive(taken.value)));
    }
    void processElement1(Item&& item, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        processElement(std::move(item), context, out);
    }
    void processElement2(Item&& item, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        processElement(std::move(item), context, out);
    }
    void onTimer(Timestamp, OnTimerContext<std::string>&, Collector<std::string>&) { throw std::runtime_error("late"); }
};

TEST_CASE("policies for records and for timers of a function that takes records over come in either order",
          "[api][on_error]") {
    const OutputTag<FailedTimer<std::string>> badTimer("bad timer");
    const auto records = ErrorPolicy::retry(1).orDeadLetter(kBadItem);
    const auto timers = ErrorPolicy::deadLetter(badTimer);
    const auto recordsFirst = [&](auto stream) { return std::move(stream).onError(records).onTimerError(timers); };
    const auto timersFirst = [&](auto stream) { return std::move(stream).onTimerError(timers).onError(records); };

    const auto one = [&](auto addPolicies) {
        auto harness =
            harnessFor<Item>([&](DataStream<Item> in) { return addPolicies(in.keyBy(&Item::key).process(Greedy{})); });
        harness.sideOutput(kBadItem);
        harness.sideOutput(badTimer);
        harness.processElements({{"x", 3}, {"y", -4}}, {at(1), at(2)});
        harness.processWatermark(at(5));
        return linesOf(harness.output());
    };
    const std::vector<std::string> expected =
        linesOf(trace(element("x", at(1)), sideElement("bad item", describeValue(Item{"y", -4}), at(2)),
                      sideElement("bad timer", describeValue(FailedTimer<std::string>{"x", at(3), "late"}), at(3)),
                      watermark(at(5))));
    CHECK(one(recordsFirst) == expected);
    CHECK(one(timersFirst) == expected);

    const auto two = [&](auto addPolicies) {
        auto harness = harnessFor<Item, Item>([&](DataStream<Item> left, DataStream<Item> right) {
            return addPolicies(left.keyBy(&Item::key).connect(right.keyBy(&Item::key)).process(Greedy{}));
        });
        harness.sideOutput(kBadItem);
        harness.sideOutput(badTimer);
        harness.processElement1({"x", 3}, at(1));
        harness.processElement2({"y", -4}, at(2));
        harness.processWatermark1(at(5));
        harness.processWatermark2(at(5));
        return linesOf(harness.output());
    };
    CHECK(two(recordsFirst) == expected);
    CHECK(two(timersFirst) == expected);
}

TEST_CASE("a policy for a stream that was used already names the call that gave it", "[api][on_error][threads]") {
    StreamExecutionEnvironment env;
    auto named = env.fromData<Item>({{"x", 1}}).keyBy(&Item::key).process(Remind{});
    named.print();
    const std::string hint = ": this operator is already recorded; call it directly behind the operator";
    CHECK(errorOf([&] { std::move(named).onTimerError(ErrorPolicy::skip()); }) == "onTimerError" + hint);
    CHECK(errorOf([&] { std::move(named).onError(ErrorPolicy::skip()); }) == "onError" + hint);
}

// ---- broadcast ------------------------------------------------------------------------------------------------------------

const MapStateDescriptor<int, int> kLimits("limits");

struct Limited {
    void processElement(const Item& item, BroadcastReadOnlyContext& context, Collector<int>& out) {
        check(item, context.getBroadcastState(kLimits), out);
    }
    void processBroadcastElement(const Rule& rule, BroadcastContext& context, Collector<int>&) {
        context.getBroadcastState(kLimits).put(0, rule.limit);
        positive(rule.limit);
    }
    template <class States>
    static void check(const Item& item, const States& limits, Collector<int>& out) {
        out.collect(item.value);
        const int* const limit = limits.get(0);
        if (limit != nullptr && item.value > *limit) throw std::runtime_error("too much");
    }
};
struct KeyedLimited {
    void processElement(const Item& item, KeyedReadOnlyContext<std::string>& context, Collector<int>& out) {
        context.timerService().registerEventTimeTimer(at(50));
        Limited::check(item, context.getBroadcastState(kLimits), out);
    }
    void processBroadcastElement(const Rule& rule, KeyedBroadcastContext<std::string>& context, Collector<int>&) {
        context.getBroadcastState(kLimits).put(0, rule.limit);
        positive(rule.limit);
    }
    void onTimer(Timestamp, KeyedReadOnlyContext<std::string>& context, Collector<int>&) {
        throw std::runtime_error("timer of " + context.currentKey());
    }
};

TEST_CASE("onError of broadcast functions: what was put into the broadcast state stays", "[api][on_error]") {
    auto harness = harnessFor<Item, Rule>([](DataStream<Item> items, DataStream<Rule> rules) {
        return items.connect(rules.broadcast(kLimits))
            .process(Limited{})
            .onError(ErrorPolicy::deadLetter(kBadItem), ErrorPolicy::deadLetter(kBadRule));
    });
    harness.sideOutput(kBadItem);
    const auto& rules = harness.sideOutput(kBadRule);
    harness.processElement2({5});
    harness.processElement1({"a", 5});
    harness.processElement1({"a", 6});
    harness.processElement2({-5});  // fails, but is the limit now
    harness.restoreFromOwnSnapshot();
    harness.processElement1({"a", -4});
    harness.processElement1({"a", -6});
    CHECK(harness.output() == trace(element(5), sideElement("bad item", "{key: a, value: 6}"),
                                    sideElement("bad rule", "{record: {limit: -5}, error: below zero: -5}"),
                                    sideElement("bad item", "{key: a, value: -4}"), element(-6)));
    CHECK(rules.size() == 1);

    auto keyed = harnessFor<Item, Rule>([](DataStream<Item> items, DataStream<Rule> rulesOfAll) {
        return items.keyBy(&Item::key)
            .connect(rulesOfAll.broadcast(kLimits))
            .process(KeyedLimited{})
            .onTimerError(ErrorPolicy::skip())
            .onError(ErrorPolicy::retry(1).orDeadLetter(kBadItem), ErrorPolicy::skip());
    });
    keyed.sideOutput(kBadItem);
    keyed.processElement2({-5}, at(1));
    keyed.processElement1({"a", 6}, at(2));
    keyed.processElement1({"a", -7}, at(3));
    keyed.processBothWatermarks(at(60));
    CHECK(keyed.output() ==
          trace(sideElement("bad item", "{key: a, value: 6}", at(2)), element(-7, at(3)), watermark(at(60))));
    CHECK(keyed.recordsSkipped() == 2);
    CHECK(keyed.deadLetters() == 1);
}

// ---- joins ----------------------------------------------------------------------------------------------------------------

TEST_CASE("onError of an interval join leaves out pairs; both elements stay in the join", "[api][on_error]") {
    const auto join = [](const Item& left, const Item& right, Collector<int>& out) {
        out.collect(left.value);
        if (left.value == right.value) throw std::runtime_error("equal");
        out.collect(right.value);
    };
    const OutputTag<FailedRecord<std::pair<Item, Item>>> badPair("bad pair");
    auto harness = harnessFor<Item, Item>([&](DataStream<Item> left, DataStream<Item> right) {
        return left.keyBy(&Item::key)
            .intervalJoin(right.keyBy(&Item::key))
            .between(-10ns, 10ns)
            .process(join)
            .onError(ErrorPolicy::deadLetter(badPair));
    });
    const auto& letters = harness.sideOutput(badPair);
    harness.processElement1({"a", 1}, at(1));
    harness.processElement2({"a", 1}, at(4));
    harness.restoreFromOwnSnapshot();
    harness.processElement2({"a", 2}, at(3));
    harness.processElement1({"a", 3}, at(2));
    CHECK(harness.takeOutput().size() == 7);
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].record == std::pair(Item{"a", 1}, Item{"a", 1}));
    CHECK(letters[0].error == "equal");
    CHECK(harness.deadLetters() == 0);  // of the operator that was restored; the letter was of the one before

    auto skipping = harnessFor<Item, Item>([&](DataStream<Item> left, DataStream<Item> right) {
        return left.keyBy(&Item::key)
            .intervalJoin(right.keyBy(&Item::key))
            .between(-10ns, 10ns)
            .process([](const Item& l, const Item& r) { return positive(l.value - r.value); })
            .onError(ErrorPolicy::skip());
    });
    skipping.processElement1({"a", 1}, at(1));
    skipping.processElement2({"a", 4}, at(4));
    skipping.processElement2({"a", 0}, at(5));
    CHECK(skipping.output() == trace(element(1, at(5))));
    CHECK(skipping.recordsSkipped() == 1);
}

// ---- windows --------------------------------------------------------------------------------------------------------------

struct Total {
    using Accumulator = std::vector<int>;
    bool returnsAccumulator = false;
    Accumulator createAccumulator() const { return {}; }
    void add(const Item& item, Accumulator& acc) const {
        acc.push_back(item.value);
        if (item.value < 0) throw std::runtime_error("below zero");
    }
    std::string getResult(const Accumulator& acc) const {
        std::string text;
        for (const int each : acc) text += std::to_string(each) + ",";
        if (text == "13,") throw std::runtime_error("unlucky");
        return text;
    }
    void merge(Accumulator& into, const Accumulator& other) const {
        into.insert(into.end(), other.begin(), other.end());
    }
};
/// `add` takes the accumulator over, and returns it.
struct ByValue {
    std::vector<int> createAccumulator() const { return {}; }
    std::vector<int> add(const Item& item, std::vector<int> acc) const {
        std::vector<int> taken = std::move(acc);
        taken.push_back(positive(item.value));
        return taken;
    }
    std::string getResult(const std::vector<int>& acc) const { return Total{}.getResult(acc); }
};

/// Changes its accumulator only when the item is right; can be merged.
struct Checked {
    std::vector<int> createAccumulator() const { return {}; }
    void add(const Item& item, std::vector<int>& acc) const { acc.push_back(positive(item.value)); }
    std::string getResult(const std::vector<int>& acc) const { return Total{}.getResult(acc); }
    void merge(std::vector<int>& into, const std::vector<int>& other) const { Total{}.merge(into, other); }
};

using Failed = FailedWindow<std::string, TimeWindow>;
const OutputTag<Failed> kBadWindow("bad window");

TEST_CASE("onError of windows: records that cannot be aggregated, and windows that cannot be emitted",
          "[api][on_error]") {
    const auto run = [](auto pipeline) {
        auto harness = harnessFor<Item>(pipeline);
        const auto& letters = harness.sideOutput(kBadWindow);
        harness.processElement({"a", 13}, at(1));
        harness.processElement({"b", 1}, at(1));
        harness.restoreFromOwnSnapshot();
        harness.processElements({{"b", -2}, {"b", 3}}, {at(2), at(3)});
        harness.processWatermark(at(20));
        REQUIRE(letters.size() == 1);
        CHECK(letters[0].key == "a");
        CHECK(letters[0].error == "unlucky");
        CHECK(harness.recordsSkipped() == 1);
        CHECK(harness.deadLetters() == 1);
        return std::pair(letters[0].window, linesOf(harness.output()));
    };
    const auto skip = ErrorPolicy::skip();
    const auto send = ErrorPolicy::deadLetter(kBadWindow);
    const TimeWindow tumbling{at(0), at(10)};
    // what the failing call has done to its accumulator stays; but not to one that it got by value
    const std::vector<std::string> kept =
        linesOf(trace(sideElement("bad window", describeValue(Failed{"a", tumbling, "unlucky"}), at(9)),
                      element("1,-2,3,", at(9)), watermark(at(20))));
    CHECK(run([&](DataStream<Item> in) {
              return in.keyBy(&Item::key)
                  .window(TumblingEventTimeWindows::of(10ns))
                  .aggregate(Total{})
                  .onError(skip, send);
          }) == std::pair(tumbling, kept));
    CHECK(run([&](DataStream<Item> in) {
              return in.keyBy(&Item::key)
                  .window(TumblingEventTimeWindows::of(10ns))
                  .aggregate(Total{},
                             [](const std::string&, const TimeWindow&, const std::string& text) { return text; })
                  .onError(skip, send);
          }) == std::pair(tumbling, kept));
    // one kept by key
    CHECK(run([&](DataStream<Item> in) {
              return in.keyBy(&Item::key)
                  .window(TumblingEventTimeWindows::of(10ns))
                  .trigger(EventTimeTrigger())
                  .evictor(CountEvictor::of(100))
                  .aggregate(ByValue{})
                  .onError(skip, send);
          }) == std::pair(tumbling, linesOf(trace(sideElement("bad window",
                                                              describeValue(Failed{"a", tumbling, "unlucky"}), at(9)),
                                                  element("1,3,", at(9)), watermark(at(20))))));
    const TimeWindow session{at(1), at(6)};
    const auto [window, lines] = run([&](DataStream<Item> in) {
        return in.keyBy(&Item::key)
            .window(EventTimeSessionWindows::withGap(5ns))
            .aggregate(Total{})
            .onError(skip, send);
    });
    CHECK(window == session);
    CHECK(lines.size() == 3);
}

TEST_CASE("a record that cannot be added to its windows is one dead letter, with its timestamp and the error",
          "[api][on_error]") {
    const OutputTag<FailedRecord<Item>> bad("bad");
    const auto policy = ErrorPolicy::retry(1).orDeadLetter(bad);
    const auto letter = [](const Item& item, std::int64_t time) {
        return sideElement("bad", describeValue(FailedRecord<Item>{item, "below zero: " + std::to_string(item.value)}),
                           at(time));
    };
    // records of several windows in one block, then some behind the watermark, of which the last is too late
    const auto run = [&](auto window) {
        auto harness = harnessFor<Item>([&](DataStream<Item> in) { return window(in.keyBy(&Item::key)); });
        harness.sideOutput(bad);
        harness.processElements({{"a", 1}, {"a", -2}, {"b", -3}, {"a", 4}, {"a", -5}},
                                {at(1), at(2), at(13), at(14), at(3)});
        harness.restoreFromOwnSnapshot();
        harness.processWatermark(at(25));
        harness.processElements({{"a", -6}, {"a", -7}}, {at(16), at(1)});
        harness.processWatermark(at(50));
        return linesOf(harness.output());
    };
    const auto letters = [&](std::vector<std::string> lines) {
        std::erase_if(lines, [](const std::string& line) { return line.find("bad") == std::string::npos; });
        return lines;
    };
    const std::vector<std::string> inTheirOrder =
        linesOf(trace(letter({"a", -2}, 2), letter({"b", -3}, 13), letter({"a", -5}, 3), letter({"a", -6}, 16)));

    const auto tumbling = run([&](auto keyed) {
        return keyed.window(TumblingEventTimeWindows::of(10ns))
            .allowedLateness(10ns)
            .aggregate(ByValue{})
            .onError(policy, ErrorPolicy::fail());
    });
    CHECK(letters(tumbling) == inTheirOrder);
    const auto results = [&](std::vector<std::string> lines) {
        std::erase_if(lines, [](const std::string& line) {
            return line.find(',') == std::string::npos || line.find("bad") != std::string::npos;
        });
        return lines;
    };
    CHECK(results(tumbling) == linesOf(trace(element("1,", at(9)), element("4,", at(19)), element("4,", at(19)))));

    // a record belongs to several windows, of which each has an accumulator
    CHECK(letters(run([&](auto keyed) {
              return keyed.window(SlidingEventTimeWindows::of(20ns, 5ns)).aggregate(ByValue{}).onError(policy);
          })) == inTheirOrder);
    CHECK(letters(run([&](auto keyed) {
              return keyed.window(SlidingEventTimeWindows::of(20ns, 5ns))
                  .trigger(CountTrigger::of(100))
                  .aggregate(ByValue{})
                  .onError(policy);
          })) == inTheirOrder);
    // one in slices
    CHECK(letters(run([&](auto keyed) {
              return keyed.window(SlidingEventTimeWindows::of(20ns, 5ns)).aggregate(Checked{}).onError(policy);
          })) == inTheirOrder);
    CHECK(letters(run([&](auto keyed) {
              return keyed.window(EventTimeSessionWindows::withGap(11ns)).aggregate(Checked{}).onError(policy);
          })) == inTheirOrder);
}

TEST_CASE("dead letters of records in windows are the records themselves where the tag says so", "[api][on_error]") {
    // no timestamps, no keys
    auto harness = harnessFor<Item>([](DataStream<Item> in) {
        return in.countWindowAll(2)
            .reduce([](const Item& a, const Item& b) {
                return Item{a.key + b.key, positive(b.value)};
            })
            .onError(ErrorPolicy::deadLetter(kBadItem));
    });
    harness.sideOutput(kBadItem);
    harness.processElements({{"a", 1}, {"b", -1}, {"c", -3}, {"d", 4}}, {});
    CHECK(harness.output() == trace(element(Item{"a", 1}, kMaxTimestamp), element(Item{"cd", 4}, kMaxTimestamp),
                                    sideElement("bad item", Item{"b", -1})));
    CHECK(harness.deadLetters() == 1);
    CHECK(harness.recordsSkipped() == 0);
}

TEST_CASE("a dead letter for records does not save a window whose function throws", "[api][on_error]") {
    auto harness = harnessFor<Item>([](DataStream<Item> in) {
        return in.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .aggregate(Total{})
            .onError(ErrorPolicy::deadLetter(kBadItem));
    });
    harness.sideOutput(kBadItem);
    harness.processElements({{"a", 13}, {"b", -2}}, {at(1), at(2)});
    CHECK(harness.deadLetters() == 1);
    CHECK_THAT(errorOf([&] { harness.processWatermark(at(20)); }), ContainsSubstring("unlucky"));
}

TEST_CASE("a window that is skipped is gone, its neighbours are not", "[api][on_error]") {
    const auto calls = std::make_shared<int>(0);
    auto harness = harnessFor<Item>([&](DataStream<Item> in) {
        return in.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .process(
                [calls](const std::string& key, const TimeWindow&, std::span<const Item> items, Collector<int>& out) {
                    ++*calls;
                    for (const Item& item : items) out.collect(item.value);
                    if (key == "bad" || (key == "flaky" && *calls % 2 == 1)) throw std::runtime_error("no " + key);
                })
            .onError(ErrorPolicy::retry(1).orSkip());
    });
    harness.processElement({"bad", 1}, at(1));
    harness.processWatermark(at(10));
    harness.processElement({"flaky", 3}, at(12));
    harness.processElement({"flaky", 4}, at(13));
    harness.processWatermark(at(20));
    harness.processElement({"good", 5}, at(21));
    harness.processWatermark(at(30));
    CHECK(harness.output() == trace(watermark(at(10)), element(3, at(19)), element(4, at(19)), watermark(at(20)),
                                    element(5, at(29)), watermark(at(30))));
    CHECK(*calls == 5);
    CHECK(harness.recordsSkipped() == 1);
}

TEST_CASE("a window function with state keeps what it has written when it is skipped", "[api][on_error]") {
    struct Count {
        ValueState<int> count;
        void open(WindowRuntimeContext& context) {
            count = context.globalState().getState(ValueStateDescriptor<int>{"count"});
        }
        void process(const std::string&, WindowContext&, std::span<const Item> items, Collector<int>& out) {
            count.update(count.valueOr(0) + 1);
            positive(items.front().value);
            out.collect(count.valueOr(0));
        }
    };
    auto harness = harnessFor<Item>([&](DataStream<Item> in) {
        return in.keyBy(&Item::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .process(Count{})
            .onError(ErrorPolicy::skip());
    });
    harness.processElement({"a", -1}, at(1));
    harness.processWatermark(at(10));
    harness.restoreFromOwnSnapshot();
    harness.processElement({"a", 1}, at(11));
    harness.processWatermark(at(20));
    CHECK(harness.output() == trace(watermark(at(10)), element(2, at(19)), watermark(at(20))));
}

TEST_CASE("onError of windows over a whole stream, of reduce, and of joins and coGroup in windows", "[api][on_error]") {
    const OutputTag<FailedWindow<void, TimeWindow>> badAll("bad all");
    auto all = harnessFor<Item>([&](DataStream<Item> in) {
        return in.windowAll(TumblingEventTimeWindows::of(10ns))
            .aggregate(Total{})
            .onError(ErrorPolicy::deadLetter(badAll));
    });
    const auto& letters = all.sideOutput(badAll);
    all.processElement({"a", 13}, at(1));
    all.processWatermark(at(10));
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].window == TimeWindow{at(0), at(10)});

    auto reduced = harnessFor<Item>([](DataStream<Item> in) {
        return in.keyBy(&Item::key)
            .window(SlidingEventTimeWindows::of(20ns, 10ns))
            .reduce([](const Item& a, const Item& b) {
                return Item{a.key, positive(a.value) + positive(b.value)};
            })
            .onError(ErrorPolicy::skip());
    });
    reduced.processElements({{"a", 1}, {"a", -2}, {"a", 3}}, {at(1), at(2), at(3)});
    reduced.processWatermark(at(9));
    CHECK(reduced.output() == trace(element(Item{"a", 4}, at(9)), watermark(at(9))));

    const auto paired = [](auto pair) {
        return harnessFor<Item, Item>(
            [pair](DataStream<Item> left, DataStream<Item> right) { return pair(left, right); });
    };
    auto joined = paired([](const auto& left, const auto& right) {
        return left.join(right)
            .where(&Item::key)
            .equalTo(&Item::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .apply([](const Item& l, const Item& r) { return positive(l.value - r.value); })
            .onError(ErrorPolicy::deadLetter(kBadWindow));
    });
    const auto& lost = joined.sideOutput(kBadWindow);
    joined.processElement1({"a", 5}, at(1));
    joined.processElement1({"a", 1}, at(2));
    joined.processElement2({"a", 3}, at(3));
    joined.processElement1({"b", 5}, at(4));
    joined.processElement2({"b", 3}, at(5));
    joined.processBothWatermarks(at(10));
    CHECK(joined.output() ==
          trace(sideElement("bad window", describeValue(Failed{"a", {at(0), at(10)}, "below zero: -2"}), at(9)),
                element(2, at(9)), watermark(at(10))));
    CHECK(lost.size() == 1);

    auto grouped = paired([](const auto& left, const auto& right) {
        return left.coGroup(right)
            .where(&Item::key)
            .equalTo(&Item::key)
            .window(TumblingEventTimeWindows::of(10ns))
            .apply([](std::span<const Item> l, std::span<const Item> r, Collector<int>& out) {
                out.collect(positive(static_cast<int>(l.size()) - static_cast<int>(r.size())));
            })
            .onError(ErrorPolicy::skip());
    });
    grouped.processElement2({"a", 3}, at(3));
    grouped.processElement1({"b", 5}, at(4));
    grouped.processBothWatermarks(at(10));
    CHECK(grouped.output() == trace(element(1, at(9)), watermark(at(10))));
    CHECK(grouped.recordsSkipped() == 1);
}

// ---- sinks ----------------------------------------------------------------------------------------------------------------

/// Writes down what is positive, and takes what it gets over.
struct PickySink {
    std::shared_ptr<std::vector<Item>> written = std::make_shared<std::vector<Item>>();
    std::shared_ptr<int> calls = std::make_shared<int>(0);

    struct Writer {
        std::shared_ptr<std::vector<Item>> written;
        std::shared_ptr<int> calls;
        void write(Item item, const SinkContext&) {
            ++*calls;
            Item taken = std::move(item);
            positive(taken.value);
            written->push_back(std::move(taken));
        }
        void flush(bool) {}
        void close() {}
    };
    Writer createWriter(const WriterInitContext&) const { return {written, calls}; }
};

TEST_CASE("onError of sinks: elements are left out, tried again, or dead letters", "[api][on_error]") {
    const std::string large = "a key that owns memory of its own";
    const std::vector<Item> items{{large, 1}, {large, -2}, {large, 3}, {"d", -4}};
    const auto run = [&](auto addSink) {
        StreamExecutionEnvironment env(SimulatedRuntime{7});
        const DataStream<Item> in = env.fromCollection(items);
        addSink(in);
        const auto job = env.executeAsync("sinks");
        job->result();
        std::pair<std::uint64_t, std::uint64_t> counts{0, 0};
        for (const OperatorMetrics& row : job->metrics()) {
            counts.first += row.recordsSkipped;
            counts.second += row.deadLetters;
        }
        return counts;
    };
    using Counts = std::pair<std::uint64_t, std::uint64_t>;
    const std::vector<Item> good{{large, 1}, {large, 3}};
    const std::vector<Item> bad{{large, -2}, {"d", -4}};

    std::vector<Item> seen;
    CHECK(run([&](const DataStream<Item>& in) {
              in.addSink(
                  [&](const Item& item) {
                      positive(item.value);
                      seen.push_back(item);
                  },
                  ErrorPolicy::skip());
          }) == Counts{2, 0});
    CHECK(seen == good);

    seen.clear();
    CollectSink<FailedRecord<Item>> letters;
    const OutputTag<FailedRecord<Item>> why("why");
    CHECK(run([&](const DataStream<Item>& in) {
              in.addSink(
                    [&](const Item& item, const SinkContext&) {
                        positive(item.value);
                        seen.push_back(item);
                    },
                    ErrorPolicy::deadLetter(why))
                  .name("picky")
                  .getSideOutput(why)
                  .sinkTo(letters);
          }) == Counts{0, 2});
    CHECK(seen == good);
    REQUIRE(letters.size() == 2);
    CHECK(letters.elements()[0].record == bad[0]);
    CHECK(letters.elements()[0].error == "below zero: -2");

    const PickySink picky;
    CollectSink<Item> refused;
    CHECK(run([&](const DataStream<Item>& in) {
              in.sinkTo(picky, ErrorPolicy::retry(2).orDeadLetter(kBadItem)).getSideOutput(kBadItem).sinkTo(refused);
          }) == Counts{0, 2});
    CHECK(*picky.written == good);
    CHECK(*picky.calls == 2 + 2 * 3);
    CHECK(refused.elements() == bad);

    CHECK_THROWS_AS(run([&](const DataStream<Item>& in) { in.sinkTo(PickySink{}, ErrorPolicy::retry(1)); }),
                    JobExecutionException);
    CHECK_THROWS_AS(run([&](const DataStream<Item>& in) { in.sinkTo(PickySink{}, ErrorPolicy::fail()); }),
                    JobExecutionException);
}

}  // namespace
