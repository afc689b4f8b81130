#include <millrace/batch.hpp>
#include <millrace/functions/error_policy.hpp>

#include <millrace/api/checkpointing.hpp>
#include <millrace/core/log.hpp>
#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing.hpp>

#include <support/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Texts = std::vector<std::string>;

Timestamp at(std::int64_t nanoseconds) {
    return Timestamp(Duration(nanoseconds));
}

const OutputTag<std::string> kBad("bad");
const OutputTag<FailedRecord<std::string>> kWhy("why");

int numberIn(const std::string& text) {
    if (text.find_first_not_of("0123456789") != std::string::npos) throw std::invalid_argument("no number: " + text);
    return std::stoi(text);
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

/// Emits as many zeros as the number says before it looks at it.
void countDown(const std::string& text, Collector<int>& out) {
    for (std::size_t i = 0; i < text.size(); ++i) out.collect(0);
    out.collect(numberIn(text));
}

TEST_CASE("onError(skip) leaves out the records for which a function throws, of each kind of operator",
          "[api][on_error]") {
    const auto run = [](auto pipeline) {
        auto harness = harnessFor<std::string>(pipeline);
        harness.processElement("1", at(5));
        harness.processElement("x", at(6));
        harness.processWatermark(at(7));
        harness.processElement("22", at(8));
        harness.processElements({"y", "3", "z"}, {at(9), at(10), at(11)});
        CHECK(harness.recordsSkipped() == 3);
        CHECK(harness.deadLetters() == 0);
        return harness.takeOutput();
    };
    const auto skip = ErrorPolicy::skip();
    CHECK(run([&](DataStream<std::string> in) { return in.map(numberIn).onError(skip); }) ==
          trace(element(1, at(5)), watermark(at(7)), element(22, at(8)), element(3, at(10))));
    CHECK(run([&](DataStream<std::string> in) {
              return in.filter([](const std::string& text) { return numberIn(text) != 22; }).onError(skip);
          }) == trace(element("1", at(5)), watermark(at(7)), element("3", at(10))));
    CHECK(run([&](DataStream<std::string> in) { return in.flatMap(countDown).onError(skip); }) ==
          trace(element(0, at(5)), element(1, at(5)), watermark(at(7)), element(0, at(8)), element(0, at(8)),
                element(22, at(8)), element(0, at(10)), element(3, at(10))));
    CHECK(run([&](DataStream<std::string> in) {
              return in
                  .process([](const std::string& text, ProcessContext&, Collector<int>& out) { countDown(text, out); })
                  .onError(skip);
          }) == trace(element(0, at(5)), element(1, at(5)), watermark(at(7)), element(0, at(8)), element(0, at(8)),
                      element(22, at(8)), element(0, at(10)), element(3, at(10))));
    // in one stage with others, behind a name and a uid
    CHECK(run([&](DataStream<std::string> in) {
              return in.map([](std::string text) { return text; })
                  .map(numberIn)
                  .name("parse")
                  .uid("parse")
                  .onError(skip)
                  .filter([](int number) { return number != 22; })
                  .map([](int number) { return number * 10; });
          }) == trace(element(10, at(5)), watermark(at(7)), element(30, at(10))));
}

TEST_CASE("what a failing call has emitted is withdrawn, also when it is more than a block", "[api][on_error]") {
    auto harness = harnessFor<std::string>([](DataStream<std::string> in) {
        return in
            .flatMap([](const std::string& text, Collector<std::string>& out) {
                for (int i = 0; i < 5000; ++i) out.collect(text + " is a text that owns memory");
                out.collect(std::to_string(numberIn(text)));
            })
            .onError(ErrorPolicy::skip())
            .filter([](const std::string& text) { return text.size() < 10; });
    });
    harness.processElements({"x", "1", "y", "2"}, {});
    CHECK(harness.output() == trace(element("1"), element("2")));
}

TEST_CASE("dead letters are the records themselves, or come with the error", "[api][on_error]") {
    auto plain = harnessFor<std::string>(
        [](DataStream<std::string> in) { return in.map(numberIn).onError(ErrorPolicy::deadLetter(kBad)); });
    plain.sideOutput(kBad);
    plain.processElement("x", at(5));
    plain.processElement("1", at(6));
    CHECK(plain.output() == trace(sideElement("bad", "x", at(5)), element(1, at(6))));
    CHECK(plain.deadLetters() == 1);
    CHECK(plain.recordsSkipped() == 0);

    auto explained = harnessFor<std::string>([](DataStream<std::string> in) {
        return in.map([](std::string text) { return numberIn(std::move(text)); })
            .onError(ErrorPolicy::deadLetter(kWhy));
    });
    const auto& letters = explained.sideOutput(kWhy);
    explained.processElements({"x", "1", "y"}, {at(5), at(6), at(7)});
    REQUIRE(letters.size() == 2);
    CHECK(letters[0].record == "x");
    CHECK(letters[0].error == "no number: x");
    CHECK(letters[1].record == "y");
    CHECK(explained.deadLetters() == 2);
}

/// Throws at every call but each `n`-th with the same text.
struct Flaky {
    int n;
    std::shared_ptr<int> calls = std::make_shared<int>(0);
    int operator()(std::string text) {
        std::string taken = std::move(text);
        if (++*calls % n != 0) throw std::runtime_error("not now: " + taken);
        return numberIn(taken);
    }
};

TEST_CASE("onError(retry) calls the function again with the whole record", "[api][on_error]") {
    Flaky flaky{3};
    auto harness = harnessFor<std::string>(
        [&](DataStream<std::string> in) { return in.map(flaky).onError(ErrorPolicy::retry(2)); });
    const std::string large = "1000000000000000000000000";
    harness.processElements({"1", "2"}, {});
    CHECK(harness.output() == trace(element(1), element(2)));
    CHECK(*flaky.calls == 6);
    CHECK(harness.recordsSkipped() == 0);

    *flaky.calls = 0;
    flaky.n = 4;
    auto failing = harnessFor<std::string>(
        [&](DataStream<std::string> in) { return in.map(flaky).uid("parse").onError(ErrorPolicy::retry(2)); });
    CHECK_THAT(errorOf([&] { failing.processElement("7", at(3)); }),
               ContainsSubstring("uid 'parse'") && ContainsSubstring("not now: 7"));
    CHECK(*flaky.calls == 3);

    *flaky.calls = 0;
    auto skipping = harnessFor<std::string>(
        [&](DataStream<std::string> in) { return in.map(flaky).onError(ErrorPolicy::retry(2).orSkip()); });
    skipping.processElements({"1", "2", "3"}, {});  // 2 succeeds at the first try, 3 at none
    CHECK(skipping.output() == trace(element(2)));
    CHECK(skipping.recordsSkipped() == 2);
    CHECK(*flaky.calls == 7);

    *flaky.calls = 0;
    auto sending = harnessFor<std::string>(
        [&](DataStream<std::string> in) { return in.map(flaky).onError(ErrorPolicy::retry(1).orDeadLetter(kWhy)); });
    const auto& letters = sending.sideOutput(kWhy);
    sending.processElements({large, "5"}, {});
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].record == large);
    CHECK(letters[0].error == "not now: " + large);
    CHECK(sending.deadLetters() == 1);

    CHECK_THROWS_AS(ErrorPolicy::retry(0), ConfigurationException);
}

