#include <millrace/operators/co_process.hpp>

#include <millrace/operators/filter.hpp>
#include <millrace/operators/keyed_co_process.hpp>
#include <millrace/operators/map.hpp>

#include "support/catch.hpp"
#include "support/two_input_harness.hpp"

#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;

namespace {

using Lines = std::vector<Emitted<std::string>>;

/// Shows what a call saw.
struct ShowCall {
    void processElement1(std::int64_t value, ProcessContext& context, Collector<std::string>& out) const {
        show("first ", std::to_string(value), context, out);
    }
    void processElement2(std::string value, ProcessContext& context, Collector<std::string>& out) const {
        if (value == "throw") throw std::runtime_error("as asked");
        show("second ", value, context, out);
    }
    static void show(const char* input, const std::string& value, const ProcessContext& context,
                     Collector<std::string>& out) {
        const Timestamp watermark = context.currentWatermark();
        out.collect(input + value + (watermark == kMinTimestamp ? "" : " at w" + std::to_string(ticks(watermark))) +
                    (context.timestamp().has_value() ? "" : " without time"));
    }
};
using Show = detail::CoProcessOperator<std::int64_t, std::string, std::string, ShowCall>;
using ShowHarness = TwoInputHarness<std::int64_t, std::string, Show>;

struct Deposit {
    std::int32_t account;
    std::int64_t amount;
};
struct Ask {
    std::string text;
    std::int32_t account;
};

/// Adds up deposits, answers with the total; both inputs set a timer that ends the account.
struct Accounts {
    ValueState<std::int64_t> total;

    void open(KeyedRuntimeContext& context) { total = context.getState(ValueStateDescriptor<std::int64_t>{"total"}); }
    void processElement1(const Deposit& deposit, KeyedProcessContext<std::int32_t>& context, Collector<std::string>&) {
        total.update(total.valueOr(0) + deposit.amount);
        context.timerService().registerEventTimeTimer(*context.timestamp() + Duration{10});
    }
    void processElement2(const Ask& ask, KeyedProcessContext<std::int32_t>& context, Collector<std::string>& out) {
        out.collect(ask.text + std::to_string(context.currentKey()) + "=" + std::to_string(total.valueOr(-1)));
        context.timerService().registerEventTimeTimer(*context.timestamp() + Duration{10});
    }
    void onTimer(Timestamp, OnTimerContext<std::int32_t>& context, Collector<std::string>& out) {
        out.collect("end of " + std::to_string(context.currentKey()) + " with " + std::to_string(total.valueOr(-1)) +
                    " at w" + std::to_string(ticks(context.currentWatermark())));
        total.clear();
    }
};
using AccountsOperator =
    detail::KeyedCoProcessOperator<Deposit, Ask, std::int32_t Deposit::*, std::int32_t Ask::*, std::string, Accounts>;
using AccountsHarness = TwoInputHarness<Deposit, Ask, AccountsOperator>;
const AccountsOperator kAccounts{&Deposit::account, &Ask::account, {}};

}  // namespace

TEST_CASE("a co-process function sees the element's time and the smaller watermark of both inputs", "[operators]") {
    ShowHarness harness(Show{});
    harness.open();
    harness.element1(1, 3);
    harness.watermark1(17);
    harness.element2("a", 4);
    harness.watermark2(12);
    harness.elements2({{"b", 13}, {"c", 14}});
    harness.element1(2, INT64_MIN);
    CHECK(harness.take() == Lines{{"first 1", 3},
                                  {"second a", 4},
                                  {"second b at w12", 13},
                                  {"second c at w12", 14},
                                  {"first 2 at w12 without time", INT64_MIN}});
    CHECK(harness.stage().metrics.watermark == 12);
    CHECK(harness.stage().metrics.recordsIn == 5);
}

TEST_CASE("what the combined watermark of two inputs does not change is not passed on", "[operators]") {
    ShowHarness harness(Show{});
    harness.open();
    harness.watermark1(5);
    harness.stage().onIdle(1);    // input 2: event time is that of input 1 now
    harness.stage().onActive(1);  // at once it counts again, and holds event time back
    harness.watermark1(20);
    harness.watermark2(3);
    harness.watermark2(7);
    harness.stage().onIdle(0);
    CHECK(harness.output.controls.empty());
    CHECK(!harness.stage().metrics.idle);
    harness.stage().onIdle(1);
    CHECK(harness.stage().metrics.idle);
    harness.stage().onActive(0);
    CHECK(harness.output.controls == std::vector<std::string>{"idle", "active"});
    std::vector<std::int64_t> watermarks;
    for (const auto& each : harness.output.watermarks) watermarks.push_back(each.time);
    CHECK(watermarks == std::vector<std::int64_t>{5, 7, 20});
}

TEST_CASE("two inputs end when both have ended", "[operators]") {
    ShowHarness harness(Show{});
    harness.open();
    harness.stage().endInput(1);
    CHECK(harness.output.controls.empty());
    harness.stage().endInput(0);
    CHECK(harness.output.controls == std::vector<std::string>{"end"});
}