struct Counted {
    int value = 0;
    static inline int copies = 0;

    explicit Counted(int v) : value(v) {}
    Counted() = default;
    Counted(const Counted& other) : value(other.value) { ++copies; }
    Counted(Counted&& other) noexcept : value(std::exchange(other.value, -1)) {}
    Counted& operator=(const Counted&) = default;
    Counted& operator=(Counted&&) = default;
};

/// Copies made of three records, of which the second is a failure, from the source to the end.
template <class Fn, class Policy>
int copiesWith(Fn fn, const Policy& policy) {
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    env.setParallelism(1);
    env.fromSequence(1, 3)
        .map([](std::int64_t i) { return Counted(static_cast<int>(i)); })
        .map(std::move(fn))
        .onError(policy)
        .addSink([](int) {});
    Counted::copies = 0;
    env.execute();
    return Counted::copies;
}

TEST_CASE("a record is copied only where a policy needs it and the function takes it over", "[api][on_error]") {
    const OutputTag<Counted> bad("bad");
    const auto look = [](const Counted& record) {
        if (record.value == 2) throw std::runtime_error("two");
        return record.value;
    };
    const auto take = [look](Counted record) { return look(record); };
    const auto demand = [look](Counted&& record) { return look(Counted(std::move(record))); };
    CHECK(copiesWith(look, ErrorPolicy::skip()) == 0);
    CHECK(copiesWith(take, ErrorPolicy::skip()) == 0);
    CHECK(copiesWith(demand, ErrorPolicy::skip()) == 0);
    CHECK(copiesWith(look, ErrorPolicy::deadLetter(bad)) == 0);
    CHECK(copiesWith(take, ErrorPolicy::deadLetter(bad)) == 3);
    CHECK(copiesWith(demand, ErrorPolicy::deadLetter(bad)) == 3);
    CHECK(copiesWith(take, ErrorPolicy::retry(2).orSkip()) == 5);
}

TEST_CASE("onError(fail) and no onError are the same", "[api][on_error]") {
    StreamExecutionEnvironment env(SimulatedRuntime{1});
    const DataStream<std::string> in = env.fromData<std::string>({"1"});
    static_assert(std::is_same_v<decltype(in.map(numberIn)), decltype(in.map(numberIn).onError(ErrorPolicy::fail()))>);
    in.map(numberIn).onError(ErrorPolicy::fail()).addSink([](int) {});
    CHECK(env.execute().status == JobStatus::Finished);
}

struct Login {
    std::string user;
    int number = 0;
    bool operator==(const Login&) const = default;
};
struct Seen {
    std::string text;
    bool operator==(const Seen&) const = default;
};
/// Counts the logins of a user before it looks at them, and tells the count ten ticks later.
struct CountLogins {
    ValueState<int> count;
    bool failsInTimer = false;

    void open(KeyedRuntimeContext& context) { count = context.getState(ValueStateDescriptor<int>{"count"}); }
    void processElement(const Login& login, KeyedProcessContext<std::string>& context, Collector<Seen>& out) {
        count.update(count.valueOr(0) + 1);
        out.collect(Seen{"seen " + std::to_string(login.number)});
        if (login.number < 0) throw std::runtime_error("below zero");
        context.timerService().registerEventTimeTimer(context.timestamp().value_or(Timestamp{}) + 10ns);
    }
    void onTimer(Timestamp, OnTimerContext<std::string>& context, Collector<Seen>& out) {
        if (failsInTimer) throw std::runtime_error("in a timer");
        out.collect(Seen{context.currentKey() + " " + std::to_string(count.valueOr(0))});
    }
};