TEST_CASE("an exception of a co-process function names operator, uid, subtask and time, and keeps the cause",
          "[operators]") {
    ShowHarness harness(Show{});
    harness.open();
    try {
        harness.element2("throw", 5);
        FAIL("it should throw");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error),
                   ContainsSubstring("'two inputs' (uid 'uid-2', subtask 0)") && ContainsSubstring("as asked"));
    }
}

TEST_CASE("operators behind one of two inputs are in its loop", "[operators]") {
    struct Numbers {
        void processElement1(std::int64_t value, ProcessContext&, Collector<std::int64_t>& out) const {
            out.collect(value);
        }
        void processElement2(const std::string& value, ProcessContext&, Collector<std::int64_t>& out) const {
            out.collect(static_cast<std::int64_t>(value.size()));
        }
    };
    struct IsOdd {
        bool operator()(std::int64_t value) const { return value % 2 != 0; }
    };
    struct Twice {
        std::int64_t operator()(std::int64_t value) const { return 2 * value; }
    };
    using First = detail::CoProcessOperator<std::int64_t, std::string, std::int64_t, Numbers>;
    using Filter = detail::FilterOperator<std::int64_t, IsOdd>;
    using Map = detail::MapOperator<std::int64_t, Twice>;
    using detail::Link;
    using Chain = Link<Link<Link<detail::TwoInputs<std::int64_t, std::string>, First>, Filter>, Map>;
    detail::ChainStage<Chain> stage(Chain{}, {{"co-process", "1"}, {"filter", "2"}, {"map", "3"}});
    FakeStageContext context;
    RecordingPort<std::int64_t> output;
    stage.addOutput("", output);
    stage.open(context);
    std::int64_t numbers[] = {1, 2, 3};
    std::string texts[] = {"four", "three"};
    stage.onBlock(0, detail::Block<std::int64_t>{numbers, nullptr, nullptr, 3});
    stage.onBlock(1, detail::Block<std::string>{texts, nullptr, nullptr, 2});
    stage.close();
    CHECK(output.elements == std::vector<Emitted<std::int64_t>>{{2, INT64_MIN}, {6, INT64_MIN}, {10, INT64_MIN}});
}

TEST_CASE("both inputs of a keyed co-process function share state and timers", "[operators]") {
    AccountsHarness harness(kAccounts);
    harness.open();
    harness.element1({1, 100}, 1);
    harness.element2({"?", 1}, 2);
    harness.element2({"?", 2}, 2);
    harness.element1({1, 11}, 2);  // the same timer as the question's: once
    CHECK(harness.take() == Lines{{"?1=100", 2}, {"?2=-1", 2}});
    harness.watermark1(INT64_MAX);
    CHECK(harness.take().empty());
    harness.watermark2(11);
    CHECK(harness.take() == Lines{{"end of 1 with 111 at w11", 11}});
    harness.watermark2(12);
    auto last = harness.take();
    std::sort(last.begin(), last.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    CHECK(last == Lines{{"end of 1 with -1 at w12", 12}, {"end of 2 with -1 at w12", 12}});
    CHECK(harness.output.watermarks.back().elementsBefore == harness.output.count);
}

TEST_CASE("state and timers of a keyed co-process function survive a snapshot, by key group", "[operators]") {
    AccountsHarness harness(kAccounts);
    harness.open();
    for (std::int32_t account = 0; account < 100; ++account) harness.element1({account, account}, 5);
    const MemorySnapshot snapshot = harness.snapshot();
    std::size_t ended = 0;
    for (int half = 0; half < 2; ++half) {
        AccountsHarness restored(kAccounts);
        restored.openFrom(snapshot.forKeyGroups(half * 64, half * 64 + 63));
        restored.watermarks(15);
        for (const auto& line : restored.take()) {
            const auto number = line.value.substr(7, line.value.find(' ', 7) - 7);
            CHECK(line.value == "end of " + number + " with " + number + " at w15");
            ++ended;
        }
    }
    CHECK(ended == 100);
}

TEST_CASE("firing timers of two inputs stops while the output is blocked, and goes on", "[operators]") {
    AccountsHarness harness(kAccounts);
    harness.open();
    for (std::int32_t account = 0; account < 5'000; ++account) harness.element1({account, account}, 5);
    harness.watermark1(100);
    harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
    CHECK(harness.watermark2(100) == detail::Progress::Suspended);
    std::size_t steps = 1;
    for (;; ++steps) {
        CHECK(harness.output.watermarks.empty());
        harness.context.outputBlocked = false;
        if (harness.stage().resume() == detail::Progress::Done) break;
    }
    CHECK(steps > 3);
    CHECK(harness.output.count == 5'000);
    REQUIRE(harness.output.watermarks.size() == 1);
    CHECK(harness.output.watermarks.front().elementsBefore == 5'000);
}