TEST_CASE("a keyed function keeps its state and timers, also what a failing call has done to them", "[api][on_error]") {
    const OutputTag<Login> bad("bad");
    auto harness = harnessFor<Login>([&](DataStream<Login> in) {
        return in.keyBy(&Login::user).process(CountLogins{}).uid("count").onError(ErrorPolicy::deadLetter(bad));
    });
    const auto& letters = harness.sideOutput(bad);
    harness.processElement({"ann", 1}, at(1));
    harness.processElement({"bob", -2}, at(2));
    harness.processElement({"ann", -3}, at(3));
    CHECK(harness.takeOutput() == trace(element(Seen{"seen 1"}, at(1)),
                                        sideElement("bad", "{user: bob, number: -2}", at(2)),
                                        sideElement("bad", "{user: ann, number: -3}", at(3))));
    harness.restoreFromOwnSnapshot();
    harness.processElement({"bob", 4}, at(4));
    harness.processWatermark(at(20));
    CHECK(harness.output() == trace(element(Seen{"seen 4"}, at(4)), element(Seen{"ann 2"}, at(11)),
                                    element(Seen{"bob 2"}, at(14)), watermark(at(20))));
    CHECK(letters == std::vector<Login>{{"bob", -2}, {"ann", -3}});

    auto failing = harnessFor<Login>([](DataStream<Login> in) {
        return in.keyBy(&Login::user).process(CountLogins{{}, true}).onError(ErrorPolicy::skip());
    });
    failing.processElement({"ann", 1}, at(1));
    CHECK_THAT(errorOf([&] { failing.processWatermark(at(20)); }), ContainsSubstring("in a timer"));
}

/// Numbers what it gets, in a list that is saved.
struct Numbering {
    std::shared_ptr<Texts> heard;
    OperatorListState<std::int64_t> saved{};
    std::int64_t next = 1;
    bool isOpen = false;

    void initializeState(FunctionInitializationContext& context) {
        saved = context.getOperatorStateStore().getListState(ListStateDescriptor<std::int64_t>("next"));
        for (const std::int64_t each : saved.get()) next = each;
    }
    void snapshotState(FunctionSnapshotContext&) { saved.update({next}); }
    void open(RuntimeContext&) { isOpen = true; }
    void close() { heard->push_back("closed"); }
    void notifyCheckpointComplete(std::int64_t id) { heard->push_back("complete " + std::to_string(id)); }
    void notifyCheckpointAborted(std::int64_t id) { heard->push_back("aborted " + std::to_string(id)); }
    std::string operator()(const std::string& text) {
        if (!isOpen) throw std::logic_error("not open");
        numberIn(text);
        return std::to_string(next++) + ": " + text;
    }
};

TEST_CASE("a guarded function is opened, closed, saved, restored and told of checkpoints as any other",
          "[api][on_error]") {
    const auto heard = std::make_shared<Texts>();
    auto harness = harnessFor<std::string>(
        [&](DataStream<std::string> in) { return in.map(Numbering{heard}).onError(ErrorPolicy::skip()); });
    harness.processElements({"7", "x", "8"}, {});
    harness.restoreFromOwnSnapshot();
    harness.processElement("9");
    harness.snapshot(5);
    harness.notifyOfCompletedCheckpoint(5);
    harness.notifyOfAbortedCheckpoint(6);
    harness.close();
    CHECK(harness.output() == trace(element("1: 7"), element("2: 8"), element("3: 9")));
    CHECK(*heard == Texts{"closed", "complete 5", "aborted 6", "closed"});
}

TEST_CASE("state finds its operator when a policy is given to it later", "[api][on_error]") {
    const auto planOf = [](auto addPolicy) {
        StreamExecutionEnvironment<SimulatedRuntime> env(SimulatedRuntime{1});
        const DataStream<Login> logins = env.fromCollection(std::vector<Login>{{"ann", 1}});
        addPolicy(logins.keyBy(&Login::user).process(CountLogins{})).addSink([](const Seen&) {});
        const std::string plan = env.getExecutionPlan().toJson();
        env.execute();
        return plan;
    };
    const std::string without = planOf([](auto stream) { return stream; });
    CHECK(planOf([](auto stream) { return std::move(stream).onError(ErrorPolicy::skip()); }) == without);
    CHECK_THAT(without, ContainsSubstring("process"));
}

TEST_CASE("a job counts what onError leaves out, and says once why", "[api][on_error]") {
    for (const auto mode : {RuntimeExecutionMode::Streaming, RuntimeExecutionMode::Batch}) {
        for (std::uint64_t seed = 0; seed < 10; ++seed) {
            CAPTURE(seed, static_cast<int>(mode));
            std::vector<std::string> warnings;
            setLogCallback([&](LogLevel level, std::string_view text) {
                if (level == LogLevel::Warning) warnings.emplace_back(text);
            });
            StreamExecutionEnvironment env(SimulatedRuntime{seed});
            env.setRuntimeMode(mode);
            env.setParallelism(1);
            CollectSink<int> good;
            CollectSink<FailedRecord<std::string>> bad;
            const DataStream<int> numbers = env.fromData<std::string>({"1", "x", "2", "y", "3"})
                                                .keyBy([](const std::string& text) { return text.size(); })
                                                .process([](const std::string& text, KeyedProcessContext<std::size_t>&,
                                                            Collector<int>& out) { out.collect(numberIn(text)); })
                                                .name("parse")
                                                .uid("parse")
                                                .onError(ErrorPolicy::deadLetter(kWhy));
            numbers.sinkTo(good);
            numbers.getSideOutput(kWhy)
                .map([](const FailedRecord<std::string>& letter) {
                    if (letter.record == "y") throw std::runtime_error("enough");
                    return letter;
                })
                .onError(ErrorPolicy::skip())
                .sinkTo(bad);
            const auto job = env.executeAsync("letters");
            job->result();
            setLogCallback(nullptr);
            CHECK(good.elements() == std::vector<int>{1, 2, 3});
            REQUIRE(bad.elements().size() == 1);
            CHECK(bad.elements()[0].error == "no number: x");
            std::uint64_t letters = 0;
            std::uint64_t skipped = 0;
            for (const OperatorMetrics& row : job->metrics()) {
                letters += row.deadLetters;
                skipped += row.recordsSkipped;
            }
            CHECK(letters == 2);
            CHECK(skipped == 1);
            std::sort(warnings.begin(), warnings.end());
            REQUIRE(warnings.size() == 2);
            CHECK_THAT(warnings[0], ContainsSubstring("operator 'map'") &&
                                        ContainsSubstring("was skipped since the user's "
                                                          "function threw") &&
                                        ContainsSubstring("enough"));
            CHECK(warnings[1] ==
                  "operator 'parse' (uid 'parse', subtask 0): the record was sent to a side output since the "
                  "user's function threw; further ones are only counted: no number: x");
        }
    }
}

TEST_CASE("with checkpoints every record that fails is one dead letter in the state behind it", "[api][on_error]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.setParallelism(2);
        CheckpointConfig config;
        config.interval = 20ms;
        config.restart = RestartStrategy::fixedDelay(5, 1ms);
        env.enableCheckpointing(config);
        CollectSink<std::int64_t> sums;
        const OutputTag<std::int64_t> bad("bad");
        const DataStream<std::int64_t> good =
            env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 200,
                                               RateLimiterStrategy::perSecond(1000)),
                           WatermarkStrategy::noWatermarks(), "numbers")
                .rebalance()
                .map([](std::int64_t number) {
                    if (number % 7 == 3) throw std::runtime_error("seven");
                    return number;
                })
                .onError(ErrorPolicy::deadLetter(bad));
        good.addSink([](std::int64_t) {});
        good.getSideOutput(bad)
            .map(failingAt(10 + seed / 2, [](std::int64_t number) { return number; }))
            .keyBy([](std::int64_t) { return 0; })
            .sum()
            .sinkTo(sums);
        CHECK(env.execute().status == JobStatus::Finished);
        std::int64_t expected = 0;
        for (std::int64_t i = 3; i < 200; i += 7) expected += i;
        const std::vector<std::int64_t> all = sums.elements();
        CHECK(*std::max_element(all.begin(), all.end()) == expected);
    }
}

}  // namespace
